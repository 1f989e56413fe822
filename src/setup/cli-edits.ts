import { existsSync } from "node:fs";
import type { HomePaths } from "../platform/paths.ts";
import type { Runtime } from "../protocol/index.ts";
import { freshRecord } from "./edits.ts";
import { type AddedValue, readSetupRecord, withFile, writeSetupRecord } from "./record.ts";
import { readSource, sha256 } from "./source.ts";
import { findToml, isTable, parseTomlText, type TomlTable } from "./toml-text.ts";

/**
 * What a CLI wrote into its own TOML file because setup asked it to. It is recorded like setup's own edits, so that uninstall gives
 * back the bytes from before all of it, or takes exactly this out.
 */
export async function recordCliEdits<Result>(
  paths: HomePaths,
  place: { file: string; runtime: Runtime; table: string[] },
  work: () => Promise<{ keys: string[]; result: Result }>,
): Promise<Result> {
  const { file, runtime, table } = place;
  const before = readSource(file);
  const { keys, result } = await work();
  const after = readSource(file);
  const known = readSetupRecord(paths).files.find((other) => other.file === file) ?? freshRecord(before, runtime);
  const [was, is] = [parseTomlText(before.doc.text), parseTomlText(after.doc.text)];
  const entries = keys.flatMap((key): AddedValue[] => {
    const value = findToml(is, [...table, key]);
    return isTable(value) ? [{ kind: "entry", path: table, value }] : [];
  });
  const created = table
    .map((_key, index) => table.slice(0, index + 1))
    .filter((path) => findToml(was, path) === undefined && findToml(is, path) !== undefined);
  const isOnlyThat = Bun.deepEquals(withoutKeys(is.root, table, keys), withoutKeys(was.root, table, keys));
  const isUntouched = known.sha256 === sha256(before.bytes ?? new Uint8Array());
  const others = known.added.filter((added) => added.kind !== "entry");
  const next = {
    ...known,
    exact: known.exact && isUntouched && isOnlyThat,
    sha256: sha256(after.bytes ?? new Uint8Array()),
    written_at: Date.now(),
    added: [...others, ...entries],
    created: [...known.created, ...created],
  };
  writeSetupRecord(paths, withFile(readSetupRecord(paths), file, next));
  return result;
}

/** Whether that many entries are on record and still in the file, and the other file has not been written since. */
export function isRecorded(
  paths: HomePaths,
  { file, table, count, since }: { file: string; table: string[]; count: number; since: string },
): boolean {
  const { files } = readSetupRecord(paths);
  const known = files.find((record) => record.file === file);
  const other = files.find((record) => record.file === since);
  if (!known || !other || !existsSync(file) || other.written_at > known.written_at) return false;
  const found = findToml(parseTomlText(readSource(file).doc.text), table);
  const there = isTable(found) ? Object.values(found) : [];
  const entries = known.added.filter(
    (added) => added.kind === "entry" && there.some((value) => Bun.deepEquals(value, added.value)),
  );
  return entries.length >= count;
}

/** The content without these keys of a table, and without the tables around them where nothing else is in those. */
function withoutKeys(root: TomlTable, table: readonly string[], keys: readonly string[]): TomlTable {
  const [key, ...rest] = table;
  if (key === undefined) return Object.fromEntries(Object.entries(root).filter(([name]) => !keys.includes(name)));
  const { [key]: inner, ...others } = root;
  if (!isTable(inner)) return root;
  const kept = withoutKeys(inner, rest, keys);
  return Object.keys(kept).length === 0 ? others : { ...root, [key]: kept };
}
