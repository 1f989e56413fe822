import { z } from "zod";
import { Attachment } from "../attachments.ts";
import { MessageId } from "../ids.ts";
import { CheckoutState, Envelope, MessageKind } from "../messages.ts";
import {
  askTool,
  attached,
  broadcastTool,
  describeTool,
  idempotency,
  inboxTool,
  notifyTool,
  peerField,
  peersTool,
  replyTool,
  whoamiTool,
} from "../operation-shapes.ts";
import { AskOutcome, RecipientTruth, RollUp } from "../outcomes.ts";
import { Peer, Presence, Role } from "../peers.ts";
import { Schedule } from "../schedules.ts";
import { EVERYONE, type OperationShape } from "./shape.ts";

/** What agents do with each other: the operations behind the tools that every session has, and their like. */
export const TOOL_OPERATION_ROWS = {
  ask: {
    purpose: "Ask a peer a question and wait for its answer; the question lives on when the wait ends.",
    input: askTool.omit({ files: true }).extend({ peer: peerField, ...attached, ...idempotency }),
    output: AskOutcome,
    callers: EVERYONE,
    tool: {
      name: "ask_peer",
      description:
        'Ask another agent session; it reads its own checkout. Use instead of guessing about code outside yours. It cannot see your conversation: send one self-contained question. Returns the answer, or "pending" and an id: then go on, the answer arrives by itself. Never ask twice.',
      input: askTool,
    },
  },
  ask_several: {
    purpose:
      "Ask several peers the same question, each by an ask of its own, and wait for all of them together. Whoever cannot be asked is named with the reason; `ask_peer` with several names is this.",
    input: askTool
      .omit({ peer: true, files: true })
      .extend({ peers: z.array(peerField).min(1), ...attached, ...idempotency }),
    output: RollUp,
    callers: EVERYONE,
  },
  reply: {
    purpose: "Answer or decline a question by its id, or report progress on it.",
    input: replyTool.omit({ files: true }).extend({ ...attached, ...idempotency, checkout: CheckoutState.optional() }),
    output: z.object({
      id: z.string(),
      peer: z.string(),
      outcome: z.enum(["answer", "decline", "progress"]),
      /** The same reply was already stored: nothing new happened. */
      repeated: z.boolean(),
      /** Whether the asker's call was waiting and takes it as its result. */
      awaited: z.boolean(),
      /** That call waits for others as well: it brings this once they have answered, or its time is over. */
      with_others: z.boolean().optional(),
      asker: Presence,
    }),
    callers: EVERYONE,
    tool: {
      name: "reply",
      description:
        "Answer a question that came with an id. Cite file:line. outcome decline: say why. progress: one interim line.",
      input: replyTool,
    },
  },
  notify: {
    purpose: "Tell a peer something, one way; returns the state reached.",
    input: notifyTool.omit({ when: true, files: true }).extend({ ...attached, ...idempotency }),
    output: z.object({ id: z.string(), message: MessageId, peer: z.string(), recipient: RecipientTruth }),
    callers: EVERYONE,
    tool: {
      name: "notify_peer",
      description:
        "One-way: a changed contract, a task, a status. Not for questions, thanks or acknowledgements. fyi starts no turn.",
      input: notifyTool,
    },
  },
  broadcast: {
    purpose: "Tell all online peers of a circle something, as fyi.",
    input: broadcastTool.extend({ ...attached, ...idempotency }),
    output: z.object({
      message: MessageId,
      circle: z.string(),
      recipients: z.array(z.object({ id: z.string(), peer: z.string(), recipient: RecipientTruth })),
      /** Online, but not written to, and why. */
      left_out: z.array(z.object({ peer: z.string(), reason: z.string() })),
      /** An estimate of what it costs its recipients together: their contexts hold it from their next turn on. */
      estimated_tokens: z.number().int(),
    }),
    callers: EVERYONE,
    tool: {
      name: "broadcast",
      description: "Tell all online peers of your circle. Costs context in each and starts no turn. Rarely right.",
      input: broadcastTool,
    },
  },
  peers: {
    purpose: "List the peers that the caller can reach.",
    input: peersTool,
    output: z.object({ you: z.string().optional(), circle: z.string(), peers: z.array(Peer) }),
    callers: EVERYONE,
    tool: {
      name: "list_peers",
      description:
        "Names for `peer`, what each does, who is busy or waits for a human. Listed at start; call when stale.",
      input: peersTool,
    },
  },
  describe: {
    purpose: "Set the line that peers see about the caller's current task.",
    input: describeTool,
    output: z.object({ peer: Peer }),
    callers: EVERYONE,
    tool: {
      name: "set_description",
      description: "One line on your current task, shown to peers. Once per task.",
      input: describeTool,
    },
  },
  whoami: {
    purpose: "Who the caller is; with an id, who really sent that message.",
    input: whoamiTool,
    output: z.object({
      peer: Peer,
      message: z
        .object({
          id: z.string(),
          kind: MessageKind,
          from: Peer,
          from_role: Role,
          sent_at: z.number().int(),
          identity: z.enum(["proven", "asserted"]),
        })
        .optional(),
    }),
    callers: EVERYONE,
    tool: {
      name: "whoami",
      description: "You: name, circle, role, delivery. With id: who really sent that message and on whose behalf.",
      input: whoamiTool,
    },
  },
  inbox: {
    purpose:
      "Unread mail and open questions; with an id, the rest of a long message, or the state or withdrawal of one's own question.",
    input: inboxTool,
    output: z.discriminatedUnion("type", [
      z.object({
        type: z.literal("mail"),
        items: z.array(Envelope),
        /** Unread messages beyond those shown. */
        more: z.number().int(),
        /** Questions to the caller that are open, shown or not. */
        to_answer: z.array(
          z.object({ id: z.string(), from: z.string(), question: z.string(), asked_at: z.number().int() }),
        ),
        /** The caller's own open questions. */
        asked: z.array(z.object({ id: z.string(), to: z.string(), question: z.string(), recipient: RecipientTruth })),
      }),
      z.object({
        type: z.literal("message"),
        envelope: Envelope,
        /** Where in the body this part starts, in bytes. */
        offset: z.number().int(),
        part: z.string(),
        rest_bytes: z.number().int(),
      }),
      z.object({ type: z.literal("ask"), outcome: AskOutcome }),
      z.object({
        type: z.literal("withdrawn"),
        id: z.string(),
        peer: z.string(),
        /** Whether the recipient had it already; then its answer may still come, as fyi. */
        was_presented: z.boolean(),
      }),
      z.object({ type: z.literal("schedule"), schedule: Schedule, removed: z.boolean() }),
      z.object({
        type: z.literal("attachment"),
        attachment: Attachment,
        /** The part from byte `offset`; absent for a file that is no text. */
        part: z.string().optional(),
        offset: z.number().int(),
        rest_bytes: z.number().int(),
      }),
    ]),
    callers: EVERYONE,
    tool: {
      name: "inbox",
      description:
        "Unread mail and open questions. Mail arrives by itself: do not poll. id: the rest of a long message, or the state of your own question; cancel withdraws it.",
      input: inboxTool,
    },
  },
} as const satisfies Record<string, OperationShape>;
