import {
  byteLength,
  type CheckoutState,
  DELIVERY_MOVES,
  type DeliveryState,
  type EventType,
  type Handle,
  LIMITS,
  type Message,
  type MessageId,
  type MessageKind,
  mayMove,
  OPEN_DELIVERY_STATES,
  type PeerId,
  RepowireError,
  type Rung,
  type Urgency,
} from "../protocol/index.ts";
import { attach } from "./attachments.ts";
import { type Context, emit, stir } from "./context.ts";
import { effectiveInbound } from "./inbound.ts";
import type { DeliveryRecord, PeerRecord } from "./ports.ts";
import { proveRung } from "./routes.ts";

/** Deliveries on their way to peers: accepted, moved through their states, proven by receipts. Only legal moves happen here. */

export interface NewMessage {
  id: MessageId;
  kind: MessageKind;
  from: PeerRecord;
  to: PeerRecord[];
  /** For broadcasts: the circle addressed. */
  circle?: string;
  body: string;
  urgency: Urgency;
  in_reply_to?: MessageId;
  thread?: MessageId;
  hops: number;
  traceparent?: string;
  checkout?: CheckoutState;
  attachments?: readonly Handle[];
  expiryMs: number;
}

/** Stores a message and one queued delivery for each recipient, or refuses before anything is stored. */
export function acceptMessage(ctx: Context, draft: NewMessage): { message: Message; deliveries: DeliveryRecord[] } {
  if (ctx.tx.messages.get(draft.id)) throw idTaken();
  const message: Message = {
    id: draft.id,
    kind: draft.kind,
    from: draft.from.id,
    from_name: draft.from.name,
    from_circle: draft.from.circle,
    from_role: draft.from.role,
    to: draft.circle === undefined ? (draft.to[0]?.id ?? "") : `circle:${draft.circle}`,
    body: draft.body,
    body_bytes: byteLength(draft.body),
    attachments: attach(ctx, draft.from, draft.attachments ?? [], draft.id),
    in_reply_to: draft.in_reply_to,
    thread: draft.thread ?? draft.id,
    urgency: draft.urgency,
    hops: draft.hops,
    traceparent: draft.traceparent,
    checkout: draft.checkout,
    created_at: ctx.now.wall,
    expires_awake_ms: ctx.now.awake + draft.expiryMs,
  };
  ctx.tx.messages.insert(message);
  emit(ctx, {
    type: "message.accepted",
    peer: draft.from.id,
    message: message.id,
    data: { kind: message.kind, from: draft.from.name, bytes: message.body_bytes, urgency: message.urgency },
  });
  const deliveries = draft.to.map((peer) => enqueue(ctx, message, peer));
  return { message, deliveries };
}

/** One line to one peer, in a chain of its own. */
export interface Notice {
  from: PeerRecord;
  to: PeerRecord;
  body: string;
  urgency: Urgency;
  in_reply_to?: MessageId;
}

export function acceptNotice(ctx: Context, { to, ...notice }: Notice): Message {
  return acceptMessage(ctx, {
    ...notice,
    id: ctx.ids.message(),
    kind: "notify",
    to: [to],
    hops: 0,
    expiryMs: LIMITS.notifyExpiryMs,
  }).message;
}

/** News of repowire's own for somebody whose mailbox may be full: then there is nobody to read them. */
export function noticeIfRoom(ctx: Context, notice: Notice): void {
  if (ctx.tx.deliveries.count(notice.to.id, ["queued", "held"]) < LIMITS.mailboxLengthMax) acceptNotice(ctx, notice);
}

function enqueue(ctx: Context, message: Message, to: PeerRecord): DeliveryRecord {
  const delivery: DeliveryRecord = {
    message: message.id,
    peer: to.id,
    handle: freeHandle(ctx),
    state: "queued",
    attempt: 0,
    shown_bytes: 0,
    queued_at: ctx.now.wall,
    seq: ctx.tx.deliveries.nextSeq(),
    kind: message.kind,
    from: message.from,
    urgency: message.urgency,
    expires_awake_ms: message.expires_awake_ms,
    dead_rungs: [],
    possible_duplicates: 0,
  };
  ctx.tx.deliveries.put(delivery);
  emit(ctx, {
    type: "delivery.queued",
    peer: to.id,
    message: message.id,
    data: { to: to.name, handle: delivery.handle },
  });
  stir(ctx, to.id);
  return delivery;
}

/** An id that a caller chose names something else already. */
export function idTaken(): RepowireError {
  return new RepowireError(
    "id_taken",
    "That message id already names another message. Leave the id out, or use a new one.",
  );
}

/** A recipient with too much unread takes nothing more; answers are let through, since they were asked for. */
export function checkMailbox(ctx: Context, to: PeerRecord): void {
  const inbound = effectiveInbound(ctx, to);
  if (inbound.policy === "refuse") {
    throw new RepowireError(
      "refused_by_peer",
      `${to.name} takes no messages: ${inbound.reason ?? "its user decided so"}.`,
    );
  }
  const unread = ctx.tx.deliveries.count(to.id, ["queued", "held", "leased"]);
  if (unread >= LIMITS.mailboxLengthMax) {
    throw new RepowireError(
      "mailbox_full",
      `${to.name} has ${unread} unread messages, the most a mailbox may hold. Try again after it has read some.`,
    );
  }
}

