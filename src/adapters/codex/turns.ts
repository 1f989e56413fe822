import { z } from "zod";
import { Handle, type MessageId, MessageId as MessageIdSchema } from "../../protocol/index.ts";
import type { QueuedSubmission, ThreadItem, Turn } from "./wire.ts";

/**
 * What Codex's own list of turns says about our messages. The proof is the id that we gave with the message (`clientId` of its user
 * message), in the very thread that it was given to: nobody who types in the TUI can set it, and no text can forge it.
 */

/** The name of one attempt in Codex: the message's id, and which attempt it is from the second on. */
export function clientIdOf(message: MessageId, attempt: number): string {
  return attempt > 1 ? `${message}:${attempt}` : message;
}

export function attemptOf(clientId: string): { message: MessageId; attempt: number } | undefined {
  const [id, attempt = "1"] = clientId.split(":");
  const message = MessageIdSchema.safeParse(id);
  return message.success && /^\d{1,3}$/.test(attempt) ? { message: message.data, attempt: Number(attempt) } : undefined;
}

export interface OurInput {
  message: MessageId;
  attempt: number;
  /** Handles of everything that this submission carried: itself, and news that rode along. */
  handles: string[];
  /** The model produced something after it in this turn. */
  isSeen: boolean;
}

export interface TurnView {
  id: string;
  state: "running" | "completed" | "interrupted" | "failed";
  ours: OurInput[];
  /** Its user began or joined the turn: its text belongs to them. */
  hasOthers: boolean;
  /** The last text of the turn. */
  answer?: string;
  /** Answers that the model gave by the reply tool while the daemon was away, so that the call failed: by handle, the newest last. */
  unsent: { handle: string; text: string }[];
  error?: string;
  isLimit: boolean;
  /** Patches that were applied: the item and the files that it names. */
  changes: { id: string; files: string[] }[];
}

const STATES = {
  inProgress: "running",
  completed: "completed",
  interrupted: "interrupted",
  failed: "failed",
} as const;

const isUser = (item: ThreadItem): boolean => item.type === "userMessage";
/** Made by the model; items of hooks and of the context are not. */
const OUTPUT = new Set([
  "agentMessage",
  "reasoning",
  "commandExecution",
  "mcpToolCall",
  "fileChange",
  "webSearch",
  "plan",
  "dynamicToolCall",
  "collabAgentToolCall",
  "imageView",
]);
const HANDLE = /^\[repowire [a-z]+ ([a-z0-9]{5})[ \]]/gm;

export function readTurn(turn: Turn): TurnView {
  const ours: OurInput[] = [];
  let hasOthers = false;
  let answer: string | undefined;
  for (const [index, item] of turn.items.entries()) {
    if (item.type === "agentMessage" && item.text) answer = item.text;
    if (!isUser(item)) continue;
    const attempt = item.clientId ? attemptOf(item.clientId) : undefined;
    if (!attempt) hasOthers = true;
    else
      ours.push({
        ...attempt,
        handles: handlesIn(textOf(item)),
        isSeen: turn.items.slice(index + 1).some((later) => OUTPUT.has(later.type)),
      });
  }
  const info = turn.error?.codexErrorInfo;
  return {
    id: turn.id,
    state: STATES[turn.status],
    ours,
    hasOthers,
    answer,
    unsent: turn.items.flatMap((item) => unsentReply(item) ?? []),
    error: turn.error?.message,
    changes: turn.items.flatMap((item) => changeOf(item) ?? []),
    isLimit: info === "usageLimitExceeded" || info === "sessionBudgetExceeded",
  };
}

/** By file, or a list of files, whatever the version. */
function changeOf(item: ThreadItem): TurnView["changes"][number] | undefined {
  const { changes } = item;
  if (item.type !== "fileChange" || item.id === undefined || typeof changes !== "object" || !changes) return undefined;
  const files = Array.isArray(changes)
    ? changes.flatMap((change: unknown) =>
        typeof change === "object" && change && "path" in change && typeof change.path === "string"
          ? [change.path]
          : [],
      )
    : Object.keys(changes);
  return { id: item.id, files };
}

/** What setup calls our server in Codex's configuration. */
const SERVER_NAME = "repowire";
const ReplyArguments = z.object({ id: Handle, text: z.string(), outcome: z.literal("answer").optional() });

/** The call itself failed: nobody is behind the server's address. A refusal of the daemon is a result, and stands. */
function unsentReply(item: ThreadItem): TurnView["unsent"][number] | undefined {
  if (item.type !== "mcpToolCall" || item.server !== SERVER_NAME || item.tool !== "reply" || !item.error)
    return undefined;
  const given = ReplyArguments.safeParse(item.arguments);
  return given.success && given.data.text.trim() !== "" ? { handle: given.data.id, text: given.data.text } : undefined;
}

/** Only repowire writes such a tag at the beginning of a line: peers' text cannot hold one. */
function handlesIn(text: string): string[] {
  return [...text.matchAll(HANDLE)].flatMap((match) => match[1] ?? []);
}

const textOf = (item: ThreadItem): string => (item.content ?? []).map((part) => part.text ?? "").join("\n");

/** One attempt of ours that waits in Codex's queue. */
export interface QueuedInput {
  /** Codex's name for the entry. */
  id: string;
  message: MessageId;
  attempt: number;
  handles: string[];
}

export function oursInQueue(queue: readonly QueuedSubmission[]): QueuedInput[] {
  return queue.flatMap((entry) => {
    const attempt = attemptOf(entry.clientUserMessageId);
    if (!attempt) return [];
    const text = entry.input.map((part) => part.text ?? "").join("\n");
    return [{ id: entry.id, ...attempt, handles: handlesIn(text) }];
  });
}

/** "… try again at 5:51 AM": the next such minute after `now`, in local time; epoch milliseconds. */
export function limitFromText(text: string, now: number): number | undefined {
  const match = text.match(/try again at (?:[A-Z][a-z]{2} \d{1,2}\w{2}, \d{4} )?(\d{1,2}):(\d{2}) ?(AM|PM)/i);
  if (!match) return undefined;
  const hour = (Number(match[1]) % 12) + (match[3]?.toUpperCase() === "PM" ? 12 : 0);
  const at = new Date(now);
  at.setHours(hour, Number(match[2]), 0, 0);
  if (at.getTime() <= now) at.setDate(at.getDate() + 1);
  return at.getTime();
}
