import { describeError, ErrorInfo, markOf, type StoredMessage } from "./api.ts";

/** What became of a turn that our prompt began, by what OpenCode has stored. */
export type TurnVerdict =
  | { type: "answer"; text: string }
  | { type: "interrupted" }
  | { type: "model_error"; error: string }
  /** Its user's own words came into it, and what the model said then belongs to that user. */
  | { type: "joined" }
  | { type: "no_answer" }
  /** Nothing of it is stored (yet). */
  | { type: "nothing" };

export interface TurnEvidence {
  messages: readonly StoredMessage[];
  /** Ids of the messages that began it. */
  ids: ReadonlySet<string>;
  /** The last `session.error` of the run: on failure the session is idle before the error is stored (1.18.33). */
  error?: { name: string; text: string };
  /** The model's service was waited for; an interruption then leaves no error at all. */
  wasRetrying: boolean;
}

/**
 * A context overflow stores our prompt again under a new id, with its metadata, or goes on with a prompt of its own; errors on the
 * way are then history. So the newest copy counts, and an error only where no answer came.
 */
export function judgeTurn(evidence: TurnEvidence): TurnVerdict {
  const { messages, ids } = evidence;
  const isOurs = (message: StoredMessage) =>
    message.info.role === "user" && message.parts.some((part) => ids.has(markOf(part)?.id ?? ""));
  const at = messages.findLastIndex(isOurs);
  if (at < 0) return { type: "nothing" };
  const after = messages.slice(at + 1);
  const parents = new Set(messages.filter(isOurs).map((message) => message.info.id));
  for (const message of after) if (isContinuation(message)) parents.add(message.info.id);
  const own = after.filter((message) => message.info.role === "assistant" && parents.has(message.info.parentID ?? ""));

  const final = own.findLast(isFinal);
  if (final) {
    const text = textOf(final);
    return text === "" ? { type: "no_answer" } : { type: "answer", text };
  }
  const stored = own.map((message) => ErrorInfo.safeParse(message.info.error).data).findLast(Boolean);
  const error = stored ? { name: stored.name, text: describeError(stored) } : evidence.error;
  if (error?.name === "MessageAbortedError") return { type: "interrupted" };
  if (after.some(isHuman)) return { type: "joined" };
  if (error) return { type: "model_error", error: error.text };
  if (evidence.wasRetrying) return { type: "interrupted" };
  return own.length === 0 ? { type: "nothing" } : { type: "no_answer" };
}

function isFinal({ info }: StoredMessage): boolean {
  const isDone = info.time.completed !== undefined && info.finish !== undefined && info.finish !== "tool-calls";
  return isDone && !info.error && info.summary !== true;
}

function textOf(message: StoredMessage): string {
  return message.parts
    .filter((part) => part.type === "text" && !part.synthetic && !part.ignored)
    .map((part) => part.text ?? "")
    .join("\n")
    .trim();
}

/** OpenCode's own prompt to go on after a compaction. */
function isContinuation(message: StoredMessage): boolean {
  return message.info.role === "user" && message.parts.some((part) => part.metadata?.compaction_continue !== undefined);
}

function isHuman(message: StoredMessage): boolean {
  if (message.info.role !== "user" || isContinuation(message)) return false;
  if (message.parts.some((part) => markOf(part) !== undefined || part.type === "compaction")) return false;
  return message.parts.some((part) => !part.synthetic);
}
