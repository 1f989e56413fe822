import { type MessageId, type Pause, type PeerId, RepowireError } from "../protocol/index.ts";
import { type BucketSize, isSpent, MINUTE_MS, NIGHT_MS, spend, usedOf } from "./budget.ts";
import { type Context, emit } from "./context.ts";
import { freeHandle } from "./mailbox.ts";
import type { PauseRecord, PeerRecord } from "./ports.ts";

/**
 * Stops agents that talk in circles. Each pair has a budget a minute and a night, each circle one a minute, each thread a depth. What
 * uses one up is paused until a person lifts it. Answers always pass, since they were asked for; people are never counted or paused.
 */

/** A message that would use a budget up: nothing of it is stored, and what it happened in is to be paused. */
export class BudgetSpentError extends RepowireError {
  readonly trip: Trip;

  constructor(trip: Trip, detail: string) {
    super("thread_paused", detail);
    this.trip = trip;
  }
}

export type Trip = Omit<PauseRecord, "paused_at" | "resumed_at" | "lifted_at_hops">;

/** A message before it is accepted: who writes to whom, in which chain. */
export interface Sending {
  from: PeerRecord;
  to: readonly PeerRecord[];
  /** The chain that it continues; a message that begins one is in none yet. */
  thread?: MessageId;
  hops: number;
}

export function pairKey(a: PeerId, b: PeerId): string {
  return a < b ? `pair ${a} ${b}` : `pair ${b} ${a}`;
}
const nightKey = (a: PeerId, b: PeerId) => `night ${pairKey(a, b)}`;
const circleKey = (circle: string) => `circle ${circle}`;
const senderKey = (peer: PeerId) => `sender ${peer}`;

function sizes(ctx: Context): Record<"pair" | "night" | "circle", BucketSize> {
  const { pairPerMinute, pairPerNight, circlePerMinute } = ctx.config.budgets;
  return {
    pair: { max: pairPerMinute, fullInMs: MINUTE_MS },
    night: { max: pairPerNight, fullInMs: NIGHT_MS },
    circle: { max: circlePerMinute, fullInMs: MINUTE_MS },
  };
}

/** People decide themselves how much they write. */
const isCounted = (peer: PeerRecord) => peer.role !== "human";
/** Who was appointed to talk to many has no share of its circle's budget; its pairs are counted all the same. */
const hasShare = (peer: PeerRecord) => peer.role === "agent";

/** Counts one message to one peer (`ask`, `notify`), or refuses it. Throws `thread_paused` with what to do. */
export function countMessage(ctx: Context, sending: Sending): void {
  const [to] = sending.to;
  if (!to || !isCounted(sending.from)) return;
  refusePaused(ctx, sending.from, to, sending.thread);
  checkDepth(ctx, sending);
  checkPair(ctx, sending, to);
  countInCircle(ctx, sending);
  spendPair(ctx, sending.from, to);
}

/** Counts a broadcast, and says of each recipient whether it may go there; a pair that is paused or spent is left out. */
export function countBroadcast(ctx: Context, sending: Sending): (to: PeerRecord) => boolean {
  const { from, thread } = sending;
  if (!isCounted(from)) return () => true;
  const own = activePauses(ctx).find((pause) => stopsSender(pause, from, thread));
  if (own) throw pausedError(ctx, own, from);
  checkDepth(ctx, sending);
  countInCircle(ctx, sending);
  const { pair, night } = sizes(ctx);
  return (to) => {
    const isPaused = activePauses(ctx).some((pause) => stopsPair(pause, from.id, to.id));
    const isOut = isSpent(ctx, pairKey(from.id, to.id), pair) || isSpent(ctx, nightKey(from.id, to.id), night);
    if (!isPaused && !isOut) spendPair(ctx, from, to);
    return !isPaused && !isOut;
  };
}

const activePauses = (ctx: Context): PauseRecord[] =>
  ctx.tx.shelves.pause.all().filter((pause) => pause.resumed_at === undefined);

function stopsPair(pause: PauseRecord, a: PeerId, b: PeerId): boolean {
  return pause.scope === "pair" && pause.peers.includes(a) && pause.peers.includes(b);
}

function stopsSender(pause: PauseRecord, from: PeerRecord, thread: MessageId | undefined): boolean {
  if (pause.scope === "sender") return pause.peers.includes(from.id);
  return pause.scope === "thread" && pause.thread === thread;
}

function refusePaused(ctx: Context, from: PeerRecord, to: PeerRecord, thread: MessageId | undefined): void {
  const pause = activePauses(ctx).find(
    (candidate) => stopsPair(candidate, from.id, to.id) || stopsSender(candidate, from, thread),
  );
  if (pause) throw pausedError(ctx, pause, from);
}

