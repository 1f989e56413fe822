import { LIMITS, type PeerId } from "../protocol/index.ts";
import { asNew, failAsk } from "./asks.ts";
import { type Context, stir } from "./context.ts";
import { closeDelivery, move } from "./mailbox.ts";
import type { AskRecord, DeliveryRecord } from "./ports.ts";
import { mustGet } from "./registry.ts";

/** What happens to mail that did not arrive, or that its reader lost again. */

/** Back into the queue: provably not with the recipient, or its conversation is gone. The handle stays. */
export function requeue(
  ctx: Context,
  delivery: DeliveryRecord,
  why: string,
  change: Partial<DeliveryRecord> = {},
): DeliveryRecord {
  const ask = delivery.kind === "ask" ? ctx.tx.asks.get(delivery.message) : undefined;
  // Nobody needs an answer any more: presenting the question again would only cost a turn.
  if (ask && ask.state !== "open") return move(ctx, delivery, "cancelled", { reason: `the question is ${ask.state}` });
  if (delivery.attempt >= LIMITS.attemptsMax) return giveUp(ctx, delivery, ask, why);
  const next = move(
    ctx,
    delivery,
    "queued",
    {
      reason: why,
      entered_at: undefined,
      presented_at: undefined,
      presented_awake: undefined,
      seen_at: undefined,
      seen_by: undefined,
      rung: undefined,
      ...change,
    },
    { why },
  );
  stir(ctx, delivery.peer);
  // Its time may have run out during the hand-over; a question ends with its ask.
  const hasExpired = !ask && (next.expires_awake_ms ?? Number.POSITIVE_INFINITY) <= ctx.now.awake;
  return hasExpired ? closeDelivery(ctx, next, "expired", "its time ran out") : next;
}

/** Too many attempts failed: it is declared dead, and whoever waits for an answer hears that none will come. */
function giveUp(ctx: Context, delivery: DeliveryRecord, ask: AskRecord | undefined, why: string): DeliveryRecord {
  const reason = `${delivery.attempt} attempts failed; the last: ${why}`;
  const dead = move(ctx, delivery, "dead", { reason });
  if (ask)
    failAsk(ctx, ask, "no_answer", `The question could not be brought to ${mustGet(ctx, ask.askee).name}: ${reason}.`);
  return dead;
}

/** Presents the open questions of a conversation that is gone, or that forgot them, once more. */
export function representAsks(
  ctx: Context,
  peer: PeerId,
  why: string,
  isLost: (delivery: DeliveryRecord) => boolean,
): void {
  for (const ask of ctx.tx.asks.openTo(peer)) {
    const delivery = ctx.tx.deliveries.get(ask.message, peer);
    if (!delivery || (delivery.state !== "presented" && delivery.state !== "seen") || !isLost(delivery)) continue;
    ctx.tx.asks.put(asNew(ask));
    // Nothing showed where it went: the conversation of now may hold it already.
    const isUncertain = delivery.state === "presented" && delivery.entered_at === undefined;
    requeue(ctx, delivery, why, { possible_duplicates: delivery.possible_duplicates + (isUncertain ? 1 : 0) });
  }
}
