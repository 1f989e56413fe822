import {
  type AskRecord,
  askOutcome,
  type Context,
  excerpt,
  keepAsResult,
  makeEnvelope,
  sliceBytes,
} from "../core/index.ts";
import { type AskOutcome, LIMITS, type MessageId, RepowireError, type RollUp } from "../protocol/index.ts";
import type { OperationDeps } from "./types.ts";

type Item = RollUp["asked"][number];

/** What stands around each text: who, how long it took, its id, how to go on. Characters, as those of a result. */
const HEAD_CHARS = 300;

/**
 * How the asks stand when their call comes back, which may be long after the first of them ended. What each brings is in this result and
 * in no message beside it, unless a message has it already. One result's room is shared: who needs less leaves more to the others.
 */
export async function rollUp(
  deps: OperationDeps,
  ended: readonly AskOutcome[],
  notAsked: RollUp["not_asked"],
): Promise<Item[]> {
  const reasons = notAsked.reduce((sum, { peer, reason }) => sum + peer.length + reason.length + 10, 0);
  const room = Math.max(LIMITS.resultCharsMax / 4, LIMITS.resultCharsMax - reasons - ended.length * HEAD_CHARS);
  try {
    return await deps.engine.run((ctx) => collect(ctx, ended, room));
  } catch (error) {
    if (!(error instanceof RepowireError) || !error.retryable) throw error;
    // The disk takes nothing: what was shown of each text cannot be noted, so nothing may be cut shorter than it already is.
    return ended.map((outcome) => ({ outcome, rest_bytes: restOf(outcome), apart: false }));
  }
}

function restOf(outcome: AskOutcome): number {
  if (outcome.state === "answered") return outcome.text_bytes - outcome.shown_bytes;
  return outcome.state === "asked_first" ? outcome.question.body_bytes - outcome.question.shown_bytes : 0;
}

/** What one ask brings, with the message that holds its text. */
interface Brought {
  outcome: AskOutcome;
  source?: { message: MessageId; body: string; bytes: number };
  apart: boolean;
}

function collect(ctx: Context, ended: readonly AskOutcome[], room: number): Item[] {
  const brought = ended.map((outcome) => bring(ctx, outcome));
  const shares = shareOut(
    brought.map(({ source }) => source?.bytes ?? 0),
    room,
  );
  return brought.map((one, index) => show(ctx, one, shares[index] ?? 0));
}

function bring(ctx: Context, before: AskOutcome): Brought {
  const ask = ctx.tx.asks.get(before.message);
  // Purged since: it stays as it was told.
  if (!ask) return { outcome: before, apart: false };
  if (before.state === "asked_first") {
    const { message } = before.question;
    return { outcome: before, source: sourceOf(ctx, message), apart: false };
  }
  const outcome = askOutcome(ctx, ask);
  if (outcome.state === "pending")
    return { outcome: { ...outcome, progress: outcome.progress && excerpt(outcome.progress) }, apart: false };
  if (!ask.answer) return { outcome, apart: false };
  const isHere = keepAsResult(ctx, ask.answer, ask.asker) !== undefined;
  if (!("text" in outcome)) return { outcome, apart: !isHere };
  return { outcome, source: isHere ? sourceOf(ctx, ask.answer) : undefined, apart: !isHere };
}

function sourceOf(ctx: Context, message: MessageId): Brought["source"] {
  const stored = ctx.tx.messages.get(message);
  return stored && { message, body: stored.body, bytes: stored.body_bytes };
}

function show(ctx: Context, { outcome, source, apart }: Brought, share: number): Item {
  const { part, end } = source ? sliceBytes(source.body, 0, share) : { part: "", end: 0 };
  const item = { outcome, rest_bytes: source ? source.bytes - end : 0, apart };
  if (source) noteShown(ctx, ctx.tx.asks.get(outcome.message), source.message, end);
  switch (outcome.state) {
    case "answered":
      return { ...item, outcome: { ...outcome, text: part, shown_bytes: end } };
    case "declined":
      return { ...item, outcome: { ...outcome, text: part } };
    case "asked_first": {
      const delivery = ctx.tx.deliveries.get(outcome.question.message, ctx.tx.asks.get(outcome.message)?.asker ?? "");
      return delivery ? { ...item, outcome: { ...outcome, question: makeEnvelope(ctx, delivery, share) } } : item;
    }
    default:
      return item;
  }
}

/** From here `inbox` goes on. */
function noteShown(ctx: Context, ask: AskRecord | undefined, message: MessageId, end: number): void {
  const delivery = ask && ctx.tx.deliveries.get(message, ask.asker);
  if (delivery) ctx.tx.deliveries.put({ ...delivery, shown_bytes: end });
}

/** Gives each of `sizes` what it needs of `room`, or an equal share of what those that need less have left. */
export function shareOut(sizes: readonly number[], room: number): number[] {
  let left = room;
  let open = sizes.filter((size) => size > 0).length;
  const shares = sizes.map(() => 0);
  const bySize = sizes.map((size, index) => ({ size, index })).sort((a, b) => a.size - b.size);
  for (const { size, index } of bySize) {
    if (size === 0) continue;
    const share = Math.min(size, Math.floor(left / open));
    shares[index] = share;
    left -= share;
    open--;
  }
  return shares;
}
