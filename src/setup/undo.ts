import { existsSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import type { HomePaths } from "../platform/paths.ts";
import { RepowireError } from "../protocol/index.ts";
import { type FileEdits, freshRecord } from "./edits.ts";
import { type FileRecord, readSetupRecord, type SetupRecord, withFile, writeSetupRecord } from "./record.ts";
import { encode, readSource, type Source, sha256, withPlace, writeSource } from "./source.ts";

export interface UndoResult {
  file: string;
  /**
   * `restored`: byte for byte as before the first setup. `deleted`: it was not there before. `taken_out`: only our values.
   * `gone`: nothing of ours was left. `left`: it cannot be edited, so it stays as it is.
   */
  outcome: "restored" | "deleted" | "taken_out" | "gone" | "left";
  detail?: string;
}

/** The records of all files with values of ours: those that setup wrote, and those that only a value's mark tells of. */
export function filesToUndo(paths: HomePaths, wanted: FileEdits[]): FileRecord[] {
  const { files } = readSetupRecord(paths);
  const others = wanted.filter((edits) => !files.some((known) => known.file === edits.file));
  return [...files, ...others.flatMap((edits) => findUnrecorded(edits) ?? [])];
}

/** Takes back what setup did to one file and forgets it, unless the file had to be left as it is. */
export function undoFile(paths: HomePaths, file: FileRecord, options: { isDryRun: boolean }): UndoResult {
  const { result, write } = planUndo(file);
  if (options.isDryRun || result.outcome === "left") return result;
  write?.();
  forget(paths, (record) => withFile(record, file.file, undefined));
  return result;
}

/** The record without this, and without the folders that can go now. */
export function forget(paths: HomePaths, without: (record: SetupRecord) => SetupRecord): void {
  const record = without(readSetupRecord(paths));
  // Inner ones first.
  const kept = [...record.folders].reverse().filter((folder) => !removeFolder(folder));
  writeSetupRecord(paths, { ...record, folders: kept.reverse() });
}

interface UndoPlan {
  result: UndoResult;
  write?(): void;
}

function planUndo(record: FileRecord): UndoPlan {
  const { file } = record;
  try {
    const source = readSource(file);
    if (source.bytes === undefined)
      return { result: { file, outcome: "gone", detail: "the file is not there any more" } };
    const isUntouched = record.exact && sha256(source.bytes) === record.sha256;
    return isUntouched ? giveBack(record, source) : takeOurs(record, source);
  } catch (error) {
    if (!(error instanceof RepowireError)) throw error;
    return { result: { file, outcome: "left", detail: error.message } };
  }
}

function giveBack(record: FileRecord, source: Source): UndoPlan {
  const { file } = record;
  if (!record.existed) return { result: { file, outcome: "deleted" }, write: () => rmSync(source.target) };
  const write = () => writeSource(source, Buffer.from(record.previous, "base64"));
  return { result: { file, outcome: "restored" }, write };
}

function takeOurs(record: FileRecord, source: Source): UndoPlan {
  const { file } = record;
  const doc = withPlace(file, () => {
    let next = source.doc;
    for (const value of record.added) next = next.takeOut(value) ?? next;
    const deepestFirst = [...record.created].sort((a, b) => b.length - a.length);
    for (const path of deepestFirst) next = next.removeIfEmpty(path);
    return next;
  });
  if (doc.text === source.doc.text)
    return { result: { file, outcome: "gone", detail: "nothing of repowire was left in it" } };
  const isOurFile = record.created.some((path) => path.length === 0);
  if (isOurFile && doc.isBlank()) return giveBack(record, source);
  const detail = "others have written to it since, and that stays";
  return { result: { file, outcome: "taken_out", detail }, write: () => writeSource(source, encode(source, doc)) };
}

/** A file without a record in which something starts a launcher of this home. */
function findUnrecorded({ file, runtime, edits }: FileEdits): FileRecord | undefined {
  try {
    const source = readSource(file);
    const added = withPlace(file, () =>
      edits.filter((edit) => edit.mark !== undefined && source.doc.takeOut(edit) !== undefined),
    );
    if (added.length === 0) return undefined;
    return { ...freshRecord(source, runtime), exact: false, added };
  } catch (error) {
    // Nothing is known of it, so there is nothing to take back, and it is not uninstall's to complain about.
    if (error instanceof RepowireError) return undefined;
    throw error;
  }
}

/** Whether the folder is gone now: removed as empty, or before. */
function removeFolder(folder: string): boolean {
  if (!existsSync(folder)) return true;
  if (readdirSync(folder).length > 0) return false;
  rmdirSync(folder);
  return true;
}
