import type { AskOutcome, MessageId, RecipientTruth } from "../protocol/index.ts";
import type { Context } from "./context.ts";
import { RESULT_BODY_BYTES_MAX, sliceBytes } from "./envelope.ts";
import type { AskRecord, DeliveryRecord } from "./ports.ts";
import { mustGet, presenceOf } from "./registry.ts";

/** What is proven at this instant, in the shapes that operations return. Nothing here guesses. */

export function recipientTruth(ctx: Context, delivery: DeliveryRecord): RecipientTruth {
  const peer = mustGet(ctx, delivery.peer);
  const ask = delivery.kind === "ask" ? ctx.tx.asks.get(delivery.message) : undefined;
  return {
    delivery: delivery.state,
    reason: delivery.reason,
    rung: delivery.rung,
    entered: delivery.entered_at !== undefined,
    presence: presenceOf(peer),
    ahead: ask && delivery.state === "queued" ? asksAhead(ctx, delivery) : 0,
    overlooked: ask?.overlooked_at !== undefined,
  };
}

/** Open questions to the same peer that were accepted earlier: they are handed over one at a time. */
function asksAhead(ctx: Context, delivery: DeliveryRecord): number {
  return ctx.tx.asks
    .openTo(delivery.peer)
    .filter((other) => other.message !== delivery.message && other.overlooked_at === undefined)
    .filter(
      (other) => (ctx.tx.deliveries.get(other.message, delivery.peer)?.seq ?? Number.POSITIVE_INFINITY) < delivery.seq,
    ).length;
}

export function askOutcome(ctx: Context, ask: AskRecord): AskOutcome {
  const peer = askeeName(ctx, ask);
  const base = { id: ask.handle, message: ask.message, peer };
  switch (ask.state) {
    case "open": {
      const delivery = ctx.tx.deliveries.get(ask.message, ask.askee);
      if (!delivery) throw new Error(`no delivery of ask ${ask.message}`);
      return { ...base, state: "pending", recipient: recipientTruth(ctx, delivery), progress: ask.progress };
    }
    case "answered":
    case "declined": {
      const answer = ask.answer ? ctx.tx.messages.get(ask.answer) : undefined;
      const delivery = ask.answer ? ctx.tx.deliveries.get(ask.answer, ask.asker) : undefined;
      if (!answer || !delivery) throw new Error(`no answer to ask ${ask.message}`);
      const { part, end } = sliceBytes(answer.body, 0, RESULT_BODY_BYTES_MAX);
      const shared = {
        ...base,
        text: part,
        elapsed_ms: Math.max(0, answer.created_at - ask.opened_at),
        answer: { message: answer.id, handle: delivery.handle },
        attachments: answer.attachments.length > 0 ? answer.attachments : undefined,
      };
      if (ask.state === "declined") return { ...shared, state: "declined" };
      return {
        ...shared,
        state: "answered",
        by: ask.by ?? "reply",
        text_bytes: answer.body_bytes,
        shown_bytes: end,
        checkout: answer.checkout,
      };
    }
    case "failed":
      return {
        ...base,
        state: "failed",
        reason: ask.reason ?? "no_answer",
        detail: ask.detail ?? "",
        answer: answerRef(ctx, ask),
      };
    case "expired":
    case "cancelled":
      return { ...base, state: ask.state, answer: answerRef(ctx, ask) };
    default:
      return ask.state satisfies never;
  }
}

/** A temporary seat may be gone by now; its answer still names it. */
function askeeName(ctx: Context, ask: AskRecord): string {
  const answer = ask.answer ? ctx.tx.messages.get(ask.answer) : undefined;
  return ctx.tx.peers.get(ask.askee)?.name ?? answer?.from_name ?? "a peer that left";
}

function answerRef(ctx: Context, ask: AskRecord): { message: MessageId; handle: string } | undefined {
  const delivery = ask.answer ? ctx.tx.deliveries.get(ask.answer, ask.asker) : undefined;
  return delivery && { message: delivery.message, handle: delivery.handle };
}
