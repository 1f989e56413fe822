import {
  type CircleName,
  LIMITS,
  type MessageId,
  type PeerId,
  type PeerName,
  RepowireError,
  type SpawnRuntime,
} from "../protocol/index.ts";
import { withdrawApprovals } from "./approvals.ts";
import { failAsk } from "./asks.ts";
import { type Caller, seatOf } from "./caller.ts";
import { type Context, emit } from "./context.ts";
import { closeDelivery, noticeIfRoom } from "./mailbox.ts";
import type { ApprovalRecord, LaunchRecord, PaneRecord, PeerRecord } from "./ports.ts";
import { freeName, isExpected, mustGet, nameFromPath, nameHolder, nameTaken, newSeat } from "./registry.ts";
import { settlePending } from "./waiting.ts";

/** Sessions that repowire starts: their seats are kept for them while they come up, and their ends are told. */

export interface SeatWish {
  request: MessageId;
  runtime: SpawnRuntime;
  profile?: string;
  args: string[];
  path: string;
  circle: CircleName;
  /** A name that was asked for; it is refused when taken. */
  name?: PeerName;
  /** What to call it otherwise; numbered when taken. */
  nameHint?: string;
}

/** The live sessions below a peer, and all that repowire started. */
function countLaunched(ctx: Context, ancestor: PeerId): { below: number; all: number } {
  const live = ctx.tx.peers.all().filter((peer) => peer.launch !== undefined && peer.launch.phase !== "ended");
  return { below: live.filter((peer) => descends(ctx, peer, ancestor)).length, all: live.length };
}

/** Whether `peer` was started by `ancestor`, or by one that it started. */
export function descends(ctx: Context, peer: PeerRecord, ancestor: PeerId): boolean {
  let at: PeerRecord | undefined = peer;
  for (let level = 0; at?.launch && level <= LIMITS.spawnDepthMax + 1; level++) {
    if (at.launch.spawner === ancestor) return true;
    at = ctx.tx.peers.get(at.launch.spawner);
  }
  return false;
}

export const depthOf = (peer: PeerRecord): number =>
  peer.launch && peer.launch.phase !== "ended" ? peer.launch.depth : 0;

/** Refuses what would go too deep or be too many; a person may do more than a session, but not without end. */
export function checkLaunchLimits(ctx: Context, spawner: PeerRecord): void {
  const { below, all } = countLaunched(ctx, spawner.id);
  if (depthOf(spawner) >= LIMITS.spawnDepthMax) {
    throw new RepowireError(
      "too_many_sessions",
      `You are ${LIMITS.spawnDepthMax} levels of started sessions deep, the most there may be. Ask the peer that started you, or your user.`,
    );
  }
  if (spawner.role !== "human" && below >= LIMITS.spawnedPerPeerMax) {
    throw new RepowireError(
      "too_many_sessions",
      `${below} sessions that you started are alive, the most there may be. End one with kill_peer first.`,
    );
  }
  if (all >= LIMITS.spawnedMax) {
    throw new RepowireError(
      "too_many_sessions",
      `${all} sessions that repowire started are alive, the most there may be. End one first (\`repowire peer kill NAME\`).`,
    );
  }
}

/** Keeps a seat for a session that is about to be started: one that waits in its folder, or a new one. */
export function reserveSeat(ctx: Context, spawner: PeerRecord, wish: SeatWish): PeerRecord {
  checkLaunchLimits(ctx, spawner);
  const free = freeSeat(ctx, wish);
  const seat =
    free ??
    newSeat(ctx, {
      runtime: wish.runtime,
      role: "agent",
      path: wish.path,
      name: freeName(ctx, wish.circle, wish.name ?? nameFromPath(wish.nameHint ?? wish.path)),
      circle: wish.circle,
      capabilities: [],
      identity: "asserted",
    });
  const launch: LaunchRecord = {
    request: wish.request,
    runtime: wish.runtime,
    profile: wish.profile,
    args: wish.args,
    spawner: spawner.id,
    depth: depthOf(spawner) + 1,
    madeSeat: free === undefined,
    phase: "starting",
    until_awake: ctx.now.awake + LIMITS.spawnReadyMs + LIMITS.stopMs,
  };
  ctx.tx.peers.put({
    ...seat,
    runtime: wish.runtime,
    instance: undefined,
    conversation: undefined,
    presence: { state: "offline", since: ctx.now.wall, detail: "starting" },
    launch,
  });
  emitPhase(ctx, seat, "starting", { by: spawner.name });
  return mustGet(ctx, seat.id);
}

