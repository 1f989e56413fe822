import { resolvePeer, seatOf } from "../core/index.ts";
import { RepowireError } from "../protocol/index.ts";
import type { Handler, OperationDeps } from "./types.ts";

/** Where a person finds the screen of a session that repowire started. Nothing is changed by asking. */
export function paneHandler(deps: OperationDeps): Handler<"pane"> {
  return async ({ caller, params }) => {
    const peer = deps.engine.read((ctx) => resolvePeer(ctx, seatOf(ctx, caller), params.peer));
    const pane = peer.launch?.pane;
    if (!pane) {
      throw new RepowireError(
        "not_found",
        `repowire did not start ${peer.name}, so it knows no pane of it. It runs where you started it.`,
      );
    }
    const doors = await deps.launcher.doors(pane);
    if (!doors) {
      throw new RepowireError(
        "not_found",
        `The pane of ${peer.name} is gone with its session. \`repowire peer resume ${peer.name}\` starts it again in its seat.`,
      );
    }
    return { peer: peer.name, label: pane.label, socket: pane.socket, attach: doors.attach, switch_to: doors.switchTo };
  };
}
