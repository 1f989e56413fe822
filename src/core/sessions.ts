import { OPEN_DELIVERY_STATES, type PeerId, type ProcessInstance } from "../protocol/index.ts";
import { withdrawApprovals } from "./approvals.ts";
import { type Context, emit, stir } from "./context.ts";
import { noteLaunchEnded } from "./launches.ts";
import type { DeliveryRecord } from "./ports.ts";
import { setPresence } from "./registry.ts";
import { representAsks, requeue } from "./retry.ts";
import { closeRoute } from "./routes.ts";
import { settlePending } from "./waiting.ts";
import { noteWatchedEnd } from "./watches.ts";

/**
 * A session's conversation changed (cleared, resumed, compacted): the peer stays, and what only the old one knew is shown again. `at`
 * (epoch ms): when it was compacted, where that is told late; what came after it was not forgotten.
 */
export function changeConversation(
  ctx: Context,
  peerId: PeerId,
  conversation: string,
  source: "change" | "compact",
  at: number = Number.POSITIVE_INFINITY,
): void {
  const peer = ctx.tx.peers.get(peerId);
  if (!peer) return;
  const changed = peer.conversation !== conversation;
  if (!changed && source === "change") return;
  const had = peer.conversation !== undefined;
  ctx.tx.peers.put({
    ...peer,
    conversation,
    turn: changed ? undefined : peer.turn,
    transcript: changed ? undefined : peer.transcript,
  });
  if (changed) emit(ctx, { type: "peer.conversation", peer: peerId, data: { name: peer.name } });
  if (had && changed)
    representAsks(
      ctx,
      peerId,
      "its conversation was replaced",
      (delivery) => delivery.conversation !== conversation && mayBeLost(ctx, delivery),
    );
  if (source === "compact")
    representAsks(
      ctx,
      peerId,
      "its conversation was compacted",
      (delivery) => delivery.state === "seen" && (delivery.presented_at ?? 0) <= at,
    );
  stir(ctx, peerId);
}

/**
 * The change is heard of later than it happens, so what was written meanwhile may have gone to the new conversation. Where receipts
 * are to be had, they or their absence will tell.
 */
function mayBeLost(ctx: Context, delivery: DeliveryRecord): boolean {
  const hasEntered = delivery.state === "seen" || delivery.entered_at !== undefined;
  return hasEntered || !ctx.live.givesReceipts(delivery.peer);
}

/**
 * The process of a session is gone. The seat and its mailbox stay; what was in flight or only known to that process goes back to
 * the queue, waiting askers hear that the peer is offline.
 */
export function endSession(ctx: Context, peerId: PeerId, why: string): void {
  const peer = ctx.tx.peers.get(peerId);
  if (!peer || peer.presence.state === "offline") return;
  for (const route of ctx.live.routes(peerId)) closeRoute(ctx, route.id);
  ctx.live.setActivity(ctx.tx, peerId, { state: "unknown", since_awake: ctx.now.awake });
  ctx.live.setGivesReceipts(ctx.tx, peerId, false);
  ctx.live.expectLink(ctx.tx, peerId, 0);
  for (const wait of ctx.live.waitsOf(peerId)) ctx.live.removeWait(ctx.tx, wait.id);
  for (const delivery of ctx.tx.deliveries.inStates(peerId, ["leased"])) {
    requeue(ctx, delivery, "the session ended during the hand-over", {
      possible_duplicates: delivery.possible_duplicates + 1,
    });
  }
  for (const delivery of ctx.tx.deliveries.inStates(peerId, ["presented"])) {
    if (delivery.kind !== "ask" && delivery.entered_at === undefined)
      requeue(ctx, delivery, "the session ended before it took it in");
  }
  representAsks(ctx, peerId, "the session ended before it answered", () => true);
  forgetDeadRungs(ctx, peerId);
  withdrawApprovals(ctx, peerId, "the session ended", () => true);
  // It was this session that a person appointed; one that is started again in its seat is the same to them.
  const role = peer.role === "orchestrator" && peer.launch?.phase !== "restarting" ? "agent" : peer.role;
  ctx.tx.peers.put({ ...(ctx.tx.peers.get(peerId) ?? peer), role, turn: undefined, had_link: false });
  setPresence(ctx, peerId, { state: "offline", detail: why });
  // Whoever ends it fails these questions a moment later: until then "pending" would be the wrong last word for a waiting asker.
  // And a session that is started again is worth waiting for.
  const phase = peer.launch?.phase;
  if (phase !== "stopping" && phase !== "restarting")
    for (const ask of ctx.tx.asks.openTo(peerId)) settlePending(ctx, ask);
  if (phase !== "restarting") noteWatchedEnd(ctx, peerId);
  noteLaunchEnded(ctx, peerId);
  leaveIfDone(ctx, peerId);
}

/** The same question, for one pass over the seats: one process may have many, and is looked at once. */
export function lookingOnce(isAlive: (instance: ProcessInstance) => boolean): (instance: ProcessInstance) => boolean {
  const known = new Map<string, boolean>();
  return (instance) => {
    const name = `${instance.pid} ${instance.started} ${instance.boot}`;
    const found = known.get(name) ?? isAlive(instance);
    known.set(name, found);
    return found;
  };
}

/**
 * Before a session claims a seat: whoever sat in its folder, or had its conversation, and whose process died just now, unnoticed
 * yet. Without this a session that starts again at once would get a second seat, and the mail of the first would wait for nobody.
 */
export function endDeadSessions(
  ctx: Context,
  start: { path?: string; conversation?: string },
  isAlive: (instance: ProcessInstance) => boolean,
): void {
  const lives = lookingOnce(isAlive);
  for (const peer of ctx.tx.peers.all()) {
    const isInTheWay =
      (start.path !== undefined && peer.path === start.path) ||
      (start.conversation !== undefined && peer.conversation === start.conversation);
    if (!isInTheWay || peer.presence.state === "offline" || !peer.instance || lives(peer.instance)) continue;
    endSession(ctx, peer.id, "its process ended");
  }
}

/**
 * Removes the seat of a temporary session that has ended, once nothing is open for it: until then its name must still lead
 * somewhere. Any other seat stays.
 */
export function leaveIfDone(ctx: Context, peerId: PeerId): void {
  const peer = ctx.tx.peers.get(peerId);
  if (!peer?.temporary || peer.presence.state !== "offline") return;
  const isNeeded =
    ctx.tx.asks.openTo(peerId).length > 0 ||
    ctx.tx.asks.openFrom(peerId).length > 0 ||
    ctx.tx.deliveries.count(peerId, OPEN_DELIVERY_STATES) > 0;
  if (isNeeded) return;
  ctx.tx.peers.remove(peerId);
  emit(ctx, { type: "peer.left", peer: peerId, data: { name: peer.name } });
}

/** A push that was dead in one process says nothing about the next one that takes this seat. */
function forgetDeadRungs(ctx: Context, peerId: PeerId): void {
  for (const delivery of ctx.tx.deliveries.inStates(peerId, ["queued", "held"])) {
    if (delivery.dead_rungs.length > 0) ctx.tx.deliveries.put({ ...delivery, dead_rungs: [] });
  }
}
