import { type MarkedToken, marked, type Token } from "marked";

/**
 * What a peer wrote, as a tree of the few things that the page shows. Nothing that is not listed here exists: HTML stays the text that
 * it is, images are not loaded, links lead to http(s) and mail only. The page builds elements out of this tree; no markup is ever parsed.
 */
export type Block =
  | { type: "paragraph" | "heading"; content: Inline[] }
  | { type: "code"; text: string; language: string }
  | { type: "quote"; blocks: Block[] }
  | { type: "list"; ordered: boolean; start: number; items: { checked?: boolean; blocks: Block[] }[] }
  | { type: "table"; head: Inline[][]; rows: Inline[][][] }
  | { type: "rule" };

export type Inline =
  | { type: "text"; text: string }
  | { type: "code"; text: string }
  | { type: "strong" | "emphasis" | "struck"; content: Inline[] }
  | { type: "link"; href: string; host: string; content: Inline[] }
  | { type: "break" };

/** Longer texts are shown as they are: the parser's work must end. */
const CHARS_MAX = 8_000;
const DEPTH_MAX = 12;

export function parseMarkdown(text: string): Block[] {
  const plain = visible(text);
  if (plain.length > CHARS_MAX) return [{ type: "code", text: plain, language: "" }];
  try {
    return blocks(marked.lexer(plain, { gfm: true, breaks: true }), 0);
  } catch {
    // Whatever a text does to the parser, it is still a text.
    return [{ type: "code", text: plain, language: "" }];
  }
}

/** Characters that change the order or the look of what stands around them are shown, not obeyed. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

export function visible(text: string): string {
  return text
    .replaceAll("\r\n", "\n")
    .replace(HIDDEN, (character) => `⟨${character.charCodeAt(0).toString(16).padStart(4, "0")}⟩`);
}

function blocks(tokens: readonly Token[], depth: number): Block[] {
  return (tokens as MarkedToken[]).flatMap((token): Block[] => {
    // only the lexer's own tokens: there are no extensions
    if (depth > DEPTH_MAX) return [{ type: "code", text: token.raw, language: "" }];
    switch (token.type) {
      case "space":
      case "def":
        return [];
      case "hr":
        return [{ type: "rule" }];
      case "heading":
        return [{ type: "heading", content: inlines(token.tokens, depth) }];
      case "paragraph":
        return [{ type: "paragraph", content: inlines(token.tokens, depth) }];
      case "code":
        return [{ type: "code", text: token.text, language: token.lang ?? "" }];
      case "blockquote":
        return [{ type: "quote", blocks: blocks(token.tokens, depth + 1) }];
      case "list":
        return [
          {
            type: "list",
            ordered: token.ordered,
            start: Number(token.start) || 1,
            items: token.items.map((item) => ({
              checked: item.task ? item.checked : undefined,
              blocks: blocks(item.tokens, depth + 1),
            })),
          },
        ];
      case "table":
        return [
          {
            type: "table",
            head: token.header.map((cell) => inlines(cell.tokens, depth)),
            rows: token.rows.map((row) => row.map((cell) => inlines(cell.tokens, depth))),
          },
        ];
      case "text":
        return [
          {
            type: "paragraph",
            content: token.tokens ? inlines(token.tokens, depth) : [{ type: "text", text: token.text }],
          },
        ];
      case "checkbox":
        return [];
      default:
        // HTML above all, and whatever a later version of the parser adds.
        return [{ type: "paragraph", content: [{ type: "text", text: token.raw }] }];
    }
  });
}

function inlines(tokens: readonly Token[], depth: number): Inline[] {
  return (tokens as MarkedToken[]).flatMap((token): Inline[] => {
    // as above
    if (depth > DEPTH_MAX) return [{ type: "text", text: token.raw }];
    switch (token.type) {
      case "text":
        return token.tokens ? inlines(token.tokens, depth + 1) : [{ type: "text", text: token.text }];
      case "escape":
        return [{ type: "text", text: token.text }];
      case "codespan":
        return [{ type: "code", text: token.text }];
      case "strong":
        return [{ type: "strong", content: inlines(token.tokens, depth + 1) }];
      case "em":
        return [{ type: "emphasis", content: inlines(token.tokens, depth + 1) }];
      case "del":
        return [{ type: "struck", content: inlines(token.tokens, depth + 1) }];
      case "br":
        return [{ type: "break" }];
      case "link":
        return linkOf(token.href, inlines(token.tokens, depth + 1), token.raw);
      case "image":
        return linkOf(token.href, [{ type: "text", text: `image: ${token.text || "no name"}` }], token.raw);
      default:
        return [{ type: "text", text: token.raw }];
    }
  });
}

const SCHEMES = ["http:", "https:", "mailto:"];

/** A link says where it leads, whatever its text says; what leads anywhere else stays text. */
function linkOf(href: string, content: Inline[], raw: string): Inline[] {
  const url = URL.canParse(href) ? new URL(href) : undefined;
  if (!url || !SCHEMES.includes(url.protocol)) return [{ type: "text", text: raw }];
  // A link in a link cannot be shown.
  const inner = content.flatMap((part): Inline[] => (part.type === "link" ? part.content : [part]));
  const host = url.protocol === "mailto:" ? url.pathname : url.host;
  return [{ type: "link", href: url.href, host, content: inner }];
}