function freeSeat(ctx: Context, wish: SeatWish): PeerRecord | undefined {
  const isFree = (peer: PeerRecord) =>
    peer.role === "agent" &&
    peer.presence.state === "offline" &&
    peer.path === wish.path &&
    !peer.temporary &&
    !isExpected(peer);
  const { name } = wish;
  if (name === undefined) return ctx.tx.peers.all().find((peer) => peer.circle === wish.circle && isFree(peer));
  const holder = nameHolder(ctx, wish.circle, name);
  if (!holder || (holder.name === name && isFree(holder))) return holder;
  throw new RepowireError(
    "name_taken",
    `${nameTaken(name, holder)} (${holder.path ?? "no folder"}, ${holder.presence.state}). Choose another name, or ask that peer.`,
  );
}

/** The pane is open and its process known. */
export function notePane(ctx: Context, id: PeerId, pane: PaneRecord): void {
  const peer = mustGet(ctx, id);
  if (peer.launch) ctx.tx.peers.put({ ...peer, launch: { ...peer.launch, pane } });
}

/** A push reaches the session when it is idle. */
export function canReceive(ctx: Context, id: PeerId): boolean {
  return ctx.live.routes(id).some((route) => route.ready && route.serves.idle !== undefined);
}

/** It never came up. A seat that was made for it goes with what was meant for it. */
export function failLaunch(ctx: Context, id: PeerId, why: string): void {
  const peer = ctx.tx.peers.get(id);
  if (!peer?.launch || peer.launch.phase === "ended") return;
  emitPhase(ctx, peer, "failed", { why });
  const wasNew = peer.launch.phase === "starting" && peer.launch.madeSeat;
  putLaunch(ctx, peer, { phase: "ended", until_awake: undefined, pane: undefined });
  if (peer.role === "orchestrator" && peer.presence.state === "offline")
    ctx.tx.peers.put({ ...mustGet(ctx, id), role: "agent" });
  if (!wasNew || peer.presence.state !== "offline") {
    for (const ask of ctx.tx.asks.openTo(id)) settlePending(ctx, ask);
    return;
  }
  failOpenAsks(ctx, id, `${peer.name} did not start: ${why}`);
  for (const delivery of ctx.tx.deliveries.inStates(id, ["queued", "held"]))
    closeDelivery(ctx, delivery, "cancelled", "the session did not start");
  ctx.tx.peers.remove(id);
  emit(ctx, { type: "peer.left", peer: id, data: { name: peer.name } });
}

/** From here on the end of its process is no surprise. */
export function beginPhase(ctx: Context, id: PeerId, phase: "stopping"): void {
  const peer = mustGet(ctx, id);
  if (!peer.launch) return;
  putLaunch(ctx, peer, { phase, until_awake: ctx.now.awake + LIMITS.stopMs });
  emitPhase(ctx, peer, phase, {});
}

export function endPhase(ctx: Context, id: PeerId, phase: "running" | "ended"): void {
  const peer = ctx.tx.peers.get(id);
  if (peer?.launch) putLaunch(ctx, peer, { phase, until_awake: undefined });
}

