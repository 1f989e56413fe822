import { pauses, pausesNamed, pausesOf, publicPause, resolvePeer, resume, seatOf } from "../core/index.ts";
import { RepowireError } from "../protocol/index.ts";
import type { Handler, OperationDeps } from "./types.ts";

/** What the loop guard has stopped, and a person's word that it may go on. */

export function pausesHandler(deps: OperationDeps): Handler<"pauses"> {
  return async () => deps.engine.read((ctx) => ({ pauses: pauses(ctx) }));
}

export function resumeHandler(deps: OperationDeps): Handler<"resume"> {
  return ({ caller, params }) =>
    deps.engine.run((ctx) => {
      const named = pausesNamed(ctx, params.what);
      // What is no id of a pause or a message is the name of a peer; an unknown one is refused with the candidates.
      const found = named.length > 0 ? named : pausesOf(ctx, resolvePeer(ctx, seatOf(ctx, caller), params.what).id);
      if (found.length === 0) {
        throw new RepowireError("not_found", `Nothing of ${params.what} is paused. \`repowire resume\` lists what is.`);
      }
      resume(ctx, found, caller.chain);
      return { resumed: found.map((record) => publicPause(ctx, record)) };
    });
}
