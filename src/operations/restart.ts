import {
  type Again,
  beginRestart,
  type Context,
  cancelRestart,
  failRestart,
  judgedFolder,
  mustGet,
  noteRestarted,
  type PeerRecord,
  planRestart,
  resolvePeer,
  seatOf,
  vacateSeat,
} from "../core/index.ts";
import type { LaunchOrder } from "../core/ports.ts";
import {
  asRepowireError,
  type MessageId,
  type OperationOutput,
  type PeerId,
  RepowireError,
} from "../protocol/index.ts";
import { checkMayStartHere, checkSameFolder, createLaunching, startedResult } from "./launching.ts";
import type { Call, Handler, OperationDeps } from "./types.ts";

type Result = OperationOutput<"restart">;

interface Plan {
  request: MessageId;
  peer: PeerRecord;
  order: LaunchOrder;
  /** Refuses where it cannot be any more. */
  check(ctx: Context): Again;
}

/**
 * Starts a session again in its seat. What runs goes on being allowed what it was allowed, so its restart asks nobody; one that has
 * ended is judged as any start is.
 */
export function restartHandler(deps: OperationDeps): Handler<"restart"> {
  const launching = createLaunching(deps);

  /** Asked again with its id, after a lost connection: what it did the first time. */
  function repeated(request: MessageId): Result | undefined {
    return deps.engine.read((ctx) => {
      const seat = ctx.tx.peers.all().find(({ launch: made }) => made?.request === request && made.phase === "running");
      const { pane, continues } = seat?.launch ?? {};
      if (!seat || !pane || continues === undefined) return undefined;
      return { ...startedResult(ctx, seat, { pane: pane.label, tookMs: 0 }), continues, ended: [] };
    });
  }

  async function begin(request: MessageId, { caller, params }: Call<"restart">): Promise<Result> {
    const peer = deps.engine.read((ctx) => resolvePeer(ctx, seatOf(ctx, caller), params.peer));
    const isOffline = peer.presence.state === "offline";
    const check = (ctx: Context) =>
      planRestart(ctx, caller, mustGet(ctx, peer.id), isOffline || params.ended_only === true);
    const again = deps.engine.read(check);
    checkSameFolder(deps, again.path);
    const known = params.fresh ? undefined : peer.conversation;
    const conversation = known && deps.launcher.canContinue(again.runtime, known) ? known : undefined;
    const order = { ...again, name: peer.name, circle: peer.circle, again: { conversation } };
    const judged = deps.engine.read((ctx) => judgedFolder(ctx, again.path));
    const { why } = deps.launcher.judge({ ...again, path: judged });
    if (why !== undefined && isOffline) checkMayStartHere(caller, why);
    if (why !== undefined && isOffline && !caller.isHuman)
      await launching.approve({ request, by: caller.peer, why, order });
    return restart(caller.peer, { request, peer, order, check });
  }

  async function restart(by: PeerId, { request, peer, order, check }: Plan): Promise<Result> {
    const startedAt = deps.clock.now().awake;
    const { id, name } = peer;
    checkSameFolder(deps, order.path);
    await deps.engine.run((ctx) => beginRestart(ctx, id, mustGet(ctx, by), request, check(ctx)));
    const isOnline = peer.presence.state !== "offline";
    const stopped = await deps.launcher.stop(isOnline ? peer.instance : undefined, peer.launch?.pane);
    if (stopped.left.length > 0) {
      await deps.engine.run((ctx) => cancelRestart(ctx, id));
      const left = stopped.left.map((one) => `${one.command} (${one.pid})`).join(", ");
      throw new RepowireError("launch_failed", `${name} was not restarted: ${left} of it could not be ended.`);
    }
    try {
      await deps.engine.run((ctx) => vacateSeat(ctx, id, order.again?.conversation !== undefined));
      const { pane, continues } = await launching.bringUp(id, order);
      const tookMs = Math.round(deps.clock.now().awake - startedAt);
      return await deps.engine.run((ctx) => {
        noteRestarted(ctx, id, mustGet(ctx, by), continues);
        const up = startedResult(ctx, mustGet(ctx, id), { pane: pane.label, tookMs });
        return { ...up, continues, ended: stopped.ended };
      });
    } catch (error) {
      const why = asRepowireError(error).message;
      await deps.engine.run((ctx) => failRestart(ctx, id, by, why.split("\n")[0] ?? why));
      throw error instanceof RepowireError && error.code === "launch_failed"
        ? new RepowireError("launch_failed", `${name} did not come back; its seat and mailbox stay: ${why}`)
        : error;
    }
  }

  return (call) => {
    const request = call.params.message ?? deps.ids.message();
    return launching.once(request, call, async () => repeated(request) ?? begin(request, call));
  };
}
