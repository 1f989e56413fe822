import { z } from "zod";
import { Attachment } from "./attachments.ts";
import { ErrorCode } from "./errors.ts";
import { MessageId, PeerId } from "./ids.ts";
import { CheckoutState, Envelope, MessageKind } from "./messages.ts";
import { AnsweredBy, AskState, DeliveryState, FailReason } from "./moves.ts";
import { Presence, Rung } from "./peers.ts";

/** What is proven about a message on its way to one recipient, at this instant. */
export const RecipientTruth = z.object({
  delivery: DeliveryState,
  reason: z.string().optional(),
  rung: Rung.optional(),
  /** The runtime took it into the conversation; the model may not have read it. */
  entered: z.boolean(),
  presence: Presence,
  /** Questions that this recipient gets first, one at a time. */
  ahead: z.number().int().nonnegative(),
  overlooked: z.boolean(),
});
export type RecipientTruth = z.infer<typeof RecipientTruth>;

/** A stored message as search and history show it: who said it to whom, and how far it came. */
export const FoundMessage = z.object({
  message: MessageId,
  thread: MessageId,
  kind: MessageKind,
  /** The sender's name and circle as they were then. */
  from: z.string(),
  from_id: PeerId,
  circle: z.string(),
  at: z.number().int(),
  /** Its recipients, each with its own handle and state of the message. */
  to: z.array(z.object({ peer: z.string(), peer_id: PeerId, id: z.string(), state: DeliveryState })),
  /** Of a question: how it stands. */
  ask: AskState.optional(),
  bytes: z.number().int(),
  attachments: z.array(Attachment).optional(),
});
export type FoundMessage = z.infer<typeof FoundMessage>;

const answerRef = z.object({ message: MessageId, handle: z.string() });

/** How an ask stands. `pending` is not a failure: the answer arrives by itself. */
export const AskOutcome = z.discriminatedUnion("state", [
  z.object({
    state: z.literal("answered"),
    id: z.string(),
    message: MessageId,
    peer: z.string(),
    by: AnsweredBy,
    text: z.string(),
    text_bytes: z.number().int(),
    shown_bytes: z.number().int(),
    checkout: CheckoutState.optional(),
    elapsed_ms: z.number().int(),
    answer: answerRef,
    attachments: z.array(Attachment).optional(),
  }),
  z.object({
    state: z.literal("declined"),
    id: z.string(),
    message: MessageId,
    peer: z.string(),
    text: z.string(),
    elapsed_ms: z.number().int(),
    answer: answerRef,
    attachments: z.array(Attachment).optional(),
  }),
  z.object({
    state: z.literal("failed"),
    id: z.string(),
    message: MessageId,
    peer: z.string(),
    reason: FailReason,
    /** What happened, in a sentence. */
    detail: z.string(),
    answer: answerRef.optional(),
  }),
  z.object({
    state: z.enum(["expired", "cancelled"]),
    id: z.string(),
    message: MessageId,
    peer: z.string(),
    answer: answerRef.optional(),
  }),
  z.object({
    state: z.literal("asked_first"),
    id: z.string(),
    message: MessageId,
    peer: z.string(),
    /** The question that must be answered first. */
    question: Envelope,
  }),
  z.object({
    state: z.literal("pending"),
    id: z.string(),
    message: MessageId,
    peer: z.string(),
    recipient: RecipientTruth,
    progress: z.string().optional(),
  }),
]);
export type AskOutcome = z.infer<typeof AskOutcome>;

/** How the asks of one call stand, in the order in which their peers were named. */
export const RollUp = z.object({
  asked: z.array(
    z.object({
      outcome: AskOutcome,
      /** Of its text (an answer, a refusal, a question that stands before), not shown here: `inbox` with its id continues. */
      rest_bytes: z.number().int(),
      /** The answer reaches the asker as a message, while the call waited for others: its text is not repeated here. */
      apart: z.boolean(),
    }),
  ),
  /** Nothing was sent to these. */
  not_asked: z.array(z.object({ peer: z.string(), code: ErrorCode, reason: z.string() })),
});
export type RollUp = z.infer<typeof RollUp>;

export const TraceStep = z.object({
  state: z.string(),
  /** Milliseconds since the message was accepted. */
  at: z.number(),
  at_epoch_ms: z.number(),
  peer: z.string().optional(),
  detail: z.string().optional(),
});
export type TraceStep = z.infer<typeof TraceStep>;
