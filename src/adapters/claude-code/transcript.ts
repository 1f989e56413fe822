import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parseChannelFrame, parseInboxFrame } from "../../words/index.ts";
import { createTail } from "../tail.ts";

/**
 * Reads what a session's transcript proves. Only entries of the main file count, and of those only frames of ours at their
 * structural place: a `user` entry or a mid-turn attachment whose `origin` says that it came through our channel or from our own
 * process, or a hook context. The same text typed by a person has the origin `human` and proves nothing (Claude Code 2.1.330 and
 * 2.1.197). A `queue-operation` alone is not a delivery; of what a person typed it is a warning.
 */
export type TranscriptFact =
  /** A frame of ours entered the conversation. `address`: for inbox frames, where a reply would have gone. */
  | { type: "frame"; handle: string; via: "channel" | "peer" | "hook"; address?: string; isMidTurn: boolean }
  /** Anything else entered it. */
  | { type: "input"; from: "user" | "other"; isMidTurn: boolean }
  /** A tool result that carried these messages. */
  | { type: "result"; messages: string[] }
  /** The model produced output. */
  | { type: "output"; text: string; endsTurn: boolean; toolUses: string[] }
  | { type: "interrupted" }
  | { type: "api_error"; text: string; isLimit: boolean; until?: number }
  | { type: "mode"; mode: string }
  | { type: "turn_over" }
  /** The model called tools that write or read these files; whether it may is not known yet. */
  | { type: "files"; writes: string[]; reads: string[]; cwd?: string; at?: number };

interface Origin {
  kind?: string;
  server?: string;
  from?: string;
  verifiedPeerPid?: number;
}

/** Fields of an entry that are looked at; everything in a transcript is read as unknown first. */
interface Entry {
  type?: string;
  timestamp?: string;
  cwd?: string;
  subtype?: string;
  isSidechain?: boolean;
  isMeta?: boolean;
  isApiErrorMessage?: boolean;
  apiError?: string;
  quotaLimits?: { status?: string; resetsAt?: number };
  interruptedMessageId?: string;
  permissionMode?: string;
  origin?: Origin;
  operation?: string;
  content?: unknown;
  message?: { role?: string; content?: unknown; stop_reason?: string | null };
  attachment?: { type?: string; prompt?: unknown; origin?: Origin; content?: unknown; hookEvent?: string };
  mcpMeta?: { _meta?: Record<string, unknown> };
}

export const CARRIED_KEY = "repowire/messages";
const SERVER_NAME = "repowire";

interface Block {
  type?: string;
  text?: string;
  id?: string;
  name?: string;
  input?: unknown;
}

const blocks = (content: unknown): Block[] =>
  Array.isArray(content) ? content.filter((block): block is Block => typeof block === "object" && block !== null) : [];
const textOf = (content: unknown): string | undefined =>
  typeof content === "string"
    ? content
    : Array.isArray(content)
      ? blocks(content)
          .map((block) => block.text ?? "")
          .join("\n")
      : undefined;

/** The facts of one line, in order. `ownPid` is the process that writes to inbox sockets: this daemon. */
export function factsOfLine(line: string, ownPid: number): TranscriptFact[] {
  let entry: Entry;
  try {
    entry = JSON.parse(line) as Entry; // every field is checked where it is used
  } catch {
    return [];
  }
  if (entry.isSidechain) return [];
  switch (entry.type) {
    case "user":
      return userFacts(entry, ownPid);
    case "assistant":
      return assistantFacts(entry);
    case "attachment":
      return attachmentFacts(entry, ownPid);
    case "permission-mode":
      return entry.permissionMode ? [{ type: "mode", mode: entry.permissionMode }] : [];
    case "queue-operation":
      return queueFacts(entry);
    case "system":
      return entry.subtype === "turn_duration" ? [{ type: "turn_over" }] : [];
    default:
      return [];
  }
}

function userFacts(entry: Entry, ownPid: number): TranscriptFact[] {
  const content = entry.message?.content;
  if (entry.interruptedMessageId !== undefined || textOf(content)?.startsWith("[Request interrupted by user"))
    return [{ type: "interrupted" }];
  if (blocks(content).some((block) => block.type === "tool_result")) {
    const carried = entry.mcpMeta?._meta?.[CARRIED_KEY];
    return Array.isArray(carried)
      ? [{ type: "result", messages: carried.filter((id): id is string => typeof id === "string") }]
      : [];
  }
  if (!entry.origin && entry.isMeta) return [];
  return [inputFact(entry.origin, textOf(content) ?? "", false, ownPid)];
}

/**
 * Something was typed while the session works. Whether it joins the turn or begins the next one is not known yet; either way the
 * turn's text may be meant for whoever typed it. (Our own frames are told by their attachment, when they really entered.)
 */
