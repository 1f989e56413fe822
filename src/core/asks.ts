import {
  type AnsweredBy,
  ASK_MOVES,
  type AskOutcome,
  type AskState,
  type CheckoutState,
  type EventType,
  type FailReason,
  type Handle,
  LIMITS,
  type Message,
  type MessageId,
  mayMove,
  type PeerId,
  RepowireError,
  type Urgency,
} from "../protocol/index.ts";
import { type Context, emit, stir } from "./context.ts";
import { effectiveInbound } from "./inbound.ts";
import type { Wait, Waiting } from "./live.ts";
import { countMessage } from "./loop-guard.ts";
import { acceptMessage, acceptNotice, checkMailbox, closeDelivery, idTaken, mustGetDelivery } from "./mailbox.ts";
import type { AskRecord, PeerRecord } from "./ports.ts";
import { mustGet } from "./registry.ts";
import { askOutcome } from "./truth.ts";
import { findChain, waitsToward, withSiblings } from "./wait-graph.ts";
import {
  askFirst,
  attachWait,
  keepAsResult,
  leaseAsResult,
  loopError,
  settleOne,
  settlePending,
  settleWaits,
} from "./waiting.ts";

/** The life of a question: opened, waited for, answered, declined, failed, withdrawn, expired. It lives beside its delivery. */

export interface OpenAsk {
  asker: PeerRecord;
  askee: PeerRecord;
  question: string;
  urgency: Urgency;
  message?: MessageId;
  traceparent?: string;
  attachments?: readonly Handle[];
  /** The chain that it belongs to, where that is not what the asker is in right now. */
  chain?: { thread?: MessageId; hops: number };
  /** The call that will wait, unless it does not wait at all. */
  wait?: Waiting;
}

/** Opens an ask, or finds the one that this call repeats; then registers the wait. Returns at once what is already known. */
export function openAsk(ctx: Context, request: OpenAsk): { ask: AskRecord; outcome: AskOutcome; reattached: boolean } {
  const { asker, askee } = request;
  if (asker.id === askee.id) {
    throw new RepowireError("self_ask", `"${askee.name}" is you. Ask another peer; list_peers shows them.`);
  }
  const known = findRepeated(ctx, request);
  const ask = known ?? createAsk(ctx, request);
  const outcome = ask.state === "open" && request.wait ? attachWait(ctx, ask, request.wait) : askOutcome(ctx, ask);
  if (known && ask.answer) {
    const call = request.wait?.call;
    if (call) keepAsResult(ctx, ask.answer, ask.asker, call.returns_by + LIMITS.leaseMs);
    else leaseAsResult(ctx, ask.answer, ask.asker);
  }
  return { ask, outcome, reattached: known !== undefined };
}

/** The same message id (a request sent again), or the same asker, peer and text while the question is open. */
function findRepeated(ctx: Context, request: OpenAsk): AskRecord | undefined {
  if (request.message) {
    const stored = ctx.tx.messages.get(request.message);
    if (stored) {
      const ask = ctx.tx.asks.get(request.message);
      if (stored.from !== request.asker.id || !ask || ask.askee !== request.askee.id) throw idTaken();
      return ask;
    }
  }
  return ctx.tx.asks
    .openFrom(request.asker.id)
    .find((ask) => ask.askee === request.askee.id && ctx.tx.messages.get(ask.message)?.body === request.question);
}

