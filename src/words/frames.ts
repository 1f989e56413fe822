import type { Attachment, Envelope } from "../protocol/index.ts";
import { cleanLine, cleanText } from "./clean.ts";
import { duration, kilobytes } from "./numbers.ts";

/**
 * What a model reads when a message enters its session. Who, what and which id are attributes that only repowire writes; the body
 * is a peer's and cannot forge them. The wording depends on the sender's credential, never on what the text says of itself.
 */

/** The tool names as a runtime shows them to its model. */
export interface ToolNames {
  reply: string;
  inbox: string;
}
export const CLAUDE_TOOLS: ToolNames = { reply: "mcp__repowire__reply", inbox: "mcp__repowire__inbox" };

/** Headline and body, as they stand inside every frame; the first 60 characters are what the person at the terminal sees. */
export function frameText(envelope: Envelope, tools: ToolNames): string {
  const from = cleanLine(envelope.from.name);
  const body = cleanText(envelope.body);
  const again = envelope.attempt > 1 ? " (again)" : "";
  return `${headline(envelope, from, body)}${again}${restNote(envelope, tools)}`;
}

/** The same without a headline, for frames whose tag already says who speaks and what it is; answers keep what they answer. */
export function frameBody(envelope: Envelope, tools: ToolNames): string {
  const body = cleanText(envelope.body);
  const text = envelope.kind === "answer" ? answerText(envelope, cleanLine(envelope.from.name), body) : body;
  return `${text}${envelope.attempt > 1 ? " (again)" : ""}${restNote(envelope, tools)}`;
}

function headline(envelope: Envelope, from: string, body: string): string {
  switch (envelope.kind) {
    case "ask":
      return `${from} asks: ${body}`;
    case "notify":
    case "broadcast":
      return `${from}: ${body}`;
    case "answer":
      return answerText(envelope, from, body);
    case "permission":
      return `${from} waits for a permission: ${body}`;
    default:
      return envelope.kind satisfies never;
  }
}

function answerText(envelope: Envelope, from: string, body: string): string {
  const { answer_to: to } = envelope;
  if (!to) return `${from} answers: ${body}`;
  const question = `"${cleanLine(to.question)}"`;
  const late = `${duration(to.elapsed_ms)} later`;
  switch (to.outcome) {
    case "answer":
      return `${from} answers ${question} (${late}): ${to.by === "captured" ? CAPTURED : ""}${body}`;
    case "decline":
      return `${from} declines ${question} (${late}): ${body}`;
    case "failed":
      return `no answer to ${question}: ${body}`;
    case "expired":
      return `no answer to ${question}: ${body}`;
    default:
      return to.outcome satisfies never;
  }
}

export const CAPTURED = "last text of its turn, maybe not meant as an answer: ";

/** What stands after a body that is not shown whole, or that files go with. */
export function restNote(envelope: Envelope, tools: ToolNames): string {
  const files = attachmentsNote(envelope.attachments, tools);
  if (envelope.shown_bytes >= envelope.body_bytes) return files;
  return `\n[first ${kilobytes(envelope.shown_bytes)} of ${kilobytes(envelope.body_bytes)}; ${tools.inbox}(id="${envelope.handle}") continues]${files}`;
}

/** `m4x9q report.txt (12 kB, text/plain)` */
export function attachmentFacts({ id, name, size, type }: Attachment): string {
  return `${id} ${cleanLine(name)} (${kilobytes(size)}, ${type})`;
}

export function attachmentsNote(attachments: readonly Attachment[] | undefined, tools: ToolNames): string {
  if (!attachments || attachments.length === 0) return "";
  const [first] = attachments;
  return `\n[attached: ${attachments.map(attachmentFacts).join("; ")}; ${tools.inbox}(id="${first?.id}") shows one]`;
}

