import type { AddedValue } from "./record.ts";
import { ConfigTextError } from "./text-error.ts";
import { addTable, changeValues, findToml, isTable, removeToml, type TomlTable, type TomlText } from "./toml-text.ts";
import { type Edit, EditConflict, type Placed } from "./values.ts";

/**
 * Tables that setup wants in a TOML file. `key`: the table at `path`; others may add to it. `entry`: whichever tables in the one at
 * `path` hold these values: the CLI itself gives them their keys.
 */

/** A table that carries our mark is ours whatever else was changed in it; without a record it gets our values back. */
export function placeToml(doc: TomlText, edit: Edit, known: AddedValue | undefined): Placed<TomlText> {
  const ours: AddedValue = { kind: edit.kind, path: edit.path, value: edit.value, mark: edit.mark };
  if (edit.isDeclined) return { doc, state: "declined", added: known, created: [] };
  const wanted = tableOf(doc, edit);
  const found = findToml(doc, edit.path);
  if (found === undefined) {
    const created = missingParents(doc, edit.path);
    return { doc: addTable(doc, edit.path, wanted), state: "missing", added: ours, created };
  }
  if (covers(found, wanted)) return { doc, state: "there", added: known || edit.mark ? ours : undefined, created: [] };
  const isUntouched = known !== undefined && covers(found, known.value);
  const isMarked = carries(found, edit.mark) || carries(found, known?.mark);
  if (!isUntouched && !isMarked) throw new EditConflict(edit.path, found);
  // What they changed on purpose stays as they left it.
  if (known && !isUntouched) return { doc, state: "there", added: known, created: [] };
  const gone = Object.keys(known && isTable(known.value) ? known.value : {}).filter(
    (key) => !Object.hasOwn(wanted, key),
  );
  const kept = gone.reduce((next, key) => removeToml(next, [...edit.path, key]), doc);
  return { doc: changeValues(kept, edit.path, wanted), state: "outdated", added: ours, created: [] };
}

export function takeOutToml(doc: TomlText, added: AddedValue): TomlText | undefined {
  if (added.kind === "entry") return takeOutEntries(doc, added);
  const found = findToml(doc, added.path);
  if (found === undefined || !(covers(found, added.value) || carries(found, added.mark))) return undefined;
  return removeToml(doc, added.path);
}

/** The CLI's own keys change when hooks move in their list; what is in the entry tells whose it is. */
function takeOutEntries(doc: TomlText, added: AddedValue): TomlText | undefined {
  const table = findToml(doc, added.path);
  if (!isTable(table)) return undefined;
  const keys = Object.keys(table).filter((key) => covers(table[key], added.value));
  if (keys.length === 0) return undefined;
  return keys.reduce((next, key) => removeToml(next, [...added.path, key]), doc);
}

/** Whether every one of these values is there; others may be too. */
function covers(found: unknown, values: unknown): boolean {
  if (!isTable(found) || !isTable(values)) return false;
  return Object.entries(values).every(([key, value]) => Bun.deepEquals(found[key], value));
}

const carries = (found: unknown, mark: string | undefined): boolean =>
  mark !== undefined && isTable(found) && isTable(found.http_headers) && found.http_headers.Authorization === mark;

function missingParents(doc: TomlText, path: readonly string[]): string[][] {
  const parents = path.slice(0, -1).map((_key, index) => path.slice(0, index + 1));
  return parents.filter((parent) => findToml(doc, parent) === undefined);
}

function tableOf(doc: TomlText, edit: AddedValue): TomlTable {
  if (isTable(edit.value)) return edit.value;
  throw new ConfigTextError(doc.text, 0, `"${edit.path.join(".")}" is no table`);
}