function createAsk(ctx: Context, request: OpenAsk): AskRecord {
  const { asker, askee } = request;
  checkMailbox(ctx, askee);
  const mine = ctx.tx.asks.openFrom(asker.id).length;
  if (mine >= LIMITS.openAsksPerAskerMax) {
    throw new RepowireError(
      "too_many_asks",
      `You have ${mine} open questions, the most one peer may have. Withdraw some with inbox(id, cancel=true), or wait for answers.`,
    );
  }
  const loop = loopThrough(ctx, asker, askee);
  if (loop && !loop.returnable && request.wait) throw loopError(ctx, asker.id, loop.chain);
  const chain = request.chain ?? chainOf(ctx, asker);
  countMessage(ctx, { from: asker, to: [askee], ...chain });
  const { message, deliveries } = acceptMessage(ctx, {
    id: request.message ?? ctx.ids.message(),
    kind: "ask",
    from: asker,
    to: [askee],
    body: request.question,
    urgency: request.urgency,
    ...chain,
    traceparent: request.traceparent,
    attachments: request.attachments,
    expiryMs: LIMITS.askExpiryMs,
  });
  const delivery = deliveries[0];
  if (!delivery) throw new Error("an ask has one delivery");
  const ask: AskRecord = {
    message: message.id,
    handle: delivery.handle,
    asker: asker.id,
    askee: askee.id,
    state: "open",
    opened_at: ctx.now.wall,
    reminded: false,
    abandoned: false,
    expires_awake_ms: ctx.now.awake + LIMITS.askExpiryMs,
  };
  ctx.tx.asks.put(ask);
  if (loop?.returnable) {
    askFirst(ctx, loop.returnable, delivery);
    // The session goes on only when all its calls are back, so the others that wait along this way end too.
    if (request.wait) for (const wait of withSiblings(ctx, waitsToward(ctx, askee.id, asker.id))) settleOne(ctx, wait);
  }
  return ask;
}

/**
 * The recipient's calls that wait for somebody who waits for … the asker, and the one of them that can return with a question.
 * Where its gate lets no strangers' text in, none can: a result enters its context like any push.
 */
function loopThrough(
  ctx: Context,
  asker: PeerRecord,
  askee: PeerRecord,
): { chain: Wait[]; returnable?: Wait } | undefined {
  const chain = findChain(ctx, askee.id, asker.id);
  if (!chain) return undefined;
  const isOpen = effectiveInbound(ctx, askee).policy === "accept";
  const returnable = waitsToward(ctx, askee.id, asker.id).find((wait) => isOpen && wait.canTakeQuestion);
  return { chain, returnable };
}

/** The chain that a peer's next message continues, if something caused it. */
export function chainOf(ctx: Context, from: PeerRecord): { thread?: MessageId; hops: number } {
  const cause = causeOf(ctx, from.id) ?? (from.role === "agent" ? causeOfTurn(ctx, from) : undefined);
  return cause ? { thread: cause.thread, hops: cause.hops + 1 } : { hops: 0 };
}

/** What the session's turn took in last: a peer's message, unless its user has written since. */
function causeOfTurn(ctx: Context, { turn }: PeerRecord): Message | undefined {
  const input = turn?.inputs.findLast((candidate) => candidate.type !== "other");
  return input?.type === "delivery" ? ctx.tx.messages.get(input.message) : undefined;
}

/** The question that an agent has in hand while it sends. */
function causeOf(ctx: Context, peer: PeerId): Message | undefined {
  let newest: Message | undefined;
  for (const ask of ctx.tx.asks.openTo(peer)) {
    const state = ctx.tx.deliveries.get(ask.message, peer)?.state;
    if (state !== "presented" && state !== "seen") continue;
    const message = ctx.tx.messages.get(ask.message);
    if (message && (!newest || message.created_at >= newest.created_at)) newest = message;
  }
  return newest;
}

export interface Reply {
  ask: AskRecord;
  text: string;
  outcome: "answer" | "decline";
  by: AnsweredBy;
  checkout?: CheckoutState;
  message?: MessageId;
  traceparent?: string;
  attachments?: readonly Handle[];
}

/** Closes an ask with an answer or a refusal, and sends that to the asker. Repeating it changes nothing. */
export function replyToAsk(ctx: Context, reply: Reply): { ask: AskRecord; repeated: boolean; awaited: boolean } {
  const { ask } = reply;
  const to: AskState = reply.outcome === "answer" ? "answered" : "declined";
  const previous = answerOf(ctx, ask);
  const supersedes =
    ask.state === "failed" || (ask.state === "answered" && ask.by === "captured" && reply.by === "reply");
  if (ask.state !== "open" && !supersedes) {
    if (previous && previous.body === reply.text) return { ask, repeated: true, awaited: false };
    throw closedError(ctx, ask, previous);
  }
  if (!mayMove(ASK_MOVES, ask.state, to)) throw closedError(ctx, ask, previous);
  const closed = closeAsk(ctx, ask, to, {
    by: reply.outcome === "answer" ? reply.by : undefined,
    text: reply.text,
    checkout: reply.checkout,
    message: reply.message,
    traceparent: reply.traceparent,
    attachments: reply.attachments,
  });
  return { ...closed, repeated: false };
}

