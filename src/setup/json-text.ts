import {
  applyEdits,
  createScanner,
  type Edit,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from "jsonc-parser";
import { ConfigTextError } from "./text-error.ts";

/**
 * Changes to the text of a JSON file of somebody else: one value more, one less, everything around it as it was, comments too.
 * jsonc-parser finds the places. Its own `modify` is not used: it lays lists out anew, and a comment behind the last entry moves
 * to ours and is lost with it.
 */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Path = readonly string[];

export interface JsonText {
  readonly text: string;
  readonly root: Node;
}

/** Comments and trailing commas are let pass, since some readers of such files do. An empty text counts as an empty object. */
export function parseJsonText(text: string): JsonText {
  if (text.trim() === "") return parseJsonText("{}\n");
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true });
  const [error] = errors;
  if (error) throw new ConfigTextError(text, error.offset, inWords(printParseErrorCode(error.error)));
  if (root?.type !== "object") throw new ConfigTextError(text, root?.offset ?? 0, "the file does not hold an object");
  return { text, root };
}

/** The node at this path. Throws where a key stands twice, since readers differ about which of them counts. */
export function findNode(doc: JsonText, path: Path): Node | undefined {
  let at: Node | undefined = doc.root;
  for (const key of path) {
    if (at?.type !== "object") return undefined;
    const fits: Node[] = (at.children ?? []).filter((property) => property.children?.[0]?.value === key);
    if (fits[1]) throw new ConfigTextError(doc.text, fits[1].offset, `"${key}" stands there twice`);
    at = fits[0]?.children?.[1];
  }
  return at;
}

/** Adds an element at the end of a list, or a property at the end of an object (then `key` names it). */
export function insert(doc: JsonText, container: Node, value: Json, key?: string): JsonText {
  const { text } = doc;
  const style = styleOf(text);
  const children = container.children ?? [];
  const last = children.at(-1);
  const inner = text.slice(container.offset + 1, endOf(container) - 1);
  const isOneLine = !inner.includes("\n") && (last !== undefined || style.isOneLine);
  const colon = isOneLine && !/":\s/.test(text) ? ":" : ": ";
  const write = (indent: string) =>
    (key === undefined ? "" : `${JSON.stringify(key)}${colon}`) + layOut(value, indent, style, isOneLine);
  if (isOneLine) return reparse(text, insertInLine(text, container, last, write("")));
  const indent = last ? indentAt(text, last.offset) : indentAt(text, container.offset) + style.unit;
  const line = style.eol + indent + write(indent);
  if (last) return reparse(text, insertAfter(text, last, line));
  // Behind a comment that stands alone in there, if there is one.
  const offset = container.offset + 1 + inner.trimEnd().length;
  const closing = inner.includes("\n") ? "" : style.eol + indentAt(text, container.offset);
  return reparse(text, [
    { offset, length: closing === "" ? 0 : inner.length - inner.trimEnd().length, content: line + closing },
  ]);
}

/** Takes an element of a list, or a property of an object, out again, with the comma that it needed. */
export function remove(doc: JsonText, container: Node, child: Node): JsonText {
  const { text } = doc;
  const children = container.children ?? [];
  const index = children.indexOf(child);
  const comma = commaAfter(text, endOf(child));
  const previous = children[index - 1];
  const edits: Edit[] = [];
  const lineStart = text.lastIndexOf("\n", child.offset) + 1;
  const end = comma === undefined ? endOf(child) : comma + 1;
  if (text.slice(lineStart, child.offset).trim() === "" && lineStart > container.offset) {
    // It has lines of its own. A comment behind it stays, since somebody else wrote it.
    const rest = text.slice(end).match(/^[ \t\r]*(?:\n|$)/)?.[0];
    const from = rest === undefined ? child.offset : lineStart;
    edits.push({ offset: from, length: end + (rest?.length ?? 0) - from, content: "" });
  } else if (previous) {
    const before = commaAfter(text, endOf(previous)) ?? endOf(previous);
    edits.push({ offset: before, length: endOf(child) - before, content: "" });
  } else {
    const space = text.slice(end).match(/^[ \t]*/)?.[0].length ?? 0;
    const isLast = children.length === 1;
    edits.push({ offset: child.offset, length: end + (isLast ? 0 : space) - child.offset, content: "" });
  }
  const orphan = previous && comma === undefined ? commaAfter(text, endOf(previous)) : undefined;
  const [edit] = edits;
  if (orphan !== undefined && edit && orphan < edit.offset) edits.push({ offset: orphan, length: 1, content: "" });
  const next = reparse(text, edits);
  return children.length === 1 ? close(next, container.offset) : next;
}

