import type { HomePaths } from "../platform/paths.ts";
import { RepowireError, type Runtime } from "../protocol/index.ts";
import { type FileRecord, readSetupRecord, withFile, writeSetupRecord } from "./record.ts";
import {
  checkFolderWritable,
  encode,
  makeFolders,
  readSource,
  type Source,
  sha256,
  wasBlank,
  withPlace,
  writeSource,
} from "./source.ts";
import { type Edit, type EditState, isSameEdit, type Part } from "./values.ts";

/** What setup wants in one configuration file of somebody else. */
export interface FileEdits {
  file: string;
  runtime: Runtime;
  edits: Edit[];
}

export interface FilePlan {
  file: string;
  exists: boolean;
  edits: { edit: Edit; state: EditState }[];
  /** Set for a file that is ours as a whole. */
  own?: { part: Part; what: string; state: EditState };
  /** How many values of an earlier setup are not wanted any more. */
  obsolete: number;
  /** Whether the file has to be written. */
  hasChanges: boolean;
}

/**
 * Looks at the file and says what is to be done. Throws a `RepowireError` with file and line where it cannot be edited, and an
 * `EditConflict` where somebody else's value stands in the place of ours.
 */
export function planEdits(paths: HomePaths, wanted: FileEdits): FilePlan {
  const source = readSource(wanted.file);
  const known = readSetupRecord(paths).files.find((record) => record.file === wanted.file);
  const { plan } = amend(source, wanted, known);
  if (plan.hasChanges) checkFolderWritable(source.target, source.file);
  return plan;
}

const RACES_MAX = 5;

/**
 * Makes the edits: first the record, then the file in one step, so that whatever happens in between can be undone. The agent CLI
 * writes these files too; when it does so in this very moment its text is taken and the edit made again.
 */
export function applyEdits(paths: HomePaths, wanted: FileEdits): FilePlan {
  const record = readSetupRecord(paths);
  const known = record.files.find((other) => other.file === wanted.file);
  let { folders } = record;
  for (let race = 0; race < RACES_MAX; race++) {
    const source = readSource(wanted.file);
    const { plan, next, bytes } = amend(source, wanted, known);
    if (!plan.hasChanges) {
      if (!Bun.deepEquals(next, known)) writeSetupRecord(paths, withFile(record, wanted.file, next));
      return plan;
    }
    folders = [...folders, ...makeFolders(source.target, source.file)];
    writeSetupRecord(paths, { ...withFile(record, wanted.file, next), folders });
    if (!Bun.deepEquals(readSource(wanted.file).bytes, source.bytes)) continue;
    writeSource(source, bytes);
    return plan;
  }
  throw new RepowireError(
    "unavailable",
    `${wanted.file} is being written by another program all the time; it was left as it is. Close your agent sessions and run \`repowire setup\` again.`,
  );
}

/** The record of a file that no setup has written yet. */
export function freshRecord(source: Source, runtime: Runtime): FileRecord {
  const previous = source.bytes ?? new Uint8Array();
  return {
    file: source.file,
    runtime,
    existed: source.bytes !== undefined,
    previous: Buffer.from(previous).toString("base64"),
    sha256: sha256(previous),
    exact: true,
    written_at: Date.now(),
    added: [],
    created: wasBlank(source) ? [[]] : [],
  };
}

interface Amended {
  plan: FilePlan;
  /** What is to be recorded; undefined when nothing in the file is ours. */
  next: FileRecord | undefined;
  bytes: Uint8Array;
}

function amend(source: Source, wanted: FileEdits, given: FileRecord | undefined): Amended {
  // A file that is gone since takes its history with it.
  const known = source.bytes ? given : undefined;
  const base = known ?? freshRecord(source, wanted.runtime);
  let { doc } = source;
  let { created } = base;
  const added: FileRecord["added"] = [];
  const edits: FilePlan["edits"] = [];
  const obsolete = base.added.filter(
    (old) => old.kind !== "entry" && !wanted.edits.some((edit) => isSameEdit(edit, old)),
  );
  withPlace(wanted.file, () => {
    for (const old of obsolete) doc = doc.takeOut(old) ?? doc;
    for (const edit of wanted.edits) {
      const before = base.added.find((old) => isSameEdit(old, edit));
      const placed = doc.place(edit, before);
      doc = placed.doc;
      created = [...created, ...placed.created];
      if (placed.added) added.push(placed.added);
      edits.push({ edit, state: placed.state });
    }
  });
  // What the CLI itself noted down for us is not among the edits; it stays on record until it is taken out.
  added.push(...base.added.filter((old) => old.kind === "entry"));
  const hasChanges = doc.text !== source.doc.text;
  const bytes = encode(source, doc);
  const exists = source.bytes !== undefined;
  const plan: FilePlan = { file: wanted.file, exists, edits, obsolete: obsolete.length, hasChanges };
  if (added.length === 0) return { plan, next: undefined, bytes };
  if (!hasChanges) return { plan, next: { ...base, exact: known?.exact ?? false, added, created }, bytes };
  // The bytes from before the first setup hold nothing of what others wrote between two setups.
  const exact = known === undefined || (known.exact && known.sha256 === sha256(source.bytes ?? new Uint8Array()));
  return { plan, next: { ...base, exact, sha256: sha256(bytes), written_at: Date.now(), added, created }, bytes };
}