/** What the recipient answered; the notice of a failure or of an expiry is not its words. */
function answerOf(ctx: Context, ask: AskRecord): Message | undefined {
  return ask.answer && (ask.state === "answered" || ask.state === "declined")
    ? ctx.tx.messages.get(ask.answer)
    : undefined;
}

function closedError(ctx: Context, ask: AskRecord, previous = answerOf(ctx, ask)): RepowireError {
  const asker = mustGet(ctx, ask.asker).name;
  if (previous) {
    const first = previous.body.length > 200 ? `${previous.body.slice(0, 200)}…` : previous.body;
    return new RepowireError(
      "already_answered",
      `${ask.handle} already has its answer, which ${asker} got: "${first}". To correct it, use notify_peer("${asker}", …).`,
    );
  }
  return new RepowireError(
    "ask_closed",
    `${ask.handle} is ${ask.state}; ${asker} no longer waits for it. If it still matters, use notify_peer("${asker}", …).`,
  );
}

interface Closing {
  by?: AnsweredBy;
  reason?: FailReason;
  detail?: string;
  /** What the asker reads. */
  text: string;
  checkout?: CheckoutState;
  message?: MessageId;
  /** The call that answered; else the answer goes on in the question's trace. */
  traceparent?: string;
  attachments?: readonly Handle[];
  urgency?: Urgency;
}

/**
 * Ends an ask and lets its asker know: as the result of the call that waits, else as a message. The news is a delivery like any
 * other, so that it cannot be lost on the way.
 */
export function closeAsk(
  ctx: Context,
  ask: AskRecord,
  to: Exclude<AskState, "open" | "cancelled">,
  closing: Closing,
): { ask: AskRecord; awaited: boolean } {
  if (!mayMove(ASK_MOVES, ask.state, to)) return { ask, awaited: false };
  const askee = mustGet(ctx, ask.askee);
  const asker = mustGet(ctx, ask.asker);
  const question = ctx.tx.messages.get(ask.message);
  const closed: AskRecord = {
    ...ask,
    state: to,
    by: closing.by,
    reason: closing.reason,
    detail: closing.detail,
    closed_at: ctx.now.wall,
    answer: closing.message ?? ctx.ids.message(),
  };
  ctx.tx.asks.put(closed);
  emit(ctx, {
    type: `ask.${to}` as EventType,
    peer: ask.askee,
    message: ask.message,
    data: { handle: ask.handle, by: closing.by, reason: closing.reason, from: askee.name, to: asker.name },
  });
  const { deliveries } = acceptMessage(ctx, {
    id: closed.answer ?? ctx.ids.message(),
    kind: "answer",
    from: askee,
    to: [asker],
    body: closing.text,
    urgency: closing.urgency ?? (ask.abandoned ? "fyi" : "normal"),
    in_reply_to: ask.message,
    thread: question?.thread,
    hops: question?.hops ?? 0,
    checkout: closing.checkout,
    traceparent: closing.traceparent ?? question?.traceparent,
    attachments: closing.attachments,
    expiryMs: LIMITS.askExpiryMs,
  });
  dropSupersededAnswer(ctx, ask);
  endDeliveryOfClosedAsk(ctx, ask, to);
  const awaited = settleWaits(ctx, closed, deliveries[0]);
  stir(ctx, ask.askee);
  return { ask: closed, awaited };
}

