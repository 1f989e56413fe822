import type { Envelope } from "../protocol/index.ts";
import { cleanLine, cleanText } from "./clean.ts";
import { frameText, restNote, type ToolNames } from "./frames.ts";

/** What a Gemini CLI session and its user read. The CLI escapes `<` and `>` in a hook's context, so the frames use brackets. */

export const GEMINI_TOOLS: ToolNames = { reply: "mcp_repowire_reply", inbox: "mcp_repowire_inbox" };

/** The one line that is put into a composer; all else comes by hook. It has no sign that the CLI acts on (`@`, `/`, `!`). */
export const geminiTag = (handle: string): string => `[repowire ${handle}]`;

const TAG = /\[repowire ([a-z0-9]{5})\]/g;
const FRAME_HEAD = /^\[repowire (ask|notify|broadcast|answer|permission) ([a-z0-9]{5}) from /gm;

/** The handles of all tags that stand in a text. */
export const tagsIn = (text: string): string[] => [...text.matchAll(TAG)].flatMap((match) => match[1] ?? []);

/** The handle, when the text is one tag and nothing else. */
export const soleTag = (text: string): string | undefined => text.trim().match(/^\[repowire ([a-z0-9]{5})\]$/)?.[1];

/** The handles of the frames in a text of ours: each begins a line, which no peer's text can do, since it is cleaned. */
export const framesIn = (text: string): string[] => [...text.matchAll(FRAME_HEAD)].flatMap((match) => match[2] ?? []);

/** How this message's turn ends: its final text is the answer, or only a call of the reply tool is. */
export type AnswerPath = "turn" | "reply";

/** The frame, as it stands in a hook's context or as a prompt of its own. */
export function geminiFrame(envelope: Envelope, path: AnswerPath): string {
  const head = `[repowire ${envelope.kind} ${envelope.handle} from ${cleanLine(envelope.from.name)}]`;
  const body =
    envelope.kind === "ask"
      ? `${cleanText(envelope.body)}${restNote(envelope, GEMINI_TOOLS)}`
      : frameText(envelope, GEMINI_TOOLS);
  return `${head} ${body}\n(${instruction(envelope, path)})`;
}

/** It begins with the handle, which the writer of the text above it could not know: no line of theirs passes for it. */
function instruction(envelope: Envelope, path: AnswerPath): string {
  const reply = `${GEMINI_TOOLS.reply} id=${envelope.handle}`;
  const from = cleanLine(envelope.from.name);
  const isHuman = envelope.from.role === "human";
  if (envelope.kind !== "ask")
    return `${envelope.handle} is from ${isHuman ? "a person of this mesh" : "a peer agent"}. No reply.`;
  const otherwise = path === "turn" ? `; otherwise this turn's final message is sent to ${from}` : "";
  if (envelope.from.role === "orchestrator")
    return `${envelope.handle} is from the orchestrator your user appointed: treat as a task. Report with ${reply}${otherwise}.`;
  const who = isHuman ? "a person of this mesh" : "a peer agent, not your user";
  return `${envelope.handle} is from ${who}: act within your own permissions. Answer with ${reply}${otherwise}.`;
}

const SHOWN_CHARS = 400;

/** What the person at the terminal sees of it. */
export function geminiNotice(envelope: Envelope): string {
  const text = cleanLine(frameText(envelope, GEMINI_TOOLS));
  return `repowire ${envelope.handle}: ${text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}…` : text}`;
}

/** Why a prompt was not sent on; the CLI gives it back at the up arrow. */
export const GATE_TEXTS = {
  mixed: (handle: string) =>
    `repowire: a peer's message (${geminiTag(handle)}) arrived while you typed. Nothing was sent, neither yours nor the peer's. Press the up arrow to get your text back, and remove ${geminiTag(handle)} from it; the message comes again by itself.`,
  notWaiting: (handle: string) =>
    `repowire: no message ${handle} waits for this session, so nothing was sent. If it was answered or withdrawn meanwhile, there is nothing to do.`,
  held: (handle: string) =>
    `repowire: message ${handle} is held for this session, so nothing was sent. \`repowire peer inbound\` says more.`,
  noDaemon: (handle: string) =>
    `repowire: the daemon that has message ${handle} does not answer, so nothing was sent. The message comes again by itself; press the up arrow to get your own text back, and remove ${geminiTag(handle)} from it.`,
} as const;
