import { accessSync, constants, lstatSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { ensurePrivateFolder, type HomePaths } from "../platform/paths.ts";
import { RepowireError } from "../protocol/index.ts";

/** Makes the home and its folders, private to the user; refuses with a sentence where that cannot be. */
export function prepareHome(paths: HomePaths): void {
  try {
    for (const folder of [paths.home, paths.logs, paths.run, paths.spool]) {
      ensurePrivateFolder(folder);
      checkOwner(folder, statSync(folder).uid);
    }
    // What lies in the spool is judged file by file, when it is read.
    for (const folder of [paths.home, paths.logs, paths.run])
      for (const name of readdirSync(folder)) {
        const info = lstatSync(join(folder, name), { throwIfNoEntry: false });
        if (info) checkOwner(join(folder, name), info.uid);
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

/**
 * Whoever owns a folder can put another token there, or read what comes into it; whoever owns a file may hold it open. The modes alone
 * do not tell: root may change those of any folder.
 */
function checkOwner(path: string, uid: number): void {
  if (uid === process.getuid?.()) return;
  throw new RepowireError(
    "storage_failed",
    `${path} belongs to another user (${uid}). Mend its owner, or set REPOWIRE_HOME to a folder of yours.`,
  );
}