/** An earlier answer (captured, or the notice of a failure) that nobody has read yet is replaced, not added to. */
function dropSupersededAnswer(ctx: Context, ask: AskRecord): void {
  if (!ask.answer) return;
  const earlier = ctx.tx.deliveries.get(ask.answer, ask.asker);
  if (earlier && (earlier.state === "queued" || earlier.state === "held")) {
    closeDelivery(ctx, earlier, "cancelled", "superseded by a later answer");
  }
}

/** A question that is over need not be handed over any more. */
function endDeliveryOfClosedAsk(ctx: Context, ask: AskRecord, to: AskState): void {
  const delivery = mustGetDelivery(ctx, ask.message, ask.askee);
  if (to === "expired") closeDelivery(ctx, delivery, "expired", "its time ran out");
  else if (delivery.state === "queued" || delivery.state === "held")
    closeDelivery(ctx, delivery, "cancelled", `the question is ${to}`);
}

/** A question as it was before any turn overlooked it: it is going to be presented once more. */
export const asNew = (ask: AskRecord): AskRecord => ({
  ...ask,
  overlooked_at: undefined,
  overlooked_beside: undefined,
  reminded: false,
});

/** `text` says what happened, for the asker; it is both the outcome's detail and the body of the notice. */
export function failAsk(ctx: Context, ask: AskRecord, reason: FailReason, text: string): AskRecord {
  return closeAsk(ctx, ask, "failed", { reason, detail: text, text }).ask;
}

export function expireAsk(ctx: Context, ask: AskRecord): AskRecord {
  const askee = mustGet(ctx, ask.askee);
  return closeAsk(ctx, ask, "expired", {
    text: `${askee.name} did not answer within the time that a question is kept.`,
    urgency: "fyi",
  }).ask;
}

/** One interim line of the recipient: shown to a waiting call, kept for whoever looks; it never starts a turn. */
export function reportProgress(ctx: Context, ask: AskRecord, text: string): AskRecord {
  if (ask.state !== "open") throw closedError(ctx, ask);
  const next = { ...ask, progress: text };
  ctx.tx.asks.put(next);
  emit(ctx, { type: "ask.progress", peer: ask.askee, message: ask.message, data: { handle: ask.handle } });
  for (const wait of ctx.live.waitsFor(ask.message)) ctx.effects.push({ type: "progress", wait: wait.id, text });
  return next;
}

/**
 * The asker takes a question back. Nobody has it: it is cancelled. Otherwise it stays open, its answer comes as fyi, and where
 * nothing of it can be taken back the recipient is told the same way.
 */
export function withdrawAsk(ctx: Context, ask: AskRecord): { wasPresented: boolean } {
  if (ask.state !== "open") {
    throw new RepowireError(
      "ask_closed",
      `${ask.handle} is ${ask.state} already, so there is nothing to withdraw. inbox(id="${ask.handle}") shows how it ended.`,
    );
  }
  const delivery = mustGetDelivery(ctx, ask.message, ask.askee);
  if (delivery.state === "queued" || delivery.state === "held") {
    const closed: AskRecord = { ...ask, state: "cancelled", closed_at: ctx.now.wall };
    ctx.tx.asks.put(closed);
    emit(ctx, { type: "ask.cancelled", peer: ask.asker, message: ask.message, data: { handle: ask.handle } });
    closeDelivery(ctx, delivery, "cancelled", "withdrawn by the sender");
    settlePending(ctx, closed);
    stir(ctx, ask.askee);
    return { wasPresented: false };
  }
  if (!ask.abandoned) {
    ctx.tx.asks.put({ ...ask, abandoned: true });
    emit(ctx, { type: "ask.abandoned", peer: ask.asker, message: ask.message, data: { handle: ask.handle } });
    const asker = mustGet(ctx, ask.asker);
    acceptNotice(ctx, {
      from: asker,
      to: mustGet(ctx, ask.askee),
      body: `${asker.name} no longer waits for an answer to ${ask.handle}. Skip it unless the work is nearly done.`,
      urgency: "fyi",
      in_reply_to: ask.message,
    });
  }
  settlePending(ctx, ask);
  return { wasPresented: true };
}