/** The process of a session is gone: as intended, or by itself, which whoever started it must hear. */
export function noteLaunchEnded(ctx: Context, id: PeerId): void {
  const peer = ctx.tx.peers.get(id);
  const phase = peer?.launch?.phase;
  if (!peer?.launch || (phase !== "running" && phase !== "stopping")) return;
  putLaunch(ctx, peer, { phase: "ended", until_awake: undefined });
  const byItself = phase === "running";
  emit(ctx, { type: "peer.ended", peer: id, data: { name: peer.name, by_itself: byItself } });
  if (byItself)
    tellSpawner(
      ctx,
      peer,
      `${peer.name} ended by itself: its process is gone. Its seat, its mailbox and open questions to it stay; kill_peer with restart (\`repowire peer resume ${peer.name}\`) starts it again.`,
    );
}

/** `normal` wakes an idle spawner: it waits for a session that does nothing any more. `fyi` is for what needs nothing of it. */
export function tellSpawner(ctx: Context, peer: PeerRecord, text: string, urgency: "normal" | "fyi" = "normal"): void {
  const spawner = peer.launch && ctx.tx.peers.get(peer.launch.spawner);
  if (spawner) noticeIfRoom(ctx, { from: peer, to: spawner, body: text, urgency });
}

export function failOpenAsks(ctx: Context, id: PeerId, text: string): number {
  const open = ctx.tx.asks.openTo(id);
  for (const ask of open) failAsk(ctx, ask, "session_gone", text);
  return open.length;
}

/** Only one's own descendants, or as orchestrator or human. */
export function checkMayEnd(ctx: Context, caller: Caller, target: PeerRecord): void {
  const me = seatOf(ctx, caller);
  if (target.id === me.id)
    throw new RepowireError("forbidden", `${target.name} is you. End your turn; your user or your spawner ends you.`);
  if (target.role !== "agent" && target.role !== "orchestrator")
    throw new RepowireError("forbidden", `${target.name} is no session (${target.role}), so it has no process to end.`);
  if (caller.isHuman || caller.role === "orchestrator" || descends(ctx, target, me.id)) return;
  throw new RepowireError(
    "forbidden",
    `You did not start ${target.name}, so you cannot end or restart it. Ask it, its user or your orchestrator.`,
  );
}

/** A phase that should have passed has not: the daemon was stopped in the middle of it, or the session never came. */
export function keepLaunchDeadlines(ctx: Context): void {
  for (const peer of ctx.tx.peers.all()) {
    const { launch } = peer;
    if (launch?.until_awake === undefined || launch.until_awake > ctx.now.awake) continue;
    const isOnline = peer.presence.state !== "offline";
    if ((launch.phase === "stopping" || launch.phase === "restarting") && isOnline) endPhase(ctx, peer.id, "running");
    else if (launch.phase === "starting" || launch.phase === "restarting") {
      const how = launch.phase === "starting" ? "come up" : "come back";
      tellSpawner(ctx, peer, `${peer.name} did not ${how} in time and is given up.`);
      failLaunch(ctx, peer.id, `it did not ${how} in time`);
    } else endPhase(ctx, peer.id, "ended");
  }
}

/** The daemon that held this request is gone, and with it what would have followed from it. */
export function voidRequest(ctx: Context, approval: ApprovalRecord): void {
  const why = "the daemon was started anew; ask again";
  withdrawApprovals(ctx, approval.peer, why, (other) => other.message === approval.message);
}

export function putLaunch(ctx: Context, peer: PeerRecord, change: Partial<LaunchRecord>): void {
  const latest = ctx.tx.peers.get(peer.id) ?? peer;
  if (latest.launch) ctx.tx.peers.put({ ...latest, launch: { ...latest.launch, ...change } });
}

export function emitPhase(ctx: Context, peer: PeerRecord, phase: string, data: Record<string, unknown>): void {
  emit(ctx, { type: "peer.launch", peer: peer.id, data: { name: peer.name, phase, ...data } });
}
