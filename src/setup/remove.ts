import { existsSync, lstatSync, readdirSync, realpathSync, rmdirSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import type { HomePaths } from "../platform/paths.ts";
import { RepowireError } from "../protocol/index.ts";
import { removeLaunchers } from "./launchers.ts";
import { readSetupRecord } from "./record.ts";

/** Takes the program out of a home: launchers and versions. What runs from them goes on until it ends. */
export function removeProgram(paths: HomePaths): void {
  removeLaunchers(paths);
  rmSync(paths.versions, { recursive: true, force: true });
  rmSync(paths.versionsLock, { force: true });
}

/** Removes what only a running or installed repowire needs, and the home itself if nothing else is in it. */
export function removeTraces(paths: HomePaths): void {
  rmSync(paths.run, { recursive: true, force: true });
  rmSync(paths.daemonRecord, { force: true });
  // A file that could not be undone is still to be undone: its record stays.
  if (readSetupRecord(paths).files.length === 0) rmSync(paths.setupRecord, { force: true });
  if (existsSync(paths.home) && readdirSync(paths.home).length === 0) rmdirSync(paths.home);
}

/** Files that only a repowire home has. */
const SIGNS: readonly (keyof HomePaths)[] = [
  "token",
  "database",
  "lock",
  "config",
  "setupRecord",
  "versions",
  "cliLauncher",
];

/**
 * Refuses to remove a folder that is not a home of repowire, or that holds the user's own home: `REPOWIRE_HOME` may be set to
 * anything.
 */
export function checkRemovable(paths: HomePaths): void {
  if (!existsSync(paths.home)) return;
  const home = realpathSync(paths.home);
  const user = process.env.HOME || homedir();
  const userHome = existsSync(user) ? realpathSync(user) : user;
  const isAbove = home === dirname(home) || home === userHome || userHome.startsWith(`${home}/`);
  const hasSigns = SIGNS.some((sign) => existsSync(paths[sign]));
  if (!isAbove && hasSigns && !existsSync(join(home, ".git"))) return;
  const why = isAbove ? "your own files are in it" : "it does not look like a home of repowire";
  throw new RepowireError(
    "invalid_input",
    `${paths.home} is not removed as a whole: ${why}. Run \`repowire uninstall --keep-data\`, then remove by hand what you do not need.`,
  );
}

/** Removes the home with all that is in it; a link to it too. Links inside are removed, not followed. */
export function removeHome(paths: HomePaths): void {
  if (!existsSync(paths.home)) return;
  checkRemovable(paths);
  const isLink = lstatSync(paths.home).isSymbolicLink();
  rmSync(realpathSync(paths.home), { recursive: true, force: true });
  if (isLink) rmSync(paths.home, { force: true });
}
