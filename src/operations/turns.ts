import { mustGet, resolvePeer, seatOf } from "../core/index.ts";
import { LIMITS } from "../protocol/index.ts";
import type { Handler, OperationDeps } from "./types.ts";

const SHOWN = 20;

/** What was said in a session beside the mesh. Only a person reads it: it is between that session and its user. */
export function turnsHandler(deps: OperationDeps): Handler<"turns"> {
  return async ({ caller, params }) => {
    const peer = deps.engine.read((ctx) => mustGet(ctx, resolvePeer(ctx, seatOf(ctx, caller), params.peer).id));
    const read = await deps.ownTurns(peer);
    if ("reason" in read) return { peer: peer.name, turns: [], is_cut: false, why: read.reason };
    const shown = read.turns.slice(-Math.min(params.limit ?? SHOWN, LIMITS.ownTurnsMax));
    return { peer: peer.name, turns: shown, is_cut: !read.isWhole || shown.length < read.turns.length };
  };
}
