import {
  acceptMessage,
  type Context,
  chainOf,
  checkMailbox,
  countBroadcast,
  countMessage,
  type DeliveryRecord,
  effectiveInbound,
  idTaken,
  mayReach,
  type PeerRecord,
  recipientTruth,
  resolvePeer,
  seatOf,
} from "../core/index.ts";
import {
  estimatedTokens,
  type Handle,
  LIMITS,
  type MessageId,
  type RecipientTruth,
  RepowireError,
  type Urgency,
} from "../protocol/index.ts";
import { runSending } from "./guarded.ts";
import type { Handler, OperationDeps } from "./types.ts";

/** How long a one-way message waits for its hand-over, so that the state it returns is the one reached. */
const HAND_OVER_WAIT_MS = 1_000;

export function notifyHandler(deps: OperationDeps): Handler<"notify"> {
  return async ({ caller, params }) => {
    const sent = await runSending(deps, caller.peer, (ctx) => {
      const from = seatOf(ctx, caller);
      const to = resolvePeer(ctx, from, params.peer);
      if (to.id === from.id)
        throw new RepowireError("self_ask", `"${to.name}" is you. Name another peer; list_peers shows them.`);
      const repeated = params.message ? storedBefore(ctx, from, params.message, "notify") : undefined;
      if (repeated && repeated[0]?.peer !== to.id) throw idTaken();
      if (repeated) return { delivery: oneDelivery(repeated), name: to.name };
      checkMailbox(ctx, to);
      const chain = chainOf(ctx, from);
      countMessage(ctx, { from, to: [to], ...chain });
      const draft = { ...params, ...chain, urgency: params.urgency ?? "normal", expiryMs: LIMITS.notifyExpiryMs };
      const delivery = oneDelivery(send(ctx, from, [to], draft));
      return { delivery, name: to.name };
    });
    const { message, peer, handle } = sent.delivery;
    await handedOver(deps, message);
    const recipient = deps.engine.read((ctx) => truthOf(ctx, message, peer));
    return { id: handle, message, peer: sent.name, recipient };
  };
}

export function broadcastHandler(deps: OperationDeps): Handler<"broadcast"> {
  return async ({ caller, params }) => {
    const sent = await runSending(deps, caller.peer, (ctx) => {
      const from = seatOf(ctx, caller);
      const circle = params.circle ?? from.circle;
      if (circle !== from.circle && from.role === "agent") {
        throw new RepowireError(
          "circle_mismatch",
          `You are in circle "${from.circle}" and cannot write to all of "${circle}". Leave the circle out.`,
        );
      }
      const repeated = params.message ? storedBefore(ctx, from, params.message, "broadcast") : undefined;
      if (repeated) return { circle, deliveries: repeated, leftOut: [] };
      const chain = chainOf(ctx, from);
      const { to, leftOut } = recipients(ctx, from, circle, chain);
      const draft = { ...params, ...chain, circle, urgency: "fyi" as const, expiryMs: LIMITS.broadcastExpiryMs };
      return { circle, deliveries: send(ctx, from, to, draft), leftOut };
    });
    const message = sent.deliveries[0]?.message;
    if (!message) {
      const [first] = sent.leftOut;
      const why = first ? `${first.peer} ${first.reason}` : "nobody else is online";
      throw new RepowireError("peer_not_found", `Nothing was sent in circle "${sent.circle}": ${why}.`);
    }
    return deps.engine.read((ctx) => ({
      message,
      circle: sent.circle,
      recipients: sent.deliveries.map((delivery) => ({
        id: delivery.handle,
        peer: ctx.tx.peers.get(delivery.peer)?.name ?? delivery.peer,
        recipient: truthOf(ctx, message, delivery.peer),
      })),
      left_out: sent.leftOut,
      estimated_tokens: estimatedTokens(params.text, sent.deliveries.length),
    }));
  };
}

