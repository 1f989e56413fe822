import { z } from "zod";
import { Attachment } from "./attachments.ts";
import { Handle, MessageId, PeerId } from "./ids.ts";
import { LIMITS } from "./limits.ts";
import { AnsweredBy, AskState, DeliveryState, FailReason } from "./moves.ts";
import { CircleName, PeerName, Role, Rung, Runtime } from "./peers.ts";

export const MessageKind = z.enum(["ask", "answer", "notify", "broadcast", "permission"]);
export type MessageKind = z.infer<typeof MessageKind>;

/** `fyi` never starts a turn; `normal` wakes an idle session and waits while it is busy; `urgent` goes to the next tool boundary. */
export const Urgency = z.enum(["fyi", "normal", "urgent"]);
export type Urgency = z.infer<typeof Urgency>;

const encoder = new TextEncoder();
/** Bytes of a text in UTF-8. Bun counts them without writing them; a browser has no such function. */
export const byteLength: (text: string) => number =
  typeof Buffer === "undefined" ? (text) => encoder.encode(text).length : (text) => Buffer.byteLength(text);

/** Whether a text is longer than so many bytes; most are short enough to see it by their length. */
export const isLongerThan = (text: string, bytes: number): boolean =>
  text.length > bytes || (text.length * 3 > bytes && byteLength(text) > bytes);

const textUpTo = (bytesMax: number, what: string) =>
  z
    .string()
    .refine((text) => text.trim() !== "", "must not be empty")
    .refine((text) => !isLongerThan(text, bytesMax), {
      params: { code: "body_too_large" },
      error: (issue) =>
        `is ${byteLength(String(issue.input))} bytes, more than the ${bytesMax} that ${what} may have; put it into a file of your repository and name its path`,
    });

/** Text for a peer: not blank, within the limit in UTF-8 bytes. */
export const Body = textUpTo(LIMITS.bodyBytesMax, "one message");
/** The same, for a message that is sent later. */
export const LaterBody = textUpTo(LIMITS.scheduleTextBytesMax, "a scheduled message");
export type Body = z.infer<typeof Body>;

/** The commit an answer was given at, and how many tracked files differed from it. */
export const CheckoutState = z.object({
  commit: z.string().regex(/^[0-9a-f]{4,40}$/, "must be a commit's hash, or the beginning of one"),
  dirty: z.number().int().nonnegative(),
});
export type CheckoutState = z.infer<typeof CheckoutState>;

/** The whole of a message as stored; it never changes. Instants are epoch milliseconds. */
export const Message = z.object({
  id: MessageId,
  kind: MessageKind,
  from: PeerId,
  /** The sender's name, circle and role at that time, as its credential had them. */
  from_name: PeerName,
  from_circle: CircleName,
  from_role: Role,
  /** A peer id, or `circle:NAME` for a broadcast. */
  to: z.string(),
  body: z.string(),
  body_bytes: z.number().int(),
  attachments: z.array(Attachment),
  in_reply_to: MessageId.optional(),
  thread: MessageId,
  urgency: Urgency,
  hops: z.number().int().nonnegative(),
  traceparent: z.string().optional(),
  /** For answers: the state of the checkout that was read. */
  checkout: CheckoutState.optional(),
  created_at: z.number().int(),
  /** On the daemon's awake clock, which stands still while the machine sleeps. */
  expires_awake_ms: z.number().optional(),
});
export type Message = z.infer<typeof Message>;

/** One message on its way to one peer. */
export const Delivery = z.object({
  message: MessageId,
  peer: PeerId,
  handle: z.string(),
  state: DeliveryState,
  reason: z.string().optional(),
  attempt: z.number().int().nonnegative(),
  rung: Rung.optional(),
  /** The conversation it was presented in (session id of the runtime). */
  conversation: z.string().optional(),
  /** Sequence number of the event of its last lease: what a link's cursor is compared with. */
  lease_seq: z.number().int().optional(),
  shown_bytes: z.number().int().nonnegative(),
  queued_at: z.number().int(),
  presented_at: z.number().int().optional(),
  /** When the recipient's runtime took it into the conversation (prompt hook, transcript); not yet read by the model. */
  entered_at: z.number().int().optional(),
  seen_at: z.number().int().optional(),
  seen_by: z.string().optional(),
});
export type Delivery = z.infer<typeof Delivery>;

/** The life of a question, beside its delivery. */
export const Ask = z.object({
  message: MessageId,
  handle: z.string(),
  asker: PeerId,
  askee: PeerId,
  state: AskState,
  by: AnsweredBy.optional(),
  reason: FailReason.optional(),
  detail: z.string().optional(),
  answer: MessageId.optional(),
  progress: z.string().optional(),
  opened_at: z.number().int(),
  closed_at: z.number().int().optional(),
  /** When the recipient's turn ended without an answer, and whether it was reminded. */
  overlooked_at: z.number().int().optional(),
  reminded: z.boolean(),
  /** The asker gave up waiting: the answer comes as fyi. */
  abandoned: z.boolean(),
});
export type Ask = z.infer<typeof Ask>;

/** Who sent it, as facts that only repowire writes. */
export const Sender = z.object({ id: PeerId, name: z.string(), circle: z.string(), role: Role, runtime: Runtime });
export type Sender = z.infer<typeof Sender>;

/** What travels to the recipient's side: routing facts around a body. */
export const Envelope = z.object({
  message: MessageId,
  handle: z.string(),
  kind: MessageKind,
  from: Sender,
  /** The part that is shown now; `inbox(id)` continues where it ends. */
  body: z.string(),
  body_bytes: z.number().int(),
  shown_bytes: z.number().int(),
  urgency: Urgency,
  attempt: z.number().int(),
  /** Position in the recipient's mailbox: a reconnecting link names the last one it received. */
  cursor: z.number().int(),
  created_at: z.number().int(),
  /** Where the recipient's steps belong in the message's trace, if it has one. */
  traceparent: z.string().optional(),
  /** Files that go with it; `inbox(id)` shows one. */
  attachments: z.array(Attachment).optional(),
  /** For answers: what was asked, how it was answered and how long after the question. */
  answer_to: z
    .object({
      handle: z.string(),
      question: z.string(),
      by: AnsweredBy.optional(),
      outcome: z.enum(["answer", "decline", "failed", "expired"]),
      elapsed_ms: z.number().int(),
      checkout: CheckoutState.optional(),
    })
    .optional(),
});
export type Envelope = z.infer<typeof Envelope>;

/** A tool call that waits for a person, relayed. */
export const Approval = z.object({
  message: MessageId,
  handle: Handle,
  peer: PeerId,
  peer_name: z.string(),
  tool: z.string(),
  description: z.string().optional(),
  preview: z.string(),
  state: z.enum(["pending", "allowed", "denied", "withdrawn", "expired"]),
  detail: z.string().optional(),
  decided_by: z.string().optional(),
  requested_at: z.number().int(),
  decided_at: z.number().int().optional(),
});
export type Approval = z.infer<typeof Approval>;
