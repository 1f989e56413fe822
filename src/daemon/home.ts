import { accessSync, constants } from "node:fs";
import { ensurePrivateFolder, type HomePaths } from "../platform/paths.ts";
import { RepowireError } from "../protocol/index.ts";

/** Makes the home and its folders, private to the user; refuses with a sentence where that cannot be. */
export function prepareHome(paths: HomePaths): void {
  try {
    for (const folder of [paths.home, paths.logs, paths.run, paths.spool]) ensurePrivateFolder(folder);
    accessSync(paths.home, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const why = error instanceof Error && "code" in error ? String(error.code) : "unknown reason";
    throw new RepowireError(
      "storage_failed",
      `${paths.home} is not writable (${why}). Mend its owner and mode, or set REPOWIRE_HOME to a folder of yours.`,
    );
  }
}
