import { existsSync, lstatSync, readFileSync, rmSync } from "node:fs";
import { linkTarget, writeFileAtomic } from "../platform/files.ts";
import type { HomePaths } from "../platform/paths.ts";
import { shellWord } from "../platform/shell.ts";
import { RepowireError, type Runtime } from "../protocol/index.ts";
import type { FilePlan } from "./edits.ts";
import { type OwnFileRecord, readSetupRecord, withOwnFile, writeSetupRecord } from "./record.ts";
import { checkFolderWritable, makeFolders, withSystemErrors } from "./source.ts";
import { forget, type UndoResult } from "./undo.ts";
import type { EditState, Part } from "./values.ts";

/** A file that setup writes as a whole into the folder of an agent CLI, which reads all files there. */
export interface OwnFile {
  file: string;
  runtime: Runtime;
  part: Part;
  /** As the plan calls it: "plugin". */
  what: string;
  /** Undefined where it is only known once the program is installed. */
  content: string | undefined;
  /** Which repowire home a text like this was written for; undefined when repowire did not write it. */
  homeOf(text: string): string | undefined;
  /** The user does not want it; one that an earlier setup wrote stays. */
  isDeclined?: boolean;
}

const MODE = 0o600;

/** Throws a `RepowireError` where somebody else's file stands in its place, or it could not be written. Changes nothing. */
export function planOwnFile(paths: HomePaths, wanted: OwnFile): FilePlan {
  const { file, part, what } = wanted;
  const text = read(file);
  if (text !== undefined && !wanted.isDeclined) checkIsOurs(paths, wanted, text);
  const state = stateOf(wanted, text);
  const hasChanges = state === "missing" || state === "outdated";
  if (hasChanges) checkFolderWritable(linkTarget(file), file);
  return { file, exists: text !== undefined, edits: [], own: { part, what, state }, obsolete: 0, hasChanges };
}

/** First the record, then the file in one step. */
export function applyOwnFile(paths: HomePaths, wanted: OwnFile): FilePlan {
  const plan = planOwnFile(paths, wanted);
  const { file, runtime, content } = wanted;
  if (wanted.isDeclined) return plan;
  if (content === undefined) throw new Error(`nothing to write into ${file}`);
  const record = readSetupRecord(paths);
  const isKnown = record.own_files.some((known) => known.file === file);
  if (!plan.hasChanges && isKnown) return plan;
  const folders = plan.hasChanges ? makeFolders(linkTarget(file), file) : [];
  const next = withOwnFile(record, file, { file, runtime, written_at: Date.now() });
  writeSetupRecord(paths, { ...next, folders: [...record.folders, ...folders] });
  if (plan.hasChanges) withSystemErrors(file, "written", () => writeFileAtomic(linkTarget(file), content, MODE));
  return plan;
}

function stateOf({ content, isDeclined }: OwnFile, text: string | undefined): EditState {
  if (isDeclined) return "declined";
  if (text === undefined) return "missing";
  return content === undefined || text === content ? "there" : "outdated";
}

function checkIsOurs(paths: HomePaths, { file, what, homeOf }: OwnFile, text: string): void {
  const home = homeOf(text);
  if (home === paths.home) return;
  const whose =
    home === undefined
      ? `${file} is there already, and repowire did not write it. Move it away`
      : `${file} is the ${what} of the repowire in another home: run \`REPOWIRE_HOME=${shellWord(home)} repowire uninstall\` first`;
  throw new RepowireError("name_taken", `${whose}, then run \`repowire setup\` again. Nothing was changed.`);
}

/** Those on record, and those that only say themselves that they belong to this home. */
export function ownFilesToUndo(paths: HomePaths, wanted: readonly OwnFile[]): OwnFileRecord[] {
  const known = readSetupRecord(paths).own_files;
  const others = wanted.filter(({ file, homeOf }) => {
    if (known.some((record) => record.file === file)) return false;
    const text = read(file);
    return text !== undefined && homeOf(text) === paths.home;
  });
  return [...known, ...others.map(({ file, runtime }) => ({ file, runtime, written_at: 0 }))];
}

/** Removes the file, if it is still ours, and forgets it. `homeOf` tells whose a text is. */
export function undoOwnFile(
  paths: HomePaths,
  { file }: OwnFileRecord,
  homeOf: OwnFile["homeOf"],
  options: { isDryRun: boolean },
): UndoResult {
  const text = read(file);
  const isOurs = text !== undefined && homeOf(text) === paths.home;
  const result: UndoResult = isOurs
    ? { file, outcome: "deleted" }
    : {
        file,
        outcome: "gone",
        detail: text === undefined ? "the file is not there any more" : "it is somebody else's now",
      };
  if (options.isDryRun) return result;
  if (isOurs)
    withSystemErrors(file, "removed", () => rmSync(lstatSync(file).isSymbolicLink() ? linkTarget(file) : file));
  forget(paths, (record) => withOwnFile(record, file, undefined));
  return result;
}

function read(file: string): string | undefined {
  return withSystemErrors(file, "read", () => (existsSync(file) ? readFileSync(file, "utf8") : undefined));
}
