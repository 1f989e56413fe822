import { ConfigTextError } from "./text-error.ts";

/** Where the statements of a TOML text stand. Its values are for the parser; this finds lines, so that others' stay as they are. */

/** `[a.b]` or `[[a.b]]` (then `isList`), or `key = value`. */
export interface Statement {
  kind: "table" | "value";
  /** In full: a value's path begins with that of its table. */
  path: string[];
  isList: boolean;
  /** Offset of its first character, and behind its last one. */
  start: number;
  end: number;
}

/** Expects a text that a TOML parser has accepted; throws a `ConfigTextError` where it cannot follow. */
export function scanToml(text: string): Statement[] {
  const statements: Statement[] = [];
  let table: string[] = [];
  let at = 0;
  while (at < text.length) {
    const rest = text.slice(at);
    const blank = rest.match(/^(?:[ \t\r\n]+|#[^\n]*)/)?.[0];
    if (blank) {
      at += blank.length;
      continue;
    }
    const start = at;
    if (text[at] === "[") {
      const isList = text[at + 1] === "[";
      const key = scanKey(text, at + (isList ? 2 : 1));
      at = key.end + (isList ? 2 : 1);
      table = key.path;
      statements.push({ kind: "table", path: table, isList, start, end: at });
      continue;
    }
    const key = scanKey(text, at);
    if (text[key.end] !== "=") throw new ConfigTextError(text, at, "it is not clear where this statement ends");
    at = endOfValue(text, key.end + 1);
    statements.push({ kind: "value", path: [...table, ...key.path], isList: false, start, end: at });
  }
  return statements;
}

const BARE = /^[A-Za-z0-9_-]+/;

/** A key with its dots, up to what follows it. */
function scanKey(text: string, offset: number): { path: string[]; end: number } {
  const path: string[] = [];
  let at = skipSpace(text, offset);
  while (at < text.length) {
    const quote = text[at];
    if (quote === '"' || quote === "'") {
      const end = endOfString(text, at);
      const inner = text.slice(at + 1, end - 1);
      path.push(quote === "'" ? inner : unescapeKey(text, at, inner));
      at = end;
    } else {
      const word = text.slice(at).match(BARE)?.[0];
      if (!word) throw new ConfigTextError(text, at, "a key is expected here");
      path.push(word);
      at += word.length;
    }
    at = skipSpace(text, at);
    if (text[at] !== ".") break;
    at = skipSpace(text, at + 1);
  }
  return { path, end: at };
}

function skipSpace(text: string, offset: number): number {
  return offset + (text.slice(offset).match(/^[ \t]*/)?.[0].length ?? 0);
}

function unescapeKey(text: string, offset: number, inner: string): string {
  try {
    const json = inner
      .replace(/\\U([0-9a-fA-F]{8})/g, (_all, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)))
      .replace(/\\e/g, "\\u001b")
      .replaceAll("\t", "\\t");
    return JSON.parse(`"${json}"`) as string; // a JSON string
  } catch {
    throw new ConfigTextError(text, offset, "this key cannot be read");
  }
}

function endOfString(text: string, offset: number): number {
  const quote = text[offset] ?? "";
  const isLong = text.startsWith(quote.repeat(3), offset);
  const close = isLong ? quote.repeat(3) : quote;
  let at = offset + close.length;
  while (at < text.length) {
    if (quote === '"' && text[at] === "\\") at += 2;
    else if (text.startsWith(close, at)) {
      at += close.length;
      // Up to two more quotes belong to the content of a long string.
      for (let more = 0; isLong && more < 2 && text[at] === quote; more++) at++;
      return at;
    } else at++;
  }
  throw new ConfigTextError(text, offset, "this text is not closed");
}

/** Lists and inline tables are followed to their last bracket, over line breaks and comments. */
function endOfValue(text: string, offset: number): number {
  let depth = 0;
  let last = offset;
  let at = offset;
  while (at < text.length) {
    const char = text[at] ?? "";
    if (char === '"' || char === "'") at = last = endOfString(text, at);
    else if (char === "#") {
      if (depth === 0) return last;
      const end = text.indexOf("\n", at);
      at = end === -1 ? text.length : end;
    } else if (char === "\n" && depth === 0) return last;
    else {
      if ("[{".includes(char)) depth++;
      if ("]}".includes(char)) depth--;
      at++;
      if (!/\s/.test(char)) last = at;
    }
  }
  return last;
}
