import {
  type DeliverResult,
  type Envelope,
  LIMITS,
  type MessageId,
  type PeerId,
  type Rung,
} from "../protocol/index.ts";
import { type Context, stir } from "./context.ts";
import { makeEnvelope, shownBytes } from "./envelope.ts";
import { applyGate, failIfAsk, isOurHold, tellHeld } from "./gate.ts";
import { closeDelivery, move, present } from "./mailbox.ts";
import type { DeliveryRecord, PeerRecord, Route } from "./ports.ts";
import { requeue } from "./retry.ts";
import { chooseRoute, closeRoute, hasPush, suspectRung } from "./routes.ts";

/**
 * Decides what goes to whom now. It looks at a peer's mailbox whenever something about that peer changed: new mail, a route, what
 * the session is doing, a closed question. Nothing is polled.
 */
export function routeMail(ctx: Context, peerId: PeerId): void {
  const peer = ctx.tx.peers.get(peerId);
  if (!peer) return;
  const waiting = applyGate(ctx, peer, ctx.tx.deliveries.inStates(peerId, ["queued", "held"]));
  if (waiting.length === 0 || peer.presence.state === "offline" || peer.presence.state === "limited") return;
  if (ctx.live.linkExpectedUntil(peerId) > ctx.now.awake) return;
  // What no route can take any more stands before nothing and carries nothing along.
  const reachable = waiting.filter((delivery) => chooseRoute(ctx, peerId, delivery.dead_rungs));
  const batches = new Map<string, DeliveryRecord[]>();
  for (const delivery of eligible(ctx, peer, reachable)) {
    const route = chooseRoute(ctx, peerId, delivery.dead_rungs);
    if (!route) continue;
    const leased = leaseTo(ctx, delivery, route.rung, route.id);
    batches.set(route.id, [...(batches.get(route.id) ?? []), leased]);
  }
  for (const [route, deliveries] of batches) {
    for (let i = 0; i < deliveries.length; i += LIMITS.deliverItemsMax) {
      const items = deliveries.slice(i, i + LIMITS.deliverItemsMax).map((delivery) => makeEnvelope(ctx, delivery));
      ctx.effects.push({ type: "deliver", route, peer: peerId, items });
    }
  }
}

/** A question that was closed while its hand-over was in flight. */
function isOver(ctx: Context, delivery: DeliveryRecord): boolean {
  return delivery.kind === "ask" && ctx.tx.asks.get(delivery.message)?.state !== "open";
}

/**
 * What may be pushed now, in acceptance order. fyi never starts a turn, so it only rides along with something that does. An idle
 * session takes everything else, but one unanswered question at a time; a busy one only what is urgent. What one sender sent with
 * one urgency arrives in the order it was sent: behind a question that has to wait, so does the rest. Answers do not wait: the
 * session may need them for the question it has in hand.
 */
function eligible(ctx: Context, peer: PeerRecord, queued: DeliveryRecord[]): DeliveryRecord[] {
  const activity = ctx.live.activity(peer.id).state;
  const isBusy = activity === "busy" || activity === "waiting";
  let askInFlight = hasAskInFlight(ctx, peer.id);
  const stopped = new Set<string>();
  const isNext = (delivery: DeliveryRecord): boolean => {
    if (delivery.kind === "answer") return true;
    const line = `${delivery.from} ${delivery.urgency}`;
    if (stopped.has(line) && delivery.attempt === 0) return false;
    if (delivery.kind !== "ask") return true;
    if (askInFlight) {
      stopped.add(line);
      return false;
    }
    askInFlight = true;
    return true;
  };
  const mail = queued.filter((delivery) => delivery.kind !== "permission");
  const startsTurn = mail
    .filter((delivery) => delivery.urgency === "urgent" || (delivery.urgency === "normal" && !isBusy))
    .filter(isNext);
  if (isBusy) return chooseRoute(ctx, peer.id, [])?.serves.notes ? withNotes(startsTurn, mail) : startsTurn;
  if (startsTurn.length === 0) return startsTurn;
  // Chosen last, so that a question sent as fyi never takes the place of one that may start a turn.
  const rides = mail.filter((delivery) => delivery.urgency === "fyi").filter(isNext);
  return [...startsTurn, ...rides].sort((a, b) => a.seq - b.seq);
}

