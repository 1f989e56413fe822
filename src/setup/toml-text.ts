import { parse, patch } from "@decimalturn/toml-patch";
import { ConfigTextError } from "./text-error.ts";
import { type Statement, scanToml } from "./toml-scan.ts";

/**
 * Changes to the text of a TOML file of somebody else. toml-patch parses, and changes values in their place. It is not asked to add
 * or remove tables: it adds one as a long line at the file's top, and with a removed one goes the comment above its successor.
 * Those are whole lines, which are added at the end and removed here. What comes out is parsed and compared with what was meant.
 */

export type Toml = string | number | boolean | Toml[] | { [key: string]: Toml };
export type TomlTable = { [key: string]: Toml };
export type Path = readonly string[];

export interface TomlText {
  readonly text: string;
  readonly root: TomlTable;
}

export function parseTomlText(text: string): TomlText {
  try {
    // Dates are objects of the parser's own; nothing here looks at them.
    return { text, root: parse(text) as TomlTable };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const line = Number(message.match(/\((\d+), \d+\)/)?.[1] ?? message.match(/line (\d+)/i)?.[1] ?? 1);
    const offset = text.split("\n", line - 1).join("\n").length + 1;
    throw new ConfigTextError(text, line === 1 ? 0 : offset, firstLine(message));
  }
}

const firstLine = (message: string): string =>
  (message.split("\n").find((line) => line.trim() !== "") ?? "it is not valid TOML").replace(/[.\s]+$/, "");

export function findToml(doc: TomlText, path: Path): Toml | undefined {
  let at: Toml | undefined = doc.root;
  for (const key of path) {
    if (!isTable(at) || !Object.hasOwn(at, key)) return undefined;
    at = at[key];
  }
  return at;
}

export const isTable = (value: unknown): value is TomlTable =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);

/** Adds a table that is not there yet, with those inside it, at the end of the text. */
export function addTable(doc: TomlText, path: Path, table: TomlTable): TomlText {
  const wanted = withValue(doc.root, path, table);
  const eol = eolOf(doc.text);
  const lines = tableLines(path, table).join(eol);
  const before = doc.text === "" || doc.text.endsWith("\n") ? doc.text : doc.text + eol;
  const appended = tryParse(`${before}${before === "" ? "" : eol}${lines}${eol}`);
  if (appended && Bun.deepEquals(appended.root, wanted)) return appended;
  // Its parent is an inline table, which has to hold it.
  return changed(doc, wanted, path);
}

/** Gives values of a table that is there another content, each in its line; what else is in the table stays. */
export function changeValues(doc: TomlText, path: Path, values: TomlTable): TomlText {
  let next = doc;
  for (const [key, value] of Object.entries(values)) {
    if (Bun.deepEquals(findToml(next, [...path, key]), value)) continue;
    const wanted = withValue(next.root, [...path, key], value);
    const written = tryParse(withValueLine(next.text, [...path, key], value));
    next = written && Bun.deepEquals(written.root, wanted) ? written : changed(next, wanted, path);
  }
  return next;
}

/** Takes a value or a table with all that is in it out again. Comments that stand alone stay, whosever they are. */
export function removeToml(doc: TomlText, path: Path): TomlText {
  if (findToml(doc, path) === undefined) return doc;
  const wanted = withoutValue(doc.root, path);
  const ours = scanToml(doc.text).filter((statement) => startsWith(statement.path, path));
  const next = tryParse(withoutLines(doc.text, ours));
  if (next && Bun.deepEquals(prune(next.root), prune(wanted))) return next;
  return changed(doc, wanted, path);
}

/** Removes the header of a table that has nothing in it. */
export function removeEmptyTable(doc: TomlText, path: Path): TomlText {
  const table = findToml(doc, path);
  return isTable(table) && Object.keys(table).length === 0 ? removeToml(doc, path) : doc;
}

/** Whether the text has no statement; comments do not count. */
export const hasNoStatement = (doc: TomlText): boolean => scanToml(doc.text).length === 0;

function changed(doc: TomlText, wanted: TomlTable, path: Path): TomlText {
  const next = tryParse(patch(doc.text, wanted));
  if (next && Bun.deepEquals(next.root, wanted)) return next;
  const offset = scanToml(doc.text).find((statement) => startsWith(statement.path, path.slice(0, 1)))?.start ?? 0;
  throw new ConfigTextError(doc.text, offset, `"${path.join(".")}" is written in a way that cannot be changed safely`);
}

