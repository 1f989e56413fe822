import { existsSync, readFileSync, rmSync } from "node:fs";
import { z } from "zod";
import { writeFileAtomic } from "../platform/files.ts";
import type { HomePaths } from "../platform/paths.ts";
import { RepowireError, Runtime } from "../protocol/index.ts";
import type { Json } from "./json-text.ts";

/** Everything that setup changed outside its home, kept in `setup.json`, so that uninstall can take back exactly that. */

/**
 * One value that setup added. `key`: the property that `path` ends in. `item`: an element of the list at `path`. `hook`: a group
 * of hooks in the list at `path`. `entry`: those tables in the one at `path` that hold these values, under whatever key.
 */
export const AddedValue = z.object({
  kind: z.enum(["key", "item", "hook", "entry"]),
  path: z.array(z.string()),
  value: z.custom<Json>((value) => value !== undefined),
  /** The command that it starts: whatever else somebody changes about the value, by this it is known as ours. */
  mark: z.string().optional(),
});
export type AddedValue = z.infer<typeof AddedValue>;

export const FileRecord = z.object({
  file: z.string(),
  /** For which agent CLI it was changed. */
  runtime: Runtime.default("claude-code"),
  /** Whether the file was there before the first setup, and its exact bytes then, in base64. */
  existed: z.boolean(),
  previous: z.string(),
  /** Of what setup wrote last. While the file is still that, its previous bytes can be put back as they were. */
  sha256: z.string(),
  /** False once somebody else wrote between two setups: then the previous bytes would lose their edits. */
  exact: z.boolean(),
  /** Epoch milliseconds; sessions that started earlier do not know of it. */
  written_at: z.number(),
  added: z.array(AddedValue),
  /** Objects and lists that had to be made for the values; the empty path is the file's own object. */
  created: z.array(z.array(z.string())),
});
export type FileRecord = z.infer<typeof FileRecord>;

/** A file that is ours as a whole; its own first lines say so too. */
export const OwnFileRecord = z.object({
  file: z.string(),
  runtime: Runtime,
  /** Epoch milliseconds; sessions that started earlier do not know of it. */
  written_at: z.number(),
});
export type OwnFileRecord = z.infer<typeof OwnFileRecord>;

export const SetupRecord = z.object({
  version: z.literal(1),
  files: z.array(FileRecord),
  own_files: z.array(OwnFileRecord).default([]),
  /** Folders that had to be made for the files. */
  folders: z.array(z.string()),
});
export type SetupRecord = z.infer<typeof SetupRecord>;

const EMPTY: SetupRecord = { version: 1, files: [], own_files: [], folders: [] };

/** Throws a `RepowireError` when there is a record that cannot be read: without it nothing can be undone exactly. */
export function readSetupRecord(paths: HomePaths): SetupRecord {
  if (!existsSync(paths.setupRecord)) return EMPTY;
  try {
    return SetupRecord.parse(JSON.parse(readFileSync(paths.setupRecord, "utf8")));
  } catch {
    throw new RepowireError(
      "invalid_input",
      `${paths.setupRecord} cannot be read as the record of what setup changed. Put back a copy of it, or move it away: then only what names a launcher of this home is known as repowire's.`,
    );
  }
}

/** An empty record is no file. */
export function writeSetupRecord(paths: HomePaths, record: SetupRecord): void {
  const isEmpty = [record.files, record.own_files, record.folders].every((part) => part.length === 0);
  if (isEmpty) rmSync(paths.setupRecord, { force: true });
  else writeFileAtomic(paths.setupRecord, `${JSON.stringify(record, null, 2)}\n`);
}

/** The record with this file's part exchanged, or without it. */
export function withFile(record: SetupRecord, file: string, next: FileRecord | undefined): SetupRecord {
  const others = record.files.filter((known) => known.file !== file);
  return { ...record, files: next ? [...others, next] : others };
}

export function withOwnFile(record: SetupRecord, file: string, next: OwnFileRecord | undefined): SetupRecord {
  const others = record.own_files.filter((known) => known.file !== file);
  return { ...record, own_files: next ? [...others, next] : others };
}

/** When setup last wrote something for this agent CLI; 0 when it never did. */
export function lastWrite(record: SetupRecord, runtime: Runtime): number {
  const ours = [...record.files, ...record.own_files].filter((file) => file.runtime === runtime);
  return Math.max(0, ...ours.map((file) => file.written_at));
}