/** A running turn that takes notes beside it: fyi comes along by itself, but no question, which would want a turn of its own. */
function withNotes(urgent: DeliveryRecord[], mail: DeliveryRecord[]): DeliveryRecord[] {
  const notes = mail.filter((delivery) => delivery.urgency === "fyi" && delivery.kind !== "ask");
  return [...urgent, ...notes].sort((a, b) => a.seq - b.seq);
}

/** A question handed over, unanswered and not given up: the next one waits for it. */
export function hasAskInFlight(ctx: Context, peer: PeerId): boolean {
  return ctx.tx.asks.openTo(peer).some((ask) => {
    if (ask.overlooked_at !== undefined) return false;
    const state = ctx.tx.deliveries.get(ask.message, peer)?.state;
    return state === "leased" || state === "presented" || state === "seen";
  });
}

export function leaseTo(ctx: Context, delivery: DeliveryRecord, rung: Rung, route: string): DeliveryRecord {
  const message = ctx.tx.messages.get(delivery.message);
  return move(
    ctx,
    delivery,
    "leased",
    {
      attempt: delivery.attempt + 1,
      rung,
      lease_route: route,
      lease_until: ctx.now.awake + LIMITS.leaseMs,
      shown_bytes: message ? shownBytes(message, LIMITS.inlineBytesMax) : 0,
    },
    { rung },
  );
}

/** What a transport says became of a hand-over. Reports of an attempt that is over are ignored: a newer one is under way. */
export function settleDelivery(ctx: Context, peer: PeerId, result: DeliverResult, rung: Rung): void {
  const delivery = ctx.tx.deliveries.get(result.message, peer);
  if (!delivery || delivery.attempt !== result.attempt || delivery.state !== "leased") return;
  switch (result.outcome) {
    case "presented":
      present(ctx, delivery, rung);
      return;
    case "held":
      if (isOver(ctx, delivery)) {
        closeDelivery(ctx, delivery, "cancelled", "nobody waits for its answer any more");
        return;
      }
      tellHeld(ctx, move(ctx, delivery, "held", { reason: result.reason ?? "held by the recipient's runtime" }));
      stir(ctx, peer);
      return;
    case "refused":
      move(ctx, delivery, "refused", { reason: result.reason });
      failIfAsk(ctx, delivery, result.reason ?? "the recipient's runtime refused it");
      return;
    case "unreachable":
      requeue(ctx, delivery, result.reason ?? `${rung} could not take it`, {
        dead_rungs: union(delivery.dead_rungs, rung),
      });
      return;
    default:
      result.outcome satisfies never;
  }
}

/** The recipient's runtime can take what it held back: it stands in the queue again, in its old order. */
export function releaseHeld(ctx: Context, peer: PeerId): void {
  for (const delivery of ctx.tx.deliveries.inStates(peer, ["held"])) {
    if (!isOurHold(delivery)) move(ctx, delivery, "queued");
  }
  stir(ctx, peer);
}

function union(rungs: readonly Rung[], rung: Rung): Rung[] {
  return rungs.includes(rung) ? [...rungs] : [...rungs, rung];
}

/** A push provably never reached the session: it goes out again, one rung lower, with the same handle. */
export function declareDead(ctx: Context, delivery: DeliveryRecord, why: string): void {
  const rung = delivery.rung;
  if (rung) suspectRung(ctx, delivery.peer, rung);
  requeue(ctx, delivery, why, rung ? { dead_rungs: union(delivery.dead_rungs, rung) } : {});
}

/**
 * A link is gone. What it certainly never received goes back to the queue at once; for the rest its process may come back and
 * say what it did.
 */