function queueFacts(entry: Entry): TranscriptFact[] {
  const text = entry.operation === "enqueue" ? textOf(entry.content) : undefined;
  if (text === undefined || parseChannelFrame(text) || parseInboxFrame(text) || text.startsWith("<task-notification>"))
    return [];
  return [{ type: "input", from: "user", isMidTurn: true }];
}

function attachmentFacts(entry: Entry, ownPid: number): TranscriptFact[] {
  const { attachment } = entry;
  if (attachment?.type === "queued_command")
    return [inputFact(attachment.origin, textOf(attachment.prompt) ?? "", true, ownPid)];
  if (attachment?.type !== "hook_additional_context") return [];
  const contexts = Array.isArray(attachment.content) ? attachment.content : [attachment.content];
  return contexts.flatMap((context) => (typeof context === "string" ? hookFrames(context) : []));
}

/** Our hook's context is a line of ours and frames, one after the other. */
function hookFrames(context: string): TranscriptFact[] {
  return context.split(/(?=^<channel source="repowire")/m).flatMap((part): TranscriptFact[] => {
    const frame = parseChannelFrame(part);
    return frame ? [{ type: "frame", handle: frame.handle, via: "hook", isMidTurn: true }] : [];
  });
}

function inputFact(origin: Origin | undefined, text: string, isMidTurn: boolean, ownPid: number): TranscriptFact {
  if (origin?.kind === "channel" && origin.server === SERVER_NAME) {
    const frame = parseChannelFrame(text);
    if (frame) return { type: "frame", handle: frame.handle, via: "channel", isMidTurn };
  }
  if (origin?.kind === "peer" && (origin.verifiedPeerPid === undefined || origin.verifiedPeerPid === ownPid)) {
    const frame = parseInboxFrame(text);
    if (frame) return { type: "frame", handle: frame.handle, via: "peer", address: frame.address, isMidTurn };
  }
  const isUser = origin === undefined || origin.kind === "human";
  return { type: "input", from: isUser ? "user" : "other", isMidTurn };
}

function assistantFacts(entry: Entry): TranscriptFact[] {
  const content = entry.message?.content;
  if (entry.isApiErrorMessage) {
    const limit = entry.quotaLimits;
    const isLimit = entry.apiError === "usage_limit_reached" || limit?.status === "rejected";
    return [
      {
        type: "api_error",
        text: textOf(content) ?? "",
        isLimit,
        until: limit?.resetsAt === undefined ? undefined : limit.resetsAt * 1000,
      },
    ];
  }
  const parts = blocks(content);
  const text = parts
    .filter((block) => block.type === "text")
    .map((block) => block.text ?? "")
    .join("\n");
  const toolUses = parts.flatMap((block) => (block.type === "tool_use" && block.id ? [block.id] : []));
  const output: TranscriptFact = {
    type: "output",
    text,
    endsTurn: entry.message?.stop_reason === "end_turn",
    toolUses,
  };
  return [output, ...filesOf(parts, entry)];
}

const WRITING = new Set(["Edit", "Write", "MultiEdit", "NotebookEdit"]);
const READING = new Set(["Read", "Grep", "NotebookRead"]);

/** Of an entry without an instant nobody knows whether it is news. */
function filesOf(parts: readonly Block[], { timestamp, cwd }: Entry): TranscriptFact[] {
  const at = Date.parse(String(timestamp));
  if (Number.isNaN(at)) return [];
  const [writes, reads]: [string[], string[]] = [[], []];
  for (const { type, name = "", input } of parts) {
    const list = WRITING.has(name) ? writes : READING.has(name) ? reads : undefined;
    if (type !== "tool_use" || !list || typeof input !== "object" || input === null) continue;
    const named = Object.entries(input).find(([key]) => ["file_path", "notebook_path", "path"].includes(key))?.[1];
    if (typeof named === "string") list.push(named);
  }
  if (writes.length + reads.length === 0) return [];
  return [{ type: "files", writes, reads, cwd: typeof cwd === "string" ? cwd : undefined, at }];
}

/** Where a session's transcript is: named by a hook, or found by its session id. */
export function findTranscript(configDir: string, sessionId: string): string | undefined {
  const root = join(configDir, "projects");
  if (!/^[\w-]+$/.test(sessionId) || !existsSync(root)) return undefined;
  return readdirSync(root)
    .map((project) => join(root, project, `${sessionId}.jsonl`))
    .find((file) => existsSync(file));
}

/** Whether this session has ever started a subagent. */
export function hasSubagents(transcript: string): boolean {
  return existsSync(join(transcript.replace(/\.jsonl$/, ""), "subagents"));
}

export interface TranscriptReader {
  readonly file: string;
  /** The facts that were appended since the last call. */
  read(): TranscriptFact[];
}

export function createTranscriptReader(file: string, ownPid: number): TranscriptReader {
  const tail = createTail(file);
  return { file, read: () => tail.read().flatMap((line) => factsOfLine(line, ownPid)) };
}
