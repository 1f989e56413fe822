import { getNodeValue, type Node } from "jsonc-parser";
import { findNode, insert, isEmpty, type Json, type JsonText, type Path, remove, replace } from "./json-text.ts";
import type { AddedValue } from "./record.ts";
import { ConfigTextError } from "./text-error.ts";

/** What a value is for, in words that people know: plans and status sum up by it. */
export type Part = "server" | "hooks" | "tools" | "plugin" | "screen";

/** One value that setup wants in a file. `isDeclined`: the user does not want it; what an earlier setup added of it stays. */
export interface Edit extends AddedValue {
  isDeclined?: boolean;
  part?: Part;
  /** Its name in a list of such parts: a hook's event, a tool. */
  label?: string;
}

/** `there`: nothing to do. `missing`: to be added. `outdated`: ours from an earlier setup, to be replaced. */
export type EditState = "there" | "missing" | "outdated" | "declined";

/** Somebody else's value stands where ours should. */
export class EditConflict extends Error {
  readonly path: Path;
  readonly value: unknown;

  constructor(path: Path, value: unknown) {
    super(`${path.join(".")} is taken`);
    this.name = "EditConflict";
    this.path = path;
    this.value = value;
  }
}

export interface Placed<Doc> {
  doc: Doc;
  state: EditState;
  /** What of it is ours now, for the record. */
  added?: AddedValue;
  /** Objects and lists that were made for it. */
  created: string[][];
}

export const isSameEdit = (a: AddedValue, b: AddedValue): boolean =>
  a.kind === b.kind && Bun.deepEquals(a.path, b.path) && (a.kind !== "item" || Bun.deepEquals(a.value, b.value));

/**
 * Brings one value into a file, unless it is there. `known` is what an earlier setup added for the same purpose. A value that has
 * our mark but was changed by somebody stays as they left it.
 */
export function place(doc: JsonText, edit: Edit, known: AddedValue | undefined): Placed<JsonText> {
  const ours: AddedValue = { kind: edit.kind, path: edit.path, value: edit.value, mark: edit.mark };
  if (edit.isDeclined) return { doc, state: "declined", added: known, created: [] };
  const found = findValue(doc, edit, known);
  if (!found) return { ...add(doc, edit), state: "missing", added: ours };
  const value = jsonOf(found);
  if (known && !Bun.deepEquals(known.value, edit.value) && Bun.deepEquals(value, known.value)) {
    return { doc: replace(doc, found, edit.value), state: "outdated", added: ours, created: [] };
  }
  if (known && !Bun.deepEquals(value, edit.value)) return { doc, state: "there", added: known, created: [] };
  // Without a record, its mark alone tells that a value is ours.
  const isOurs = known !== undefined || edit.mark !== undefined;
  return { doc, state: "there", added: isOurs ? { ...ours, value } : undefined, created: [] };
}

/** Takes a value out again; `undefined` when it is not there any more, or has become somebody else's. */
export function takeOut(doc: JsonText, added: AddedValue): JsonText | undefined {
  const found = findValue(doc, added, added, true);
  if (!found) return undefined;
  if (added.kind === "key") return found.parent?.parent && remove(doc, found.parent.parent, found.parent);
  const list = found.parent;
  if (!list) return undefined;
  const hooks = added.kind === "hook" ? findNode({ ...doc, root: found }, ["hooks"]) : undefined;
  const others = hooks?.children?.filter((hook) => commandOf(hook) !== added.mark) ?? [];
  if (!hooks || others.length === 0) return remove(doc, list, found);
  // Somebody has put a hook of their own beside ours.
  const mine = hooks.children?.find((hook) => commandOf(hook) === added.mark);
  return mine && remove(doc, hooks, mine);
}

/** Removes an object or list that setup made, if nothing is in it any more. */
export function removeIfEmpty(doc: JsonText, path: Path): JsonText {
  const node = findNode(doc, path);
  if (path.length === 0 || !node?.parent?.parent || !isEmpty(doc, node)) return doc;
  return remove(doc, node.parent.parent, node.parent);
}

/** Finds the value itself, or ours as somebody changed it, or ours from an earlier setup. */
function findValue(doc: JsonText, edit: AddedValue, known: AddedValue | undefined, mayMiss = false): Node | undefined {
  const isOurs = (node: Node) =>
    Bun.deepEquals(jsonOf(node), edit.value) ||
    (known !== undefined && Bun.deepEquals(jsonOf(node), known.value)) ||
    carries(node, edit.mark) ||
    carries(node, known?.mark);
  if (edit.kind === "key") {
    const node = findNode(doc, edit.path);
    if (node && !isOurs(node) && !mayMiss) throw new EditConflict(edit.path, jsonOf(node));
    return node && isOurs(node) ? node : undefined;
  }
  const list = findNode(doc, edit.path);
  if (list && list.type !== "array" && !mayMiss)
    throw new ConfigTextError(doc.text, list.offset, `"${edit.path.join(".")}" is not a list`);
  return list?.children?.findLast(isOurs);
}

/** Whether the value starts this command: a server by its `command`, a group of hooks by one of theirs. */
function carries(node: Node, mark: string | undefined): boolean {
  if (mark === undefined || node.type !== "object") return false;
  const hooks = node.children?.find((property) => property.children?.[0]?.value === "hooks")?.children?.[1];
  return commandOf(node) === mark || (hooks?.children ?? []).some((hook) => commandOf(hook) === mark);
}

function commandOf(node: Node): unknown {
  return node.children?.find((property) => property.children?.[0]?.value === "command")?.children?.[1]?.value;
}

function jsonOf(node: Node): Json {
  return getNodeValue(node) as Json; // a parsed JSON text holds nothing else
}

/** Adds the value, and in one piece with it whatever objects and lists it needs around it. */
function add(doc: JsonText, edit: AddedValue): { doc: JsonText; created: string[][] } {
  const isElement = edit.kind !== "key";
  const list = isElement ? findNode(doc, edit.path) : undefined;
  if (list) return { doc: insert(doc, list, edit.value), created: [] };
  const { path } = edit;
  let depth = 0;
  while (depth < path.length - 1 && findNode(doc, path.slice(0, depth + 1))) depth++;
  const parent = findNode(doc, path.slice(0, depth));
  if (parent?.type !== "object")
    throw new ConfigTextError(doc.text, parent?.offset ?? 0, `"${path.slice(0, depth).join(".")}" is not an object`);
  const missing = path.slice(depth);
  const created = missing.slice(0, isElement ? undefined : -1).map((_key, i) => path.slice(0, depth + i + 1));
  const value = missing
    .slice(1)
    .reduceRight<Json>((inner, key) => ({ [key]: inner }), isElement ? [edit.value] : edit.value);
  return { doc: insert(doc, parent, value, missing[0]), created };
}
