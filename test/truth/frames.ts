import type { AgentRuntime } from "../../src/protocol/index.ts";
import type { TranscriptEntry } from "../agents/driver.ts";

/**
 * What counts as one of repowire's messages in a runtime's own transcript. Written anew from what the CLIs store, apart from the
 * product's readers: a message counts only as the exact frame, with its handle, where the CLI puts nothing but a client's words.
 */
export interface Sought {
  message: string;
  handle: string;
}

type Reader = (entry: TranscriptEntry, sought: Sought) => number;

const KINDS = "(?:ask|notify|broadcast|answer)";
const count = (text: string, pattern: RegExp): number => [...text.matchAll(pattern)].length;

/** One frame and nothing around it: the text begins with it and ends with its end. */
const channelTag = (handle: string) =>
  new RegExp(`^<channel source="repowire" kind="${KINDS}" id="${handle}"[^>]*>\\n[\\s\\S]*\\n</channel>$`);
const inboxWrapper = (handle: string) =>
  new RegExp(
    `(?:^|\\n)<cross-session-message from="[^"]+" from-name="[^"]*"[^>]*>\\n\\[repowire ${KINDS} ${handle}\\] `,
    "g",
  );
const hookTag = (handle: string) => new RegExp(`^<channel source="repowire" kind="${KINDS}" id="${handle}"`, "gm");
const bracketHead = (handle: string) => new RegExp(`^\\[repowire ${KINDS} ${handle} from [^\\]\\n]+\\] `, "gm");

const READERS: Partial<Record<AgentRuntime, Reader>> = {
  "claude-code"(entry, { handle }) {
    switch (entry.place) {
      case "channel repowire":
        return channelTag(handle).test(entry.text.trim()) ? 1 : 0;
      case "peer":
        return count(entry.text, inboxWrapper(handle));
      case "hook":
        return count(entry.text, hookTag(handle));
      default:
        return 0;
    }
  },
  codex(entry, { handle }) {
    if (entry.place === "hook") return count(entry.text, hookTag(handle));
    // A submission of ours begins with a frame; what rides along begins lines of its own.
    return entry.place?.startsWith("client ") && entry.text.startsWith("[repowire ")
      ? count(entry.text, bracketHead(handle))
      : 0;
  },
  gemini: (entry, { handle }) =>
    entry.place === "hook" ? count(entry.text.replace("<hook_context>", ""), bracketHead(handle)) : 0,
  opencode(entry, { message, handle }) {
    // A note rides on a tool result and is stored nowhere: the driver of this suite sees it where the model's service got it.
    if (entry.place === "note")
      return count(entry.text, new RegExp(`\\[repowire ${KINDS} ${handle}, beside the result above`, "g"));
    if (!entry.place?.split(" ").includes(message)) return 0;
    return count(
      entry.text,
      new RegExp(`asks \\(repowire ${handle}(?:, again)?\\): |\\(repowire ${handle}(?:, again)?\\) `, "g"),
    );
  },
};

/** How often this entry presents the message. */
export function framesIn(runtime: AgentRuntime, entry: TranscriptEntry, sought: Sought): number {
  const reader = READERS[runtime];
  if (!reader) throw new Error(`nobody has written down how ${runtime} stores a message`);
  return entry.from === "input" ? reader(entry, sought) : 0;
}

/** The transcript with the notes that OpenCode's model was shown and its store does not keep, each before the model's next words. */
export function withNotes(
  entries: readonly TranscriptEntry[],
  turns: readonly { index: number; text: string }[],
): TranscriptEntry[] {
  const notes = turns.filter(({ text }) => text.includes(", beside the result above and no part of it"));
  let spoken = 0;
  const whole = entries.flatMap((entry): TranscriptEntry[] => {
    if (entry.from !== "model") return [entry];
    const before = notes.filter(({ index }) => index === spoken);
    spoken++;
    return [...before.map(noteOf), entry];
  });
  return [...whole, ...notes.filter(({ index }) => index >= spoken).map(noteOf)];
}

const noteOf = ({ text }: { text: string }): TranscriptEntry => ({ from: "input", text, place: "note" });