function tryParse(text: string): TomlText | undefined {
  try {
    return parseTomlText(text);
  } catch (error) {
    if (error instanceof ConfigTextError) return undefined;
    throw error;
  }
}

const startsWith = (path: Path, start: Path): boolean => start.every((key, index) => path[index] === key);

/** Whole lines go, each block of them with the empty line above that kept it apart. */
function withoutLines(text: string, statements: readonly Statement[]): string {
  let next = text;
  for (const { kind, start, end } of [...statements].reverse()) {
    let from = next.lastIndexOf("\n", start - 1) + 1;
    const breakAt = next.indexOf("\n", end);
    const to = breakAt === -1 ? next.length : breakAt + 1;
    const gap = kind === "table" ? next.slice(0, from).match(/(?:^|\n)([ \t]*\r?\n)$/)?.[1] : undefined;
    if (gap !== undefined) from -= gap.length;
    next = next.slice(0, from) + next.slice(to);
  }
  return next;
}

/** Exchanges the value where it stands, or writes it below the header of its table. */
function withValueLine(text: string, path: Path, value: Toml): string {
  const statements = scanToml(text);
  const isAt = (statement: Statement, place: Path) =>
    statement.path.length === place.length && startsWith(statement.path, place);
  const line = `${keyText(path.slice(-1))} = ${valueText(value)}`;
  const found = statements.find((statement) => statement.kind === "value" && isAt(statement, path));
  if (found) {
    const from = text.lastIndexOf("\n", found.start - 1) + 1;
    const isAlone = keyText(path.slice(-1)) === text.slice(found.start).match(BARE_KEY)?.[0];
    return isAlone ? text.slice(0, from) + line + text.slice(found.end) : text;
  }
  const header = statements.find((statement) => statement.kind === "table" && isAt(statement, path.slice(0, -1)));
  if (!header) return text;
  return `${text.slice(0, header.end)}${eolOf(text)}${line}${text.slice(header.end)}`;
}

const BARE_KEY = /^[A-Za-z0-9_-]+(?=[ \t]*=)/;

const eolOf = (text: string): string => text.match(/\r?\n/)?.[0] ?? "\n";

function tableLines(path: Path, table: TomlTable): string[] {
  const inner = Object.entries(table).filter(([, value]) => hasTables(value));
  const values = Object.entries(table).filter(([, value]) => !hasTables(value));
  const own =
    values.length > 0 || inner.length === 0
      ? [`[${keyText(path)}]`, ...values.map(([key, value]) => `${keyText([key])} = ${valueText(value)}`)]
      : [];
  const blocks = inner.flatMap(([key, value]) =>
    // Filtered above: it is a table.
    Object.entries(value as TomlTable).map(([name, sub]) => tableLines([...path, key, name], sub as TomlTable)),
  );
  return [own, ...blocks].filter((block) => block.length > 0).flatMap((block, i) => (i === 0 ? block : ["", ...block]));
}

/** A table of tables gets a header for each of them; one of plain values stays in its line. */
const hasTables = (value: Toml): boolean => isTable(value) && Object.values(value).some(isTable);

const keyText = (path: Path): string =>
  path.map((key) => (/^[A-Za-z0-9_-]+$/.test(key) ? key : JSON.stringify(key))).join(".");

function valueText(value: Toml): string {
  if (Array.isArray(value)) return `[${value.map(valueText).join(", ")}]`;
  if (!isTable(value)) return JSON.stringify(value);
  const entries = Object.entries(value).map(([key, inner]) => `${keyText([key])} = ${valueText(inner)}`);
  return `{ ${entries.join(", ")} }`;
}

function withValue(root: TomlTable, path: Path, value: Toml): TomlTable {
  const [key, ...rest] = path;
  if (key === undefined) return root;
  const inner = root[key];
  return { ...root, [key]: rest.length === 0 ? value : withValue(isTable(inner) ? inner : {}, rest, value) };
}

function withoutValue(root: TomlTable, path: Path): TomlTable {
  const [key, ...rest] = path;
  if (key === undefined || !Object.hasOwn(root, key)) return root;
  const { [key]: inner, ...others } = root;
  if (rest.length === 0) return others;
  return isTable(inner) ? { ...root, [key]: withoutValue(inner, rest) } : root;
}

/** Without tables that hold nothing: a table exists only by its header or by what is in it. */
function prune(root: TomlTable): TomlTable {
  const entries = Object.entries(root).map(([key, value]) => [key, isTable(value) ? prune(value) : value] as const);
  return Object.fromEntries(entries.filter(([, value]) => !isTable(value) || Object.keys(value).length > 0));
}