/** Puts another value in the place of this one. */
export function replace(doc: JsonText, node: Node, value: Json): JsonText {
  const style = styleOf(doc.text);
  const isOneLine = style.isOneLine || !doc.text.slice(node.offset, endOf(node)).includes("\n");
  const content = layOut(value, indentAt(doc.text, node.offset), style, isOneLine);
  return reparse(doc.text, [{ offset: node.offset, length: node.length, content }]);
}

/** Whether there is nothing in it, not even a comment. */
export function isEmpty(doc: JsonText, container: Node): boolean {
  return doc.text.slice(container.offset + 1, endOf(container) - 1).trim() === "";
}

/** "CommaExpected" → "comma expected". */
const inWords = (code: string): string => code.replace(/(?!^)([A-Z])/g, " $1").toLowerCase();

/** Whether the file holds nothing but an empty object. */
export function isBlank(doc: JsonText): boolean {
  const around = doc.text.slice(0, doc.root.offset) + doc.text.slice(endOf(doc.root));
  return isEmpty(doc, doc.root) && around.trim() === "";
}

const endOf = (node: Node): number => node.offset + node.length;

function reparse(text: string, edits: Edit[]): JsonText {
  return parseJsonText(applyEdits(text, edits));
}

/** A list or object that lost its last entry is closed up again, unless a comment stands in it. */
function close(doc: JsonText, offset: number): JsonText {
  const end = doc.text.slice(offset + 1).search(/\S/) + offset + 1;
  if (!"]}".includes(doc.text[end] ?? "?")) return doc;
  return reparse(doc.text, [{ offset: offset + 1, length: end - offset - 1, content: "" }]);
}

interface Style {
  unit: string;
  eol: string;
  /** The whole file is one line: ours are not to change that. */
  isOneLine: boolean;
}

/** The file's own way of writing: its first indented line says how deep, its first line break which kind. */
function styleOf(text: string): Style {
  const eol = text.match(/\r?\n/)?.[0] ?? "\n";
  const unit = text.match(/\n([ \t]+)["[{\]}]/)?.[1] ?? "  ";
  const isOneLine = !text.trim().includes("\n") && !/^\{\s*\}$/.test(text.trim());
  return { unit: unit.startsWith("\t") ? "\t" : unit, eol, isOneLine };
}

function layOut(value: Json, indent: string, style: Style, isOneLine: boolean): string {
  if (isOneLine) return JSON.stringify(value);
  return JSON.stringify(value, null, style.unit).replaceAll("\n", style.eol + indent);
}

/** The white space that the line of this offset begins with. */
function indentAt(text: string, offset: number): string {
  const lineStart = text.lastIndexOf("\n", offset - 1) + 1;
  return text.slice(lineStart).match(/^[ \t]*/)?.[0] ?? "";
}

function insertInLine(text: string, container: Node, last: Node | undefined, piece: string): Edit[] {
  if (!last) {
    const inner = text.slice(container.offset + 1, endOf(container) - 1);
    return [{ offset: container.offset + 1, length: inner.length, content: piece }];
  }
  const isTight = /[,:]\S/.test(text.slice(container.offset, endOf(last)));
  const space = isTight ? "" : " ";
  const comma = commaAfter(text, endOf(last));
  if (comma !== undefined) return [{ offset: comma + 1, length: 0, content: `${space}${piece},` }];
  return [{ offset: endOf(last), length: 0, content: `,${space}${piece}` }];
}

/** Behind the last entry and behind the comment on its line; where the file likes a comma behind the last, ours gets one too. */
function insertAfter(text: string, last: Node, line: string): Edit[] {
  const comma = commaAfter(text, endOf(last));
  const from = comma === undefined ? endOf(last) : comma + 1;
  const comment = text.slice(from).match(/^[ \t]*(?:\/\/[^\r\n]*|\/\*(?:(?!\*\/)[^\r\n])*\*\/)/)?.[0] ?? "";
  const content = comma === undefined ? `,${comment}${line}` : `${comment}${line},`;
  return [{ offset: from, length: comment.length, content }];
}

/** Where the comma after this offset stands, past white space and comments, if there is one. */
function commaAfter(text: string, offset: number): number | undefined {
  const scanner = createScanner(text, true);
  scanner.setPosition(offset);
  scanner.scan();
  const at = scanner.getTokenOffset();
  return text[at] === "," ? at : undefined;
}