export function loseLink(ctx: Context, route: Route): void {
  closeRoute(ctx, route.id);
  ctx.live.expectLink(ctx.tx, route.peer, ctx.now.awake + LIMITS.resumeGraceMs);
  for (const delivery of ctx.tx.deliveries.inStates(route.peer, ["leased"])) {
    if (delivery.lease_route !== route.id) continue;
    ctx.tx.deliveries.put({ ...delivery, lease_until: ctx.now.awake + LIMITS.resumeGraceMs, lease_route: undefined });
  }
}

/**
 * The same session's process is back: hand-overs after its cursor never arrived there, so repeating them doubles nothing. Those up
 * to it are in its hands, and it gets the time of a whole hand-over to say what became of them.
 */
export function resumeLink(ctx: Context, peer: PeerId, cursor: number): void {
  ctx.live.expectLink(ctx.tx, peer, 0);
  for (const delivery of ctx.tx.deliveries.inStates(peer, ["leased"])) {
    if (!LINK_RUNGS.includes(delivery.rung)) continue;
    // After a restart the route that a hand-over remembers is void.
    if (delivery.lease_route !== undefined && ctx.live.route(delivery.lease_route)) continue;
    if ((delivery.lease_seq ?? 0) > cursor) requeue(ctx, delivery, "the link was lost before it arrived");
    else ctx.tx.deliveries.put({ ...delivery, lease_route: undefined, lease_until: ctx.now.awake + LIMITS.leaseMs });
  }
}

/** What a link's cursor counts. Results of calls travel on the link too, but not as hand-overs. */
const LINK_RUNGS: readonly (Rung | undefined)[] = ["channel", "push"];

/**
 * What a hook may hand over with its output. fyi always rides along; the rest only where no push can serve this session, and
 * never a second question beside an open one. `most`: where a runtime takes one message at a time.
 */
export function leaseForHook(
  ctx: Context,
  peer: PeerRecord,
  moment: HookMoment,
  lease: string,
  budgetBytes: number,
  most: number = Number.POSITIVE_INFINITY,
): Envelope[] {
  const queued = applyGate(ctx, peer, ctx.tx.deliveries.inStates(peer.id, ["queued", "held"]));
  const pushable = hasPush(ctx, peer.id);
  let askInFlight = hasAskInFlight(ctx, peer.id);
  let left = budgetBytes;
  const items: Envelope[] = [];
  for (const delivery of queued) {
    if (items.length >= most) break;
    if (delivery.kind === "permission") continue;
    if (!suitsMoment(delivery, moment, pushable)) continue;
    if (delivery.kind === "ask" && askInFlight) continue;
    const size = Math.min(ctx.tx.messages.get(delivery.message)?.body_bytes ?? 0, LIMITS.inlineBytesMax) + FRAME_BYTES;
    if (size > left) break;
    left -= size;
    if (delivery.kind === "ask") askInFlight = true;
    items.push(makeEnvelope(ctx, leaseTo(ctx, delivery, "hook", lease)));
  }
  return items;
}

/** Room for the frame around one body. */
const FRAME_BYTES = 400;

/** `before_write`: with a warning about the file that is written next, news that wait come along; no question, and nothing that wakes. */
export type HookMoment = "prompt" | "before_write" | "between_tools" | "turn_end";

function suitsMoment(delivery: DeliveryRecord, moment: HookMoment, pushable: boolean): boolean {
  switch (moment) {
    case "before_write":
      return delivery.urgency === "fyi" && delivery.kind !== "ask";
    case "prompt":
      return delivery.urgency === "fyi" || !pushable;
    case "between_tools":
      return !pushable && delivery.urgency === "urgent";
    case "turn_end":
      return !pushable && delivery.urgency !== "fyi";
    default:
      return moment satisfies never;
  }
}

/** The hook has written its output. */
export function settleHookLease(ctx: Context, peer: PeerId, lease: string): MessageId[] {
  const carried = ctx.tx.deliveries.inStates(peer, ["leased"]).filter((delivery) => delivery.lease_route === lease);
  return carried.map((delivery) => present(ctx, delivery, "hook").message);
}
