import { createHash } from "node:crypto";
import {
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  linkSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { takeLock } from "../platform/lock.ts";
import { ensurePrivateFolder, type HomePaths } from "../platform/paths.ts";
import { processesFrom, processInfo } from "../platform/process.ts";
import { entryOf } from "../platform/program.ts";
import { runBriefly } from "../platform/run.ts";
import { RepowireError } from "../protocol/index.ts";
import { MANIFEST, ownProgram, type ProgramSource, sha256 } from "./program-source.ts";

/** What a version's folder holds, written into it last: whoever finds it whole finds a whole version. */
const Manifest = z.object({ version: z.string(), bun: z.string(), files: z.record(z.string(), z.string()) });
type Manifest = z.infer<typeof Manifest>;

const CURRENT = "current";
const STAGING = /^\.staging-(\d+)-/;
const START_MS = 20_000;

export interface InstalledProgram {
  /** Name of the folder under `versions/`. */
  name: string;
  /** Its real path. */
  folder: string;
  /** False when exactly this was installed already. */
  isNew: boolean;
}

export interface OldVersions {
  removed: string[];
  /** They stay because processes run from them. */
  inUse: { name: string; pids: number[] }[];
}

/**
 * Puts this very program under `versions/` and makes it the current one. What runs from an older version goes on undisturbed: a
 * version's folder never changes, and `current` moves in one step. Throws a `RepowireError` when the copy does not start; then
 * nothing has changed.
 */
export async function installProgram(
  paths: HomePaths,
  source: ProgramSource = ownProgram(),
): Promise<InstalledProgram> {
  const { name, isKnown } = await addVersion(paths, source);
  const isCurrent = currentVersion(paths) === name;
  if (!isCurrent) makeCurrent(paths, name);
  return { name, folder: join(realpathSync(paths.versions), name), isNew: !isKnown || !isCurrent };
}

/** Runs the work as the only one that changes what is installed in this home; a refusal where another does. */
export async function whileAlone<T>(paths: HomePaths, work: () => Promise<T>): Promise<T> {
  ensurePrivateFolder(paths.home);
  const lock = takeLock(paths.versionsLock);
  if (!lock)
    throw new RepowireError(
      "overloaded",
      "Another `repowire setup` or `repowire update` of this home is at work. Try again when it is through.",
    );
  try {
    return await work();
  } finally {
    lock.release();
  }
}

/** A folder for what this process is about to put there; the next setup or update removes it, should this one be killed. */
export function stagingFolder(paths: HomePaths): string {
  ensurePrivateFolder(paths.home);
  ensurePrivateFolder(paths.versions);
  return mkdtempSync(join(realpathSync(paths.versions), `.staging-${process.pid}-`));
}

/** Puts a program under `versions/`, tried and whole, beside the one that is current; or finds that exactly it is there already. */
export async function addVersion(paths: HomePaths, source: ProgramSource): Promise<{ name: string; isKnown: boolean }> {
  const staging = stagingFolder(paths);
  const versions = realpathSync(paths.versions);
  try {
    await source.fill(staging);
    const manifest = manifestOf(staging, source);
    const known = readdirSync(versions).find(
      // Not the staging folder of a setup that was killed just before the last step: it is whole, but nobody's version.
      (name) => name !== CURRENT && !name.startsWith(".") && isWhole(join(versions, name), manifest, source),
    );
    return { name: known ?? (await keep(versions, staging, manifest, source)), isKnown: known !== undefined };
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/** Name of the folder that `versions/current` leads to, if there is one. */
export function currentVersion(paths: HomePaths): string | undefined {
  try {
    const name = readlinkSync(join(paths.versions, CURRENT));
    return existsSync(join(paths.versions, name)) ? name : undefined;
  } catch {
    // Nothing is installed in this home.
    return undefined;
  }
}

/** What the version in this folder calls itself, and the Bun that it has; undefined where none is whole. */
export function manifestIn(folder: string): Manifest | undefined {
  try {
    return Manifest.parse(JSON.parse(readFileSync(join(folder, MANIFEST), "utf8")));
  } catch {
    // Half of one, or none at all.
    return undefined;
  }
}

/** The real path of the installed version's folder. */
export function currentVersionFolder(paths: HomePaths): string | undefined {
  const name = currentVersion(paths);
  return name === undefined ? undefined : realpathSync(join(paths.versions, name));
}

function manifestOf(folder: string, { version, bun }: ProgramSource): Manifest {
  const files = readdirSync(folder).map((file) => [file, sha256(join(folder, file))]);
  return { version, bun, files: Object.fromEntries(files) };
}

function isWhole(folder: string, wanted: Manifest, { executable }: ProgramSource): boolean {
  const file = join(folder, executable.name);
  try {
    return (
      Bun.deepEquals(manifestIn(folder), wanted) &&
      statSync(file).size === statSync(executable.file).size &&
      (!executable.isOurs || sha256(file) === wanted.bun) &&
      Object.entries(wanted.files).every(([file, hash]) => sha256(join(folder, file)) === hash)
    );
  } catch {
    // Another version, half of one, or no version at all.
    return false;
  }
}

/** Completes the staged folder, tries it, and gives it its name. Another build of the same version gets a name beside it. */
async function keep(
  versions: string,
  staging: string,
  manifest: Manifest,
  { executable }: ProgramSource,
): Promise<string> {
  const put = executable.isOurs ? copyExecutable : linkOrCopy;
  put(realpathSync(executable.file), join(staging, executable.name));
  const text = JSON.stringify(manifest, null, 2);
  writeFileSync(join(staging, MANIFEST), text, { mode: 0o600 });
  await tryStaged(staging, manifest.version);
  const build = createHash("sha256").update(text).digest("hex").slice(0, 8);
  const name = existsSync(join(versions, manifest.version)) ? `${manifest.version}-${build}` : manifest.version;
  // A damaged folder of that very build: nothing in it can be relied on.
  rmSync(join(versions, name), { recursive: true, force: true });
  renameSync(staging, join(versions, name));
  return name;
}

/** Bun is a hundred megabytes: where the file system allows, it is the same file twice. */
function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    // Another file system, or a system that does not let one link other users' files.
    copyExecutable(from, to);
  }
}

/** Its bytes once more only where the file system has no copy on write. */
function copyExecutable(from: string, to: string): void {
  copyFileSync(from, to, constants.COPYFILE_FICLONE);
  chmodSync(to, 0o755);
}

async function tryStaged(folder: string, version: string): Promise<void> {
  const why = await startFailure([...entryOf(folder, "cli"), "--version"], folder, version);
  if (why === undefined) return;
  throw new RepowireError(
    "unavailable",
    `The copy of repowire in ${folder} does not start: ${why}. Programs must be allowed to run from that file system; REPOWIRE_HOME can name a folder on another one.`,
  );
}

async function startFailure(command: string[], cwd: string, version: string): Promise<string | undefined> {
  try {
    const result = await runBriefly(command, { cwd, timeoutMs: START_MS });
    if (!result) return `it did not end within ${START_MS / 1000} s`;
    if (result.code === 0 && result.out.trim() === version) return undefined;
    return result.err.trim().split("\n")[0] || `it ended with code ${result.code}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** In one step: whoever starts something gets the one version or the other. */
export function makeCurrent(paths: HomePaths, name: string): void {
  const versions = realpathSync(paths.versions);
  const draft = join(versions, `.current-${process.pid}`);
  rmSync(draft, { force: true });
  // Relative, so that a home that is moved as a whole still works.
  symlinkSync(name, draft);
  renameSync(draft, join(versions, CURRENT));
}

/**
 * Removes all versions but the current one and those that something runs from, and what setups that were killed left behind.
 * `isLeaving`: this very process loads nothing more, and does not count.
 */
export function removeOldVersions(paths: HomePaths, options: { isLeaving?: boolean } = {}): OldVersions {
  const versions = realpathSync(paths.versions);
  const current = currentVersion(paths);
  const removed: string[] = [];
  const inUse: OldVersions["inUse"] = [];
  for (const name of readdirSync(versions)) {
    if (name === current || name === CURRENT) continue;
    const owner = name.match(STAGING)?.[1];
    if (owner && processInfo(Number(owner))) continue;
    const pids = processesFrom(join(versions, name))
      .map(({ pid }) => pid)
      .filter((pid) => !(options.isLeaving && pid === process.pid));
    if (pids.length > 0) inUse.push({ name, pids });
    else {
      rmSync(join(versions, name), { recursive: true, force: true });
      if (!name.startsWith(".")) removed.push(name);
    }
  }
  return { removed, inUse };
}
