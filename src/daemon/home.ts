import { accessSync, constants, statSync } from "node:fs";
import { ensurePrivateFolder, type HomePaths } from "../platform/paths.ts";
import { RepowireError } from "../protocol/index.ts";

/** Makes the home and its folders, private to the user; refuses with a sentence where that cannot be. */
export function prepareHome(paths: HomePaths): void {
  try {
    for (const folder of [paths.home, paths.logs, paths.run, paths.spool]) {
      ensurePrivateFolder(folder);
      checkOwner(folder);
    }
    accessSync(paths.home, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    if (error instanceof RepowireError) throw error;
    const why = error instanceof Error && "code" in error ? String(error.code) : "unknown reason";
    throw new RepowireError(
      "storage_failed",
      `${paths.home} is not writable (${why}). Mend its owner and mode, or set REPOWIRE_HOME to a folder of yours.`,
    );
  }
}

/** Whoever owns the folder can put another token there, or read what comes into it; root may change the mode of any folder. */
function checkOwner(folder: string): void {
  const { uid } = statSync(folder);
  if (uid === process.getuid?.()) return;
  throw new RepowireError(
    "storage_failed",
    `${folder} belongs to another user (${uid}). Mend its owner, or set REPOWIRE_HOME to a folder of yours.`,
  );
}