function checkPair(ctx: Context, sending: Sending, to: PeerRecord): void {
  const { from } = sending;
  const { pair, night } = sizes(ctx);
  const trip = (reason: string) => tripError(ctx, sending, "pair", [from, to], reason);
  if (isSpent(ctx, pairKey(from.id, to.id), pair))
    throw trip(`${from.name} and ${to.name} sent each other ${pair.max} messages within a minute`);
  if (isSpent(ctx, nightKey(from.id, to.id), night))
    throw trip(`${from.name} and ${to.name} sent each other ${night.max} messages within ${NIGHT_MS / 3_600_000} h`);
}

function spendPair(ctx: Context, from: PeerRecord, to: PeerRecord): void {
  const { pair, night } = sizes(ctx);
  spend(ctx, pairKey(from.id, to.id), pair);
  spend(ctx, nightKey(from.id, to.id), night);
}

function checkDepth(ctx: Context, sending: Sending): void {
  const { threadDepth } = ctx.config.budgets;
  const { thread, hops } = sending;
  if (threadDepth === 0 || thread === undefined) return;
  const lifted = Math.max(
    0,
    ...ctx.tx.shelves.pause
      .all()
      .filter((pause) => pause.scope === "thread" && pause.thread === thread)
      .map((pause) => pause.lifted_at_hops ?? 0),
  );
  if (hops - lifted <= threadDepth) return;
  throw tripError(
    ctx,
    sending,
    "thread",
    [sending.from],
    `this would be message ${hops} of a chain in which each causes the next, and ${threadDepth} are allowed`,
  );
}

/**
 * The circle's budget is everybody's: where it is used up, whoever used most of it is paused, and what that one used is free for the
 * others again. Only if that is the sender itself is this message refused.
 */
function countInCircle(ctx: Context, sending: Sending): void {
  const { from } = sending;
  const { circle } = sizes(ctx);
  if (circle.max === 0 || !hasShare(from)) return;
  if (isSpent(ctx, circleKey(from.circle), circle)) {
    const heaviest = heaviestSender(ctx, from);
    const reason = `${heaviest.name} sent most of the ${circle.max} messages that circle "${from.circle}" may send within a minute`;
    if (heaviest.id === from.id) throw tripError(ctx, sending, "sender", [from], reason);
    pause(ctx, tripOf(ctx, sending, "sender", [heaviest], reason));
  }
  spend(ctx, circleKey(from.circle), circle);
  spend(ctx, senderKey(from.id), circle);
}

function heaviestSender(ctx: Context, from: PeerRecord): PeerRecord {
  const { circle } = sizes(ctx);
  const paused = new Set(activePauses(ctx).flatMap((pause) => (pause.scope === "sender" ? pause.peers : [])));
  let heaviest = from;
  for (const peer of ctx.tx.peers.all()) {
    if (peer.circle !== from.circle || !hasShare(peer) || paused.has(peer.id)) continue;
    if (usedOf(ctx, senderKey(peer.id), circle) > usedOf(ctx, senderKey(heaviest.id), circle)) heaviest = peer;
  }
  return heaviest;
}

function tripOf(
  ctx: Context,
  { from, thread }: Sending,
  scope: Trip["scope"],
  peers: readonly PeerRecord[],
  reason: string,
): Trip {
  return { id: freeHandle(ctx), scope, peers: peers.map((peer) => peer.id), circle: from.circle, thread, reason };
}

function tripError(
  ctx: Context,
  sending: Sending,
  scope: Trip["scope"],
  peers: readonly PeerRecord[],
  reason: string,
): BudgetSpentError {
  const trip = tripOf(ctx, sending, scope, peers, reason);
  return new BudgetSpentError(trip, sentence(ctx, trip, sending.from.id));
}

/** Stores the pause that a refused message called for, unless it stands already. Returns what the sender is told. */
export function pauseAfter(ctx: Context, spent: BudgetSpentError, from: PeerId): RepowireError {
  return new RepowireError("thread_paused", sentence(ctx, pause(ctx, spent.trip), from));
}

/** Pauses, and lets people know, once. */
function pause(ctx: Context, trip: Trip): PauseRecord {
  const standing = activePauses(ctx).find(
    (known) =>
      known.scope === trip.scope &&
      (trip.scope === "thread" ? known.thread === trip.thread : trip.peers.every((peer) => known.peers.includes(peer))),
  );
  if (standing) return standing;
  const record: PauseRecord = { ...trip, paused_at: ctx.now.wall };
  ctx.tx.shelves.pause.put(trip.id, record);
  if (trip.scope === "sender") freeShare(ctx, trip);
  emit(ctx, {
    type: "guard.paused",
    peer: trip.peers[0],
    data: { id: trip.id, scope: trip.scope, names: trip.peers.map((peer) => nameOf(ctx, peer)), reason: trip.reason },
  });
  return record;
}

/** What a paused sender used of its circle's budget is there for the others again. */
function freeShare(ctx: Context, { circle: name, peers }: Trip): void {
  const { circle } = sizes(ctx);
  for (const peer of peers) {
    spend(ctx, circleKey(name), circle, -usedOf(ctx, senderKey(peer), circle));
    ctx.live.setBucket(ctx.tx, senderKey(peer), undefined);
  }
}

