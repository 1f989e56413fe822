import { LIMITS, type MessageId, type PeerId, RepowireError, SpawnRuntime } from "../protocol/index.ts";
import { type Caller, seatOf } from "./caller.ts";
import type { Context } from "./context.ts";
import { checkLaunchLimits, checkMayEnd, depthOf, emitPhase, failLaunch, putLaunch, tellSpawner } from "./launches.ts";
import type { LaunchRecord, PeerRecord } from "./ports.ts";
import { mustGet } from "./registry.ts";
import { endSession } from "./sessions.ts";

/** A session is started once more in its seat: name, mailbox, open questions and launch stay, and its conversation where it has one. */

/** What runs after it: as it was started, in the same folder. */
export interface Again extends Pick<LaunchRecord, "runtime" | "profile" | "args"> {
  path: string;
}

/** Who may, and whether it can be now. `isResume`: only what has ended; else what lives is ended first. */
export function planRestart(ctx: Context, caller: Caller, target: PeerRecord, isResume: boolean): Again {
  checkMayEnd(ctx, caller, target);
  const { launch, name, path, presence } = target;
  const isOnline = presence.state !== "offline";
  if (launch && launch.phase !== "running" && launch.phase !== "ended") {
    const doing = { starting: "started", stopping: "ended", restarting: "restarted" }[launch.phase];
    throw new RepowireError(
      "session_state",
      `${name} is being ${doing} right now. \`repowire peer list\` shows when it is over.`,
    );
  }
  if (isOnline && isResume)
    throw new RepowireError(
      "session_state",
      `${name} runs (${presence.state}). \`repowire peer restart ${name}\` ends it first.`,
    );
  if (isOnline && !launch) {
    throw new RepowireError(
      "session_state",
      `repowire did not start ${name}, so it cannot start it the same way. End it where it runs, then \`repowire peer resume ${name}\`.`,
    );
  }
  const runtime = launch?.runtime ?? SpawnRuntime.safeParse(target.runtime).data;
  if (!runtime || path === undefined || target.temporary)
    throw new RepowireError("session_state", `${name} is no session that repowire can start (${target.runtime}).`);
  if (!isOnline) checkLaunchLimits(ctx, seatOf(ctx, caller));
  return { runtime, profile: launch?.profile, args: launch?.args ?? [], path };
}

/** From here on its seat is kept for it, senders read `restarting`, and whoever waits for its answer goes on waiting. */
export function beginRestart(ctx: Context, id: PeerId, by: PeerRecord, request: MessageId, again: Again): void {
  const peer = mustGet(ctx, id);
  const { path: _path, ...start } = again;
  const origin = peer.launch && ctx.tx.peers.get(peer.launch.spawner) ? peer.launch : undefined;
  const launch: LaunchRecord = {
    ...start,
    request,
    spawner: origin?.spawner ?? by.id,
    depth: origin?.depth ?? depthOf(by) + 1,
    madeSeat: false,
    phase: "restarting",
    until_awake: ctx.now.awake + restartMs(),
    pane: peer.launch?.pane,
  };
  ctx.tx.peers.put({ ...peer, launch });
  emitPhase(ctx, peer, "restarting", { by: by.name });
}

/** Its end, its start, and once more a start where its runtime has no such conversation. */
const restartMs = (): number => LIMITS.stopMs + 2 * LIMITS.spawnReadyMs;

/** The process before is gone: the seat waits for the next one, which is known by its own place in the process table. */
export function vacateSeat(ctx: Context, id: PeerId, keepsConversation: boolean): void {
  endSession(ctx, id, "restarting");
  const peer = mustGet(ctx, id);
  if (peer.launch?.phase !== "restarting") throw new RepowireError("launch_failed", "it was ended before it was up.");
  ctx.tx.peers.put({
    ...peer,
    instance: undefined,
    conversation: keepsConversation ? peer.conversation : undefined,
    launch: { ...peer.launch, pane: undefined },
  });
}

/** It is up again; whoever started it first hears that somebody else did this. */
export function noteRestarted(ctx: Context, id: PeerId, by: PeerRecord, continues: boolean): void {
  const peer = mustGet(ctx, id);
  putLaunch(ctx, peer, { continues });
  emitPhase(ctx, peer, "restarted", { by: by.name, continues });
  if (peer.launch?.spawner !== by.id)
    tellSpawner(
      ctx,
      peer,
      `${peer.name} was restarted by ${by.name}; it ${continues ? "continues its conversation" : "begins a new conversation"}.`,
      "fyi",
    );
}

/** It did not come back: the seat, its mailbox and its open questions stay, and who started it hears why. */
export function failRestart(ctx: Context, id: PeerId, by: PeerId, why: string): void {
  const peer = ctx.tx.peers.get(id);
  if (!peer?.launch || peer.launch.phase === "ended") return;
  failLaunch(ctx, id, why);
  endSession(ctx, id, "it did not come back");
  if (peer.launch.spawner !== by)
    tellSpawner(ctx, peer, `${peer.name} was to be restarted and did not come back: ${why}`);
}

/** What ran before runs on: it could not be ended. */
export function cancelRestart(ctx: Context, id: PeerId): void {
  const peer = ctx.tx.peers.get(id);
  if (peer?.launch?.phase === "restarting") putLaunch(ctx, peer, { phase: "running", until_awake: undefined });
}