/** What the recipient should do, in an attribute that no peer can write. */
export function instruction(envelope: Envelope, tools: ToolNames): string {
  if (envelope.kind !== "ask") return envelope.from.role === "human" ? "from your user's mesh; no reply" : "no reply";
  switch (envelope.from.role) {
    case "orchestrator":
      return `appointed by your user: treat as a task; report with ${tools.reply}`;
    case "human":
      return `a person of this mesh; act within your own permissions, then call ${tools.reply}`;
    default:
      return `act within your own permissions, then call ${tools.reply}`;
  }
}

/** The attributes of a `<channel>` tag, in the order in which they stand; `source` is the CLI's own and never among them. */
export function channelMeta(envelope: Envelope, tools: ToolNames = CLAUDE_TOOLS): Record<string, string> {
  const by = envelope.answer_to?.by;
  const checkout = envelope.answer_to?.checkout;
  return {
    kind: envelope.kind,
    id: envelope.handle,
    from: cleanLine(envelope.from.name),
    role: envelope.from.role,
    ...(by ? { by } : {}),
    ...(checkout ? { at: checkout.commit } : {}),
    do: instruction(envelope, tools),
  };
}

/**
 * The frame for places where we write the tag ourselves (hook contexts). Attribute values are escaped as the CLI escapes those of
 * its own `<channel>` tags.
 */
export function channelFrame(envelope: Envelope, tools: ToolNames = CLAUDE_TOOLS): string {
  const attributes = Object.entries(channelMeta(envelope, tools)).map(
    ([key, value]) => ` ${key}="${escapeAttribute(value)}"`,
  );
  return `<channel source="repowire"${attributes.join("")}>\n${frameText(envelope, tools)}\n</channel>`;
}

/** The wrapper for a session's own inbox socket (Claude Code); `address` is where its SendMessage reaches us. */
export function inboxFrame(envelope: Envelope, address: string, tools: ToolNames = CLAUDE_TOOLS): string {
  const tag = `[repowire ${envelope.kind} ${envelope.handle}]`;
  const how =
    envelope.kind === "ask"
      ? `\n${roleNote(envelope)}Only ${tools.reply}(id="${envelope.handle}") reaches ${cleanLine(envelope.from.name)}; if that tool is not loaded, SendMessage to this address.`
      : "";
  const body =
    envelope.kind === "ask" ? `${cleanText(envelope.body)}${restNote(envelope, tools)}` : frameText(envelope, tools);
  return `<cross-session-message from="${escapeAttribute(address)}" from-name="${escapeAttribute(cleanLine(envelope.from.name))}">\n${tag} ${body}${how}\n</cross-session-message>`;
}

/** With the handle, and after the text: before it, a text could begin with the same words. */
function roleNote(envelope: Envelope): string {
  if (envelope.from.role !== "orchestrator") return "";
  return `${envelope.handle} is from the orchestrator your user appointed: treat as a task. `;
}

export function escapeAttribute(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}

/** The kind and id that a frame of ours carries, when `text` from its first to its last character is one such frame. */
export function parseChannelFrame(text: string): { kind: string; handle: string; content: string } | undefined {
  const match = text
    .trim()
    .match(/^<channel source="repowire"((?: [a-zA-Z_][a-zA-Z0-9_]*="[^"]*")+)>\n([\s\S]*)\n<\/channel>$/);
  const [, attributes, content] = match ?? [];
  if (attributes === undefined || content === undefined) return undefined;
  const kind = attributes.match(/ kind="([a-z]+)"/)?.[1];
  const handle = attributes.match(/ id="([a-z0-9]{5})"/)?.[1];
  // A second frame inside would mean that two messages stand in one text: neither is then taken as read.
  return kind && handle && !content.includes('<channel source="repowire"') ? { kind, handle, content } : undefined;
}

/** The same for the wrapper of an inbox message; the CLI writes a preamble before it and a note behind it. */
export function parseInboxFrame(text: string): { kind: string; handle: string; address: string } | undefined {
  const match = text.match(
    /(?:^|\n)<cross-session-message from="([^"]+)" from-name="[^"]*">\n\[repowire ([a-z]+) ([a-z0-9]{5})\] /,
  );
  const [, address, kind, handle] = match ?? [];
  return address && kind && handle ? { kind, handle, address } : undefined;
}
