import { framesIn, soleTag } from "../../words/index.ts";

/**
 * What a session's transcript proves, line by line as it is appended (Gemini CLI 0.61.0). A line is a message, whose id may come again
 * with more of the same message, or a patch. A cancelled turn is taken out of the conversation by a patch that gives the whole list
 * anew, under new ids and without the note that told of it: so facts are taken as they come, and never from the list as it
 * stands at the end.
 */
export type GeminiFact =
  /** A prompt entered the conversation and began a turn. */
  | { type: "input"; input: GeminiInput; at: number }
  /** The model produced something in that turn. `text` is its newest text; with `calls` of tools it is not the turn's last. */
  | { type: "output"; text: string; calls: number }
  | { type: "error"; text: string; isLimit: boolean }
  | { type: "cancelled" }
  /** Its tools wrote or read these files. */
  | { type: "files"; writes: string[]; reads: string[]; at?: number };

/**
 * Where a prompt came from, by its structure alone. `tag`: our tag alone, with a hook's context that holds the frame of that very handle.
 * `injected`: a frame of ours that followed a turn's end. `bareTag`: our tag with no context: no hook of ours took it. `carried` are
 * the handles of all frames in the hook's context.
 */
export type GeminiInput =
  | { from: "tag"; handle: string; carried: string[] }
  | { from: "injected"; handle: string; carried: string[] }
  | { from: "bareTag"; handle: string; carried: string[] }
  | { from: "user"; carried: string[] };

interface Entry {
  id?: unknown;
  timestamp?: unknown;
  type?: unknown;
  content?: unknown;
  displayContent?: unknown;
  toolCalls?: unknown;
}

/** Turns lines into facts. It keeps which message ids it knows, so that a message that grows is no second one. */
export function createGeminiFacts(): (line: string) => GeminiFact[] {
  let lastInput = "";
  return (line) => {
    let entry: Entry;
    try {
      entry = JSON.parse(line) as Entry; // every field is checked where it is used
    } catch {
      return [];
    }
    switch (entry.type) {
      case "user": {
        if (entry.id === lastInput) return [];
        const input = inputOf(entry);
        if (!input) return [];
        lastInput = String(entry.id);
        return [{ type: "input", input, at: Date.parse(String(entry.timestamp)) || 0 }];
      }
      case "gemini":
        // Messages of the list made anew have parts for a text: they are old ones.
        return typeof entry.content === "string"
          ? [
              {
                type: "output",
                text: entry.content,
                calls: Array.isArray(entry.toolCalls) ? entry.toolCalls.length : 0,
              },
              ...filesOf(entry),
            ]
          : [];
      case "info":
        return entry.content === CANCELLED ? [{ type: "cancelled" }] : [];
      case "error": {
        const text = textOf(entry.content);
        return [{ type: "error", text, isLimit: LIMIT.test(text) }];
      }
      default:
        return [];
    }
  };
}

const WRITING = new Set(["write_file", "replace"]);
const READING = new Set(["read_file", "grep_search", "search_file_content"]);

/** Calls of tools stand in the message that made them. */
function filesOf({ toolCalls, timestamp }: Entry): GeminiFact[] {
  const at = Date.parse(String(timestamp));
  if (!Array.isArray(toolCalls) || Number.isNaN(at)) return [];
  const [writes, reads]: [string[], string[]] = [[], []];
  for (const call of toolCalls as unknown[]) {
    if (typeof call !== "object" || !call || !("name" in call) || !("args" in call)) continue;
    const list = WRITING.has(String(call.name)) ? writes : READING.has(String(call.name)) ? reads : undefined;
    const args = typeof call.args === "object" && call.args ? Object.entries(call.args) : [];
    const named = args.find(([key]) => key === "file_path" || key === "absolute_path" || key === "dir_path")?.[1];
    if (list && typeof named === "string") list.push(named);
  }
  return writes.length + reads.length === 0 ? [] : [{ type: "files", writes, reads, at }];
}

const CANCELLED = "Request cancelled.";
/** "You have exhausted your daily quota on this model." and its kin; a short 429 is retried by the CLI itself. */
const LIMIT = /exhausted your (?:daily |capacity |\w+ )?quota|usage limit reached/i;
/** Written by the CLI itself, as the first message and again whenever the list is made anew. */
const SESSION_CONTEXT = "<session_context>";
const HOOK_CONTEXT = "<hook_context>";

export function inputOf(entry: Entry): GeminiInput | undefined {
  const texts = partsOf(entry.content);
  const [first] = texts;
  if (first === undefined || first.startsWith(SESSION_CONTEXT)) return undefined;
  const context = texts.length > 1 ? texts.at(-1) : undefined;
  const carried = context?.startsWith(HOOK_CONTEXT) ? framesIn(context.slice(HOOK_CONTEXT.length)) : [];
  const shown = entry.displayContent === undefined ? undefined : textOf(entry.displayContent);
  const handle = soleTag(first);
  if (handle !== undefined) {
    const isTaken = texts.length === 2 && shown?.trim() === first.trim() && carried.includes(handle);
    return { from: isTaken ? "tag" : "bareTag", handle, carried };
  }
  const injected = texts.length === 1 && shown !== undefined && shown !== first ? framesIn(first) : [];
  const [follows] = injected;
  return follows !== undefined && first.startsWith("[repowire ")
    ? { from: "injected", handle: follows, carried: injected }
    : { from: "user", carried };
}

/** The texts of a message; responses of tools have none. */
export function partsOf(content: unknown): string[] {
  if (typeof content === "string") return [content];
  if (!Array.isArray(content)) return [];
  return content.flatMap((part: unknown) =>
    typeof part === "object" && part && "text" in part && typeof part.text === "string" ? [part.text] : [],
  );
}
const textOf = (content: unknown): string => partsOf(content).join("");
