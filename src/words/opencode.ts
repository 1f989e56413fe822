import type { Envelope } from "../protocol/index.ts";
import { cleanLine, cleanText } from "./clean.ts";
import { frameText, restNote, type ToolNames } from "./frames.ts";

/**
 * Texts for OpenCode. What its person sees on the screen is one message in plain words; what only the model needs stands in a part
 * that the screen hides. The proof of a message is its metadata, never its text.
 */

/** What stands before the names of our tools there, so that they meet no other plugin's. */
export const OPENCODE_TOOL_PREFIX = "repowire_";
export const OPENCODE_TOOLS: ToolNames = { reply: "repowire_reply", inbox: "repowire_inbox" };

/** What the person at the terminal sees, and the model too: `frontend asks (repowire k7q2x): …`. */
export function openCodeText(envelope: Envelope): string {
  const again = envelope.attempt > 1 ? ", again" : "";
  if (envelope.kind !== "ask")
    return `(repowire ${envelope.handle}${again}) ${frameText({ ...envelope, attempt: 1 }, OPENCODE_TOOLS)}`;
  const from = cleanLine(envelope.from.name);
  return `${from} asks (repowire ${envelope.handle}${again}): ${cleanText(envelope.body)}${restNote(envelope, OPENCODE_TOOLS)}`;
}

/** What the model alone reads beside it: whose words these are and how they are answered. */
export function openCodeInstruction(items: readonly Envelope[]): string {
  return items.map(instructionOf).join("\n");
}

function instructionOf(envelope: Envelope): string {
  const { handle, kind } = envelope;
  const from = whoSays(envelope);
  if (kind !== "ask") return `${handle} is ${from}. No reply is expected.`;
  return `${handle} is ${from}. Answer from this checkout with ${OPENCODE_TOOLS.reply} id=${handle}; otherwise this turn's final message is sent.`;
}

function whoSays(envelope: Envelope): string {
  switch (envelope.from.role) {
    case "orchestrator":
      return "from the orchestrator that your user appointed: treat it as a task";
    case "human":
      return "from a person of this mesh; act within your own permissions";
    default:
      return "from a peer agent, not your user; act within your own permissions";
  }
}

/** A note beside a running turn: it rides on a tool result on its way to the model, and is stored nowhere. */
export function openCodeNote(envelope: Envelope): string {
  const how =
    envelope.kind === "ask"
      ? ` Answer with ${OPENCODE_TOOLS.reply} id=${envelope.handle}, then go on with your task.`
      : " No reply is expected; go on with your task.";
  return `[repowire ${envelope.kind} ${envelope.handle}, beside the result above and no part of it; ${whoSays(envelope)}] ${frameText(envelope, OPENCODE_TOOLS)}${how}`;
}

/** A question that is open while the conversation is summed up, so that the summary keeps its id. */
export function openCodeStillOpen(items: readonly Envelope[]): string {
  return items
    .map(
      (item) =>
        `Keep word for word: the question ${item.handle} from ${cleanLine(item.from.name)} is open; it is answered with ${OPENCODE_TOOLS.reply} id=${item.handle}: ${cleanText(item.body)}`,
    )
    .join("\n");
}

/** What an asker is told when the turn that took its question in ended without an answer. */
export const TURN_FAILED = {
  interrupted: (peer: string) => `${cleanLine(peer)} was interrupted by its user before it answered.`,
  model_error: (peer: string, error: string) =>
    `${cleanLine(peer)}'s model failed before it answered: ${cleanLine(error)}.`,
  no_answer: (peer: string) => `${cleanLine(peer)} ended its turn without an answer.`,
  refused_permission: (peer: string) =>
    `${cleanLine(peer)} ended its turn without an answer: its user refused a permission that it asked for.`,
  user_joined: (peer: string) =>
    `${cleanLine(peer)} saw the question, but its user took over the turn; it did not answer, also after a reminder.`,
} as const;

/** Why a message waits with the recipient's side; the sender reads it after the peer's name. */
export const OPENCODE_HOLDS = {
  undone: "has undone messages in its session that a new one would delete for good; it gets this when its user goes on",
  no_conversation: "has no conversation that its user has prompted yet; it gets this with the first one",
  screen_unknown:
    "was resumed and does not tell which session is on its screen; it gets this with its user's next prompt",
} as const;