interface LeftOut {
  peer: string;
  reason: string;
}

/** Everybody of the circle who is online; whoever cannot be written to is named with the reason. */
function recipients(
  ctx: Context,
  from: PeerRecord,
  circle: string,
  chain: Chain,
): { to: PeerRecord[]; leftOut: LeftOut[] } {
  const to: PeerRecord[] = [];
  const leftOut: LeftOut[] = [];
  const mayGo = countBroadcast(ctx, { from, to, ...chain });
  for (const peer of ctx.tx.peers.all()) {
    const isOnline = peer.presence.state !== "offline";
    if (peer.id === from.id || peer.circle !== circle || peer.role === "human" || !isOnline || !mayReach(from, peer))
      continue;
    const unread = ctx.tx.deliveries.count(peer.id, ["queued", "held", "leased"]);
    if (effectiveInbound(ctx, peer).policy === "refuse") leftOut.push({ peer: peer.name, reason: "takes no messages" });
    else if (unread >= LIMITS.mailboxLengthMax)
      leftOut.push({ peer: peer.name, reason: `has ${unread} unread messages` });
    else if (!mayGo(peer)) leftOut.push({ peer: peer.name, reason: "is paused with you" });
    else to.push(peer);
  }
  if (to.length > LIMITS.fanOutMax) {
    throw new RepowireError(
      "too_many_recipients",
      `${to.length} peers of circle "${circle}" are online; a broadcast reaches at most ${LIMITS.fanOutMax}. Write to the ones it concerns.`,
    );
  }
  return { to, leftOut };
}

type Chain = ReturnType<typeof chainOf>;

interface Draft extends Chain {
  text: string;
  message?: MessageId;
  traceparent?: string;
  attachments?: readonly Handle[];
  urgency: Urgency;
  expiryMs: number;
  /** For broadcasts. */
  circle?: string;
}

function send(ctx: Context, from: PeerRecord, to: PeerRecord[], draft: Draft): DeliveryRecord[] {
  if (to.length === 0) return [];
  const { text, message, ...rest } = draft;
  return acceptMessage(ctx, {
    ...rest,
    id: message ?? ctx.ids.message(),
    kind: draft.circle === undefined ? "notify" : "broadcast",
    from,
    to,
    body: text,
  }).deliveries;
}

/** A request sent again with its own id: what it made the first time. */
function storedBefore(
  ctx: Context,
  from: PeerRecord,
  message: MessageId,
  kind: "notify" | "broadcast",
): DeliveryRecord[] | undefined {
  const stored = ctx.tx.messages.get(message);
  if (!stored) return undefined;
  if (stored.from !== from.id || stored.kind !== kind) throw idTaken();
  return ctx.tx.deliveries.ofMessage(message);
}

function oneDelivery(deliveries: DeliveryRecord[]): DeliveryRecord {
  const [delivery] = deliveries;
  if (!delivery) throw new Error("a notification has one delivery");
  return delivery;
}

function truthOf(ctx: Context, message: MessageId, peer: string): RecipientTruth {
  const delivery = ctx.tx.deliveries.get(message, peer);
  if (!delivery) throw new Error(`no delivery of ${message}`);
  return recipientTruth(ctx, delivery);
}

/** Resolves once no hand-over of this message is in flight, or after a short while. */
export async function handedOver(deps: OperationDeps, message: MessageId): Promise<void> {
  const inFlight = () =>
    deps.engine.read((ctx) => ctx.tx.deliveries.ofMessage(message).some((delivery) => delivery.state === "leased"));
  if (!inFlight()) return;
  const done = Promise.withResolvers<void>();
  const stopListening = deps.onEventOf(message, (event) => {
    if (event.type !== "delivery.leased") done.resolve();
  });
  const stopTimer = deps.clock.after(HAND_OVER_WAIT_MS, done.resolve);
  await done.promise;
  stopListening();
  stopTimer();
}
