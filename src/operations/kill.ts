import {
  beginPhase,
  checkMayEnd,
  emit,
  endPhase,
  endSession,
  failLaunch,
  failOpenAsks,
  resolvePeer,
  seatOf,
} from "../core/index.ts";
import type { Handler, OperationDeps } from "./types.ts";

/** Ends a session's process, proven to be that one, with what it started; open questions to it fail, and their askers hear it. */
export function killHandler(deps: OperationDeps, restart: Handler<"restart">): Handler<"kill"> {
  return async ({ caller, params, options }) => {
    if (params.restart) {
      const restarted = await restart({ caller, params: { peer: params.peer }, options });
      const [peer, ended] = restarted.state === "started" ? [restarted.peer.name, restarted.ended] : [params.peer, []];
      return { peer, already: ended.length === 0, ended, left: [], failed_asks: 0, restarted };
    }
    const { peer, by } = await deps.engine.run((ctx) => {
      const me = seatOf(ctx, caller);
      const target = resolvePeer(ctx, me, params.peer);
      checkMayEnd(ctx, caller, target);
      if (target.launch?.phase === "running") beginPhase(ctx, target.id, "stopping");
      return { peer: target, by: me.name };
    });
    const wasOffline = peer.presence.state === "offline";
    // A seat keeps the process of its last session: that one is gone, whoever has its pid now.
    const stopped = await deps.launcher.stop(wasOffline ? undefined : peer.instance, peer.launch?.pane);
    const uncommitted = peer.path === undefined ? undefined : await deps.launcher.uncommitted(peer.path);
    const failedAsks = await deps.engine.run((ctx) => {
      if (stopped.left.length > 0) {
        endPhase(ctx, peer.id, "running");
        return 0;
      }
      if (!ctx.tx.peers.get(peer.id)) return 0;
      const failed = failOpenAsks(ctx, peer.id, `${peer.name} was ended by ${by} before it answered.`);
      if (peer.launch?.phase === "starting" || peer.launch?.phase === "restarting")
        failLaunch(ctx, peer.id, `it was ended by ${by}`);
      if (peer.launch?.phase !== "starting") {
        endSession(ctx, peer.id, `ended by ${by}`);
        endPhase(ctx, peer.id, "ended");
      }
      emit(ctx, {
        type: "peer.launch",
        peer: peer.id,
        data: { name: peer.name, phase: "killed", by, chain: caller.chain },
      });
      return failed;
    });
    return {
      peer: peer.name,
      already: stopped.ended.length === 0 && stopped.left.length === 0,
      ...stopped,
      failed_asks: failedAsks,
      uncommitted: uncommitted && peer.path !== undefined ? { path: peer.path, ...uncommitted } : undefined,
    };
  };
}