/** Handles are unique over all peers, so that people can name a message by its handle alone; 24 million leave room. */
export function freeHandle(ctx: Context): string {
  for (;;) {
    const handle = ctx.ids.handle();
    const { schedule, attachment } = ctx.tx.shelves;
    if (ctx.tx.deliveries.isHandleTaken(handle) || schedule.get(handle) || attachment.get(handle)) continue;
    return handle;
  }
}

/** The store's whole record of a delivery that must exist. */
export function mustGetDelivery(ctx: Context, message: MessageId, peer: PeerId): DeliveryRecord {
  const delivery = ctx.tx.deliveries.get(message, peer);
  if (!delivery) throw new Error(`no delivery of ${message} to ${peer}`);
  return delivery;
}

/**
 * Moves a delivery, if that is legal from where it is, and records it. Returns the delivery as it is afterwards: an illegal or
 * repeated move changes nothing, since reports may come twice, late and out of order.
 */
export function move(
  ctx: Context,
  delivery: DeliveryRecord,
  to: DeliveryState,
  change: Partial<DeliveryRecord> = {},
  data: Record<string, unknown> = {},
): DeliveryRecord {
  if (!mayMove(DELIVERY_MOVES, delivery.state, to)) return delivery;
  const next: DeliveryRecord = { ...delivery, reason: undefined, ...change, state: to };
  if (to !== "leased") {
    next.lease_until = undefined;
    next.lease_route = undefined;
  }
  const event = emit(ctx, {
    type: `delivery.${to}` as EventType,
    peer: delivery.peer,
    message: delivery.message,
    data: { handle: delivery.handle, attempt: next.attempt, ...(next.reason ? { reason: next.reason } : {}), ...data },
  });
  if (to === "leased") next.lease_seq = event.seq;
  ctx.tx.deliveries.put(next);
  return next;
}

/** Handed to the recipient's runtime. Proves nothing about reading. */
export function present(ctx: Context, delivery: DeliveryRecord, rung: Rung): DeliveryRecord {
  const conversation = ctx.tx.peers.get(delivery.peer)?.conversation;
  const next = move(
    ctx,
    delivery,
    "presented",
    { presented_at: ctx.now.wall, presented_awake: ctx.now.awake, conversation, rung, entered_at: delivery.entered_at },
    { rung },
  );
  if (next !== delivery) ctx.effects.push({ type: "watch", peer: delivery.peer });
  return next;
}

/** The runtime took it into the conversation; the model may not have read it yet. Proves the rung. */
export function enter(ctx: Context, delivery: DeliveryRecord, by: string): DeliveryRecord {
  if (delivery.entered_at !== undefined || delivery.state === "seen") return delivery;
  // What was on its way has arrived, if only by an attempt that was given up; what the runtime held was released by its user.
  const isNews = delivery.state === "leased" || delivery.state === "held" || wasGivenUp(delivery);
  const presented = isNews ? present(ctx, delivery, delivery.rung ?? "push") : delivery;
  if (presented.state !== "presented") return presented;
  const { conversation } = ctx.tx.peers.get(delivery.peer) ?? presented;
  const next = { ...presented, entered_at: ctx.now.wall, conversation };
  ctx.tx.deliveries.put(next);
  emit(ctx, { type: "delivery.entered", peer: next.peer, message: next.message, data: { handle: next.handle, by } });
  if (next.rung) proveRung(ctx, next.peer, next.rung, by, latency(ctx, next));
  return next;
}

/** Back in the queue after an attempt whose receipt may still come. */
function wasGivenUp(delivery: DeliveryRecord): boolean {
  return delivery.state === "queued" && delivery.attempt > 0;
}

/** The model has it: a receipt from the recipient's own side. */
export function see(ctx: Context, delivery: DeliveryRecord, by: string): DeliveryRecord {
  if (delivery.state === "seen" || (delivery.state === "queued" && !wasGivenUp(delivery))) return delivery;
  const next = move(ctx, delivery, "seen", { seen_at: ctx.now.wall, seen_by: by }, { by });
  if (next !== delivery && next.rung && delivery.entered_at === undefined)
    proveRung(ctx, next.peer, next.rung, by, latency(ctx, next));
  return next;
}

function latency(ctx: Context, delivery: DeliveryRecord): number | undefined {
  return delivery.presented_awake === undefined ? undefined : Math.max(0, ctx.now.awake - delivery.presented_awake);
}

/** Ends an open delivery that nobody needs any more, telling the transport where it may still hold it. */
export function closeDelivery(
  ctx: Context,
  delivery: DeliveryRecord,
  to: "cancelled" | "expired",
  reason: string,
): DeliveryRecord {
  if (!(OPEN_DELIVERY_STATES as readonly string[]).includes(delivery.state)) return delivery;
  if (delivery.lease_route && delivery.state === "leased") {
    ctx.effects.push({ type: "cancel", route: delivery.lease_route, peer: delivery.peer, message: delivery.message });
  }
  // A hand-over in flight may still land; only its report can tell.
  if (to === "expired" && delivery.state === "leased") return delivery;
  return move(ctx, delivery, to, { reason });
}
