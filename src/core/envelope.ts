import { type AnsweredBy, type Envelope, LIMITS, type Message, type Sender } from "../protocol/index.ts";
import type { Context } from "./context.ts";
import type { DeliveryRecord } from "./ports.ts";
import { mustGet } from "./registry.ts";

/** Kinds of closing an ask that an answer message can carry; stored with the message's ask. */
type Outcome = NonNullable<Envelope["answer_to"]>["outcome"];

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const EXCERPT_CHARS = 120;

/** A part of `text` from byte `offset`, at most `maxBytes` long, never cutting a character in two. */
export function sliceBytes(text: string, offset: number, maxBytes: number): { part: string; end: number } {
  const bytes = encoder.encode(text);
  let end = Math.min(bytes.length, offset + maxBytes);
  // UTF-8 continuation bytes are 10xxxxxx: step back to the beginning of a character.
  while (end < bytes.length && end > offset && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return { part: decoder.decode(bytes.subarray(offset, end)), end };
}

/** The beginning of a text on one line. */
export function excerpt(text: string, maxChars = EXCERPT_CHARS): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > maxChars ? `${line.slice(0, maxChars - 1)}…` : line;
}

/** Where a result carries a message, its headline needs room beside the body. */
export const RESULT_BODY_BYTES_MAX = LIMITS.resultCharsMax - 800;

export function makeEnvelope(
  ctx: Context,
  delivery: DeliveryRecord,
  maxBytes: number = LIMITS.inlineBytesMax,
): Envelope {
  const message = ctx.tx.messages.get(delivery.message);
  if (!message) throw new Error(`no message ${delivery.message}`);
  const isWhole = message.body_bytes <= maxBytes;
  const { part, end } = isWhole
    ? { part: message.body, end: message.body_bytes }
    : sliceBytes(message.body, 0, maxBytes);
  return {
    message: message.id,
    handle: delivery.handle,
    kind: message.kind,
    from: sender(ctx, message),
    body: part,
    body_bytes: message.body_bytes,
    shown_bytes: end,
    urgency: message.urgency,
    attempt: delivery.attempt,
    cursor: delivery.lease_seq ?? 0,
    created_at: message.created_at,
    traceparent: message.traceparent,
    attachments: message.attachments.length > 0 ? message.attachments : undefined,
    answer_to: message.kind === "answer" ? answerTo(ctx, message) : undefined,
  };
}

/** The sender as its credential had it; only the name follows a later renaming. */
function sender(ctx: Context, message: Message): Sender {
  const peer = ctx.tx.peers.get(message.from);
  return {
    id: message.from,
    name: peer?.name ?? message.from_name,
    circle: message.from_circle,
    role: message.from_role,
    runtime: peer?.runtime ?? "mcp",
  };
}

function answerTo(ctx: Context, answer: Message): Envelope["answer_to"] {
  const question = answer.in_reply_to ? ctx.tx.messages.get(answer.in_reply_to) : undefined;
  const ask = question ? ctx.tx.asks.get(question.id) : undefined;
  if (!question || !ask) return undefined;
  const outcome: Outcome =
    ask.state === "declined"
      ? "decline"
      : ask.state === "failed"
        ? "failed"
        : ask.state === "expired"
          ? "expired"
          : "answer";
  const by: AnsweredBy | undefined = outcome === "answer" ? ask.by : undefined;
  return {
    handle: ask.handle,
    question: excerpt(question.body),
    by,
    outcome,
    elapsed_ms: Math.max(0, answer.created_at - question.created_at),
    checkout: answer.checkout,
  };
}

/** How many bytes of a message's body are shown, without building the envelope. */
export function shownBytes(
  { body, body_bytes: total }: Pick<Message, "body" | "body_bytes">,
  maxBytes: number,
): number {
  return total <= maxBytes ? total : sliceBytes(body, 0, maxBytes).end;
}

export function nameOf(ctx: Context, peer: DeliveryRecord["peer"]): string {
  return mustGet(ctx, peer).name;
}
