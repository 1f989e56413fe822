import { type AskOutcome, LIMITS, type MessageId, type PeerId, RepowireError } from "../protocol/index.ts";
import type { Context } from "./context.ts";
import { makeEnvelope, RESULT_BODY_BYTES_MAX, shownBytes } from "./envelope.ts";
import type { Wait, Waiting } from "./live.ts";
import { move } from "./mailbox.ts";
import type { AskRecord, DeliveryRecord } from "./ports.ts";
import { mustGet } from "./registry.ts";
import { askOutcome } from "./truth.ts";
import { describeLoop, findChain } from "./wait-graph.ts";

/** The calls that wait for the end of an ask, and what their results carry. Waiting is a choice: the ask lives without it. */

/**
 * Has a call wait for an open ask, or returns what it is told at once. Where its wait would close a loop, some question to its own
 * session stands before the answer: the call returns with that question, or is refused where it has been handed over already.
 */
export function attachWait(ctx: Context, ask: AskRecord, wait: Waiting): AskOutcome {
  const waits = ctx.live.waitsOf(ask.asker).length;
  if (waits >= LIMITS.waitersPerPeerMax) {
    throw new RepowireError(
      "too_many_waits",
      `${waits} of your calls already wait. Ask with wait_seconds=0; the answer arrives by itself.`,
    );
  }
  const chain = findChain(ctx, ask.askee, ask.asker);
  if (!chain) {
    ctx.live.putWait(ctx.tx, { ...wait, ask: ask.message, waiter: ask.asker, target: ask.askee, rung: "result" });
    return askOutcome(ctx, ask);
  }
  const standsBefore = chain.at(-1)?.ask;
  const leased = standsBefore && wait.canTakeQuestion ? leaseAsResult(ctx, standsBefore, ask.asker) : undefined;
  if (!leased) throw loopError(ctx, ask.asker, chain);
  return askedFirst(ctx, ask, leased);
}

export function loopError(ctx: Context, asker: PeerId, chain: readonly Wait[]): RepowireError {
  return new RepowireError(
    "ask_cycle",
    `${describeLoop(ctx, asker, chain)}: each would wait for the next. Answer the question you have first, or ask with wait_seconds=0.`,
  );
}

/**
 * Ask back: the recipient's own waiting call returns with this question, so that no loop exists and the question can be answered.
 * Its wait ends; the ask it waited for stays open.
 */
export function askFirst(ctx: Context, wait: Wait, question: DeliveryRecord): void {
  const leased = leaseAsResult(ctx, question.message, question.peer);
  const waitedFor = ctx.tx.asks.get(wait.ask);
  if (leased && waitedFor) settle(ctx, wait, askedFirst(ctx, waitedFor, leased));
}

function askedFirst(ctx: Context, ask: AskRecord, question: DeliveryRecord): AskOutcome {
  return {
    state: "asked_first",
    id: ask.handle,
    message: ask.message,
    peer: mustGet(ctx, ask.askee).name,
    question: makeEnvelope(ctx, question, RESULT_BODY_BYTES_MAX),
  };
}

/** The message travels as the result of a call (`pull`: of `inbox`); the caller's side reports when it was written. */
export function leaseAsResult(
  ctx: Context,
  message: MessageId,
  peer: PeerId,
  rung: "result" | "pull" = "result",
  maxBytes: number = RESULT_BODY_BYTES_MAX,
): DeliveryRecord | undefined {
  const delivery = ctx.tx.deliveries.get(message, peer);
  if (!delivery || (delivery.state !== "queued" && delivery.state !== "held")) return undefined;
  const stored = ctx.tx.messages.get(message);
  return move(
    ctx,
    delivery,
    "leased",
    {
      attempt: delivery.attempt + 1,
      rung,
      lease_until: ctx.now.awake + LIMITS.leaseMs,
      shown_bytes: stored ? shownBytes(stored, maxBytes) : 0,
    },
    { rung },
  );
}

/**
 * Has a call's result bring this message: from now on, or still. Returns its delivery then; undefined where it goes, or went, another
 * way. `until` (awake ms): when the result is taken for lost if nobody reports it.
 */
export function keepAsResult(
  ctx: Context,
  message: MessageId,
  peer: PeerId,
  until = ctx.now.awake + LIMITS.leaseMs,
): DeliveryRecord | undefined {
  const delivery = leaseAsResult(ctx, message, peer) ?? ctx.tx.deliveries.get(message, peer);
  if (delivery?.rung !== "result") return undefined;
  if (delivery.state !== "leased") return delivery;
  const kept = { ...delivery, lease_until: until };
  ctx.tx.deliveries.put(kept);
  return kept;
}

function settle(ctx: Context, wait: Wait, outcome: AskOutcome): void {
  ctx.live.removeWait(ctx.tx, wait.id);
  ctx.effects.push({ type: "settle", wait: wait.id, outcome });
}

/** Ends one call that waits, with how its ask stands. */
export function settleOne(ctx: Context, wait: Wait): void {
  const ask = ctx.tx.asks.get(wait.ask);
  if (ask) settle(ctx, wait, askOutcome(ctx, ask));
}

/** Ends every call that waits for this ask. The news travels in the first one's result. */
export function settleWaits(ctx: Context, ask: AskRecord, news: DeliveryRecord | undefined): boolean {
  const waits = ctx.live.waitsFor(ask.message);
  if (waits.length === 0) return false;
  if (news) {
    leaseAsResult(ctx, news.message, news.peer);
    // A call that waits for others as well brings it only then.
    const first = waits[0]?.call;
    if (first) keepAsResult(ctx, news.message, news.peer, first.returns_by + LIMITS.leaseMs);
  }
  const outcome = askOutcome(ctx, ask);
  for (const wait of waits) settle(ctx, wait, outcome);
  return true;
}

/** Ends the waits of an ask that stays open or was withdrawn, with the truth of this moment. */
export function settlePending(ctx: Context, ask: AskRecord): void {
  const waits = ctx.live.waitsFor(ask.message);
  if (waits.length === 0) return;
  const outcome = askOutcome(ctx, ask);
  for (const wait of waits) settle(ctx, wait, outcome);
}

/** A wait ended by itself (time, a lost link): returns how the ask stands. */
export function endWait(ctx: Context, waitId: string, message: MessageId): AskOutcome {
  ctx.live.removeWait(ctx.tx, waitId);
  const ask = ctx.tx.asks.get(message);
  if (!ask) throw new Error(`no ask ${message}`);
  // Answered in the same instant: this result carries it, and it must not come as a message too.
  if (ask.answer) leaseAsResult(ctx, ask.answer, ask.asker);
  return askOutcome(ctx, ask);
}
