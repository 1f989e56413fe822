import { mustGet, publicPeer } from "../core/index.ts";
import type { Handler, OperationDeps } from "./types.ts";

/** What runtimes find is theirs to say; here it gets the shape that everybody sees. */
export function discoverHandler(deps: OperationDeps): Handler<"discover"> {
  return async ({ params }) => {
    const { found, unreachable } = await deps.discover(params.env ?? {});
    return {
      found: deps.engine.read((ctx) =>
        found.map(({ peer, isNew, can }) => ({
          peer: publicPeer(ctx, mustGet(ctx, peer)),
          is_new: isNew,
          can: [...can],
        })),
      ),
      unreachable,
    };
  };
}
