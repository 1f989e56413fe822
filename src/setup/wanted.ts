import { z } from "zod";
import type { HomePaths } from "../platform/paths.ts";
import { shellWord } from "../platform/shell.ts";
import { RepowireError } from "../protocol/index.ts";
import { applyEdits, type FilePlan, planEdits } from "./edits.ts";
import { applyOwnFile, type OwnFile, ownFilesToUndo, planOwnFile, undoOwnFile } from "./own-file.ts";
import { isOwnFile, type RuntimeSetup, type WantedFile } from "./runtime-setup.ts";
import { SERVER_NAME } from "./tools.ts";
import { filesToUndo, type UndoResult, undoFile } from "./undo.ts";
import { EditConflict } from "./values.ts";

/** Plans, makes and takes back what a runtime wants in files, of whichever kind each is. */

/** Plans all files, or refuses with what stands in the way of one of them. Writes nothing. */
export function planWanted(paths: HomePaths, row: RuntimeSetup, wanted: readonly WantedFile[]): FilePlan[] {
  return wanted.map((file) =>
    inWords(row, file, () => (isOwnFile(file) ? planOwnFile(paths, file) : planEdits(paths, file))),
  );
}

export function applyWanted(paths: HomePaths, row: RuntimeSetup, file: WantedFile): FilePlan {
  return inWords(row, file, () => (isOwnFile(file) ? applyOwnFile(paths, file) : applyEdits(paths, file)));
}

function inWords(row: RuntimeSetup, { file }: WantedFile, work: () => FilePlan): FilePlan {
  try {
    return work();
  } catch (error) {
    if (error instanceof EditConflict) throw conflict(row, file, error.value);
    throw error;
  }
}

const Server = z.object({
  command: z.string().optional().catch(undefined),
  args: z.array(z.string()).catch([]).default([]),
  url: z.string().optional().catch(undefined),
  httpUrl: z.string().optional().catch(undefined),
});
const OTHER_HOME = /^(.+)\/bin\/repowire-(?:channel|mcp)$/;

function conflict(row: RuntimeSetup, file: string, value: unknown): RepowireError {
  const found = Server.safeParse(value).data;
  const home = found?.command?.match(OTHER_HOME)?.[1];
  const url = found?.url ?? found?.httpUrl;
  const what = found?.command
    ? `it starts \`${[found.command, ...found.args].join(" ")}\``
    : url
      ? `it is at ${url}`
      : "it starts no command";
  const next = home
    ? `That is the repowire of another home: run \`REPOWIRE_HOME=${shellWord(home)} repowire uninstall\` first`
    : `Rename or remove it (${row.removeServer})`;
  return new RepowireError(
    "name_taken",
    `${file} already has an MCP server named "${SERVER_NAME}" that is not this one: ${what}. ${next}, then run \`repowire setup\` again. Nothing was changed.`,
  );
}

/** One file that setup changed or wrote. */
export interface Undoable {
  runtime: RuntimeSetup["runtime"];
  file: string;
  undo(options: { isDryRun: boolean }): UndoResult;
}

/** All files with something of ours: those on record, and those that only a mark of ours tells of. */
export function undoables(paths: HomePaths, wanted: readonly WantedFile[]): Undoable[] {
  const own = wanted.filter(isOwnFile);
  const edited = filesToUndo(
    paths,
    wanted.flatMap((file) => (isOwnFile(file) ? [] : [file])),
  ).map((record) => ({
    runtime: record.runtime,
    file: record.file,
    undo: (options: { isDryRun: boolean }) => undoFile(paths, record, options),
  }));
  const whole = ownFilesToUndo(paths, own).map((record) => ({
    runtime: record.runtime,
    file: record.file,
    undo: (options: { isDryRun: boolean }) => undoOwn(paths, record, own, options),
  }));
  return [...edited, ...whole];
}

function undoOwn(
  paths: HomePaths,
  record: Parameters<typeof undoOwnFile>[1],
  own: readonly OwnFile[],
  options: { isDryRun: boolean },
): UndoResult {
  // The environment may name other places than at setup; each runtime still knows its own texts.
  const homeOf = (text: string) =>
    own
      .filter((file) => file.runtime === record.runtime)
      .map((file) => file.homeOf(text))
      .find((home) => home !== undefined);
  try {
    return undoOwnFile(paths, record, homeOf, options);
  } catch (error) {
    if (error instanceof RepowireError) return { file: record.file, outcome: "left", detail: error.message };
    throw error;
  }
}