const nameOf = (ctx: Context, peer: PeerId) => ctx.tx.peers.get(peer)?.name ?? "a peer that left";

function pausedError(ctx: Context, paused: PauseRecord, from: PeerRecord): RepowireError {
  return new RepowireError("thread_paused", sentence(ctx, paused, from.id));
}

/** What a sender reads: what is stopped, why, and the one thing that helps. */
function sentence(ctx: Context, paused: Trip, from: PeerId): string {
  const others = paused.peers.filter((peer) => peer !== from).map((peer) => nameOf(ctx, peer));
  const what =
    paused.scope === "pair"
      ? `Messages between you and ${others.join(", ")} are`
      : paused.scope === "sender"
        ? "Your messages are"
        : "This chain of messages is";
  return `${what} paused: ${paused.reason}. Answers still pass. Do not try again or go around it: go on with other work, or tell your user, who lifts it with \`repowire resume ${paused.id}\`.`;
}

export function publicPause(ctx: Context, record: PauseRecord): Pause {
  const { lifted_at_hops: _l, ...open } = record;
  return { ...open, peers: record.peers.map((id) => ({ id, name: nameOf(ctx, id) })) };
}

/** The pauses that stand, oldest first. */
export const pauses = (ctx: Context): Pause[] => activePauses(ctx).map((record) => publicPause(ctx, record));

/** Lifts pauses: what they stopped begins with full budgets. */
export function resume(ctx: Context, lifted: readonly PauseRecord[], chain: string | undefined): void {
  for (const record of lifted) {
    const chainSoFar = record.scope === "thread" && record.thread ? ctx.tx.messages.ofThread(record.thread) : [];
    const deepest = Math.max(0, ...chainSoFar.map((message) => message.hops));
    ctx.tx.shelves.pause.put(record.id, {
      ...record,
      resumed_at: ctx.now.wall,
      ...(record.scope === "thread" ? { lifted_at_hops: deepest } : {}),
    });
    for (const peer of record.peers) {
      ctx.live.setBucket(ctx.tx, senderKey(peer), undefined);
      for (const other of record.peers) {
        if (peer === other) continue;
        ctx.live.setBucket(ctx.tx, pairKey(peer, other), undefined);
        ctx.live.setBucket(ctx.tx, nightKey(peer, other), undefined);
      }
    }
    emit(ctx, {
      type: "guard.resumed",
      peer: record.peers[0],
      data: { id: record.id, names: record.peers.map((peer) => nameOf(ctx, peer)), chain },
    });
  }
}

/** The pauses that a person names: by their id, by a message of the thread, or by a peer. */
export function pausesNamed(ctx: Context, text: string): PauseRecord[] {
  const active = activePauses(ctx);
  const message = ctx.tx.messages.get(ctx.tx.deliveries.byHandle(text)?.message ?? text);
  return active.filter((record) => record.id === text || (message && record.thread === message.thread));
}

export const pausesOf = (ctx: Context, peer: PeerId): PauseRecord[] =>
  activePauses(ctx).filter((record) => record.peers.includes(peer));

/** Pauses that were lifted long ago say nothing any more. */
export function forgetPauses(ctx: Context, before: number): void {
  for (const record of ctx.tx.shelves.pause.all()) {
    if (record.resumed_at !== undefined && record.resumed_at < before) ctx.tx.shelves.pause.remove(record.id);
  }
}

/** How many events are looked at when the counters are made anew. */
const REBUILD_EVENTS_MAX = 4_000;

/** After a start: what was sent just before it still counts, as far as the newest events tell. */
export function rebuildBudgets(ctx: Context): void {
  const events = ctx.tx.events.after(Math.max(0, ctx.tx.events.last() - REBUILD_EVENTS_MAX), REBUILD_EVENTS_MAX);
  const { pair, night, circle } = sizes(ctx);
  const senders = new Map<string, { from: PeerId; at: number }>();
  for (const event of events) {
    if (!event.message || !event.peer) continue;
    if (event.type === "message.accepted" && (event.data.kind === "ask" || event.data.kind === "notify"))
      senders.set(event.message, { from: event.peer, at: event.at });
    const sent = event.type === "delivery.queued" ? senders.get(event.message) : undefined;
    const from = sent && ctx.tx.peers.get(sent.from);
    if (!sent || !from || !isCounted(from)) continue;
    const at = ctx.now.awake - Math.max(0, ctx.now.wall - sent.at);
    spend(ctx, pairKey(from.id, event.peer), pair, 1, at);
    spend(ctx, nightKey(from.id, event.peer), night, 1, at);
    if (!hasShare(from)) continue;
    spend(ctx, circleKey(from.circle), circle, 1, at);
    spend(ctx, senderKey(from.id), circle, 1, at);
  }
}
