import { realpathSync, rmSync } from "node:fs";
import { join } from "node:path";
import { findDaemon } from "../../client/index.ts";
import { readDaemonRecord } from "../../platform/daemon-record.ts";
import { takeLock } from "../../platform/lock.ts";
import type { HomePaths } from "../../platform/paths.ts";
import { entryOf } from "../../platform/program.ts";
import { runBriefly } from "../../platform/run.ts";
import { asRepowireError, type Problem, RepowireError, toProblem } from "../../protocol/index.ts";
import {
  addVersion,
  currentVersion,
  makeCurrent,
  manifestIn,
  type OldVersions,
  removeOldVersions,
  stagingFolder,
  whileAlone,
} from "../../setup/install.ts";
import { ownMark } from "../../setup/service/file.ts";
import { serviceFile } from "../../setup/service/manager.ts";
import { factsOf, type Offer } from "../../setup/update/offer.ts";
import { serviceState, startService } from "../service.ts";
import { runsFrom, type StartedDaemon, startInstalledDaemon } from "../setup/daemon.ts";
import { putBackDatabase, schemaOfDatabase } from "./database.ts";
import { Refreshed } from "./refresh.ts";
import { tryVersion } from "./trial.ts";

export interface UpdateReport {
  /** `went_back`: the new version was current for a moment, did not work, and the old one is current again. */
  state: "current" | "updated" | "went_back";
  before: string;
  version: string;
  refreshed?: Refreshed;
  daemon?: StartedDaemon;
  oldVersions?: OldVersions;
  error?: Problem;
}

/** What has just been done. Whatever ends the program after a step, the current version is whole and starts. */
export type UpdateStep = "added" | "tried" | "switched" | "refreshed" | "restarted" | "cleaned";

export interface Installed {
  /** Name of its folder. */
  name: string;
  version: string;
}

const REFRESH_MS = 60_000;

/** The version that is current in this home; a refusal where none is. */
export function installedVersion(paths: HomePaths): Installed {
  const name = currentVersion(paths);
  const manifest = name === undefined ? undefined : manifestIn(join(paths.versions, name));
  if (name !== undefined && manifest) return { name, version: manifest.version };
  throw new RepowireError(
    "not_found",
    `repowire is not installed in ${paths.home}, so there is nothing to update. Run \`repowire setup\` first.`,
  );
}

/**
 * Puts the offered version beside the current one, tries it, makes it current in one step, and brings what setup installed and the
 * daemon to it. Until that step nothing has changed but a folder more. If the new version does not work then, the old one is made
 * current again. Throws a `RepowireError` where nothing was changed.
 */
export function applyUpdate(
  paths: HomePaths,
  offer: Offer,
  onStep: (step: UpdateStep) => void = () => {},
): Promise<UpdateReport> {
  return whileAlone(paths, () => carryOut(paths, offer, onStep));
}

async function carryOut(paths: HomePaths, offer: Offer, onStep: (step: UpdateStep) => void): Promise<UpdateReport> {
  const before = installedVersion(paths);
  const startedAt = Date.now();
  const name = await add(paths, offer);
  onStep("added");
  if (name === before.name)
    return finish(paths, { state: "current", before: before.version, version: offer.version }, name, onStep);
  const schema = await tryOut(paths, name, offer.version);
  onStep("tried");
  makeCurrent(paths, name);
  onStep("switched");
  const report: UpdateReport = { state: "updated", before: before.version, version: offer.version };
  try {
    return await finish(paths, report, name, onStep);
  } catch (error) {
    const { sentence, state } = await goBack(paths, before, { schema, version: offer.version, since: startedAt });
    // A fault of ours goes on as one.
    if (!(error instanceof RepowireError)) throw error;
    const said = `${offer.version} was installed, but it does not work here: ${error.message} ${sentence}`;
    return { ...report, state, error: toProblem(new RepowireError(error.code, said)) };
  }
}

/** For a version that is current already: an update may have been ended before it was through. */
export function completeUpdate(paths: HomePaths, onStep: (step: UpdateStep) => void = () => {}): Promise<UpdateReport> {
  return whileAlone(paths, async () => {
    const { name, version } = installedVersion(paths);
    return finish(paths, { state: "current", before: version, version }, name, onStep);
  });
}

async function add(paths: HomePaths, offer: Offer): Promise<string> {
  const scratch = stagingFolder(paths);
  try {
    return (await addVersion(paths, await offer.open(scratch))).name;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Refuses where the version does not start, or does not know this home's database. */
async function tryOut(paths: HomePaths, name: string, version: string): Promise<number> {
  const folder = join(realpathSync(paths.versions), name);
  const scratch = stagingFolder(paths);
  try {
    const facts = await factsOf(folder);
    if (!facts) throw new RepowireError("unavailable", `${version} failed its trial: it does not start.`);
    const found = schemaOfDatabase(paths);
    if (found !== undefined && found > facts.schema)
      throw new RepowireError(
        "storage_failed",
        `${version} is older than the database: ${paths.database} has schema ${found}, and it knows ${facts.schema}. It could lose what is stored.`,
      );
    await tryVersion(folder, version, scratch);
    return facts.schema;
  } catch (error) {
    removeOldVersions(paths);
    if (!(error instanceof RepowireError)) throw error;
    throw new RepowireError(
      error.code,
      `${error.message} Nothing was changed: ${installedVersion(paths).version} stays.`,
    );
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** What follows the switch. Each part finds out for itself whether anything is to be done. */
async function finish(
  paths: HomePaths,
  report: UpdateReport,
  name: string,
  onStep: (step: UpdateStep) => void,
): Promise<UpdateReport> {
  const folder = join(realpathSync(paths.versions), name);
  const refreshed = await refreshWith(paths, folder);
  onStep("refreshed");
  const daemon = await bringDaemon(paths, { name, folder, version: report.version });
  onStep("restarted");
  const oldVersions = removeOldVersions(paths, { isLeaving: true });
  onStep("cleaned");
  return { ...report, refreshed, daemon, oldVersions };
}

/** The version itself knows what it wants in files. */
async function refreshWith(paths: HomePaths, folder: string): Promise<Refreshed> {
  const result = await runBriefly([...entryOf(folder, "cli"), "program", "refresh"], {
    cwd: "/",
    env: { ...process.env, REPOWIRE_HOME: paths.home, BUN_OPTIONS: undefined, BUN_BE_BUN: undefined },
    timeoutMs: REFRESH_MS,
  });
  const report = result?.code === 0 ? Refreshed.safeParse(readJson(result.out)).data : undefined;
  if (report) return report;
  const said = result
    ? result.err
        .trim()
        .split("\n")
        .at(-1)
        ?.replace(/^repowire: /, "")
    : `no end within ${REFRESH_MS / 1000} s`;
  throw new RepowireError("unavailable", said || "what setup installed could not be refreshed.");
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Said by the caller: it is no report.
    return undefined;
  }
}

/** The daemon of this version answers when this resolves; a service goes on being the one that keeps it. */
async function bringDaemon(paths: HomePaths, target: Installed & { folder: string }): Promise<StartedDaemon> {
  const before = await findDaemon(paths.home);
  if (before && !runsFrom(paths, target) && (await isOfService(paths)))
    await startService(paths, process.env, { anew: true });
  const daemon = await startInstalledDaemon(paths, { ...target, isNew: false }, { mustRestart: false });
  const running = readDaemonRecord(paths.home);
  if (running?.version !== target.version)
    throw new RepowireError(
      "unavailable",
      `The daemon says that it is ${running?.version ?? "none"}, not ${target.version}.`,
    );
  const how = !before ? "started" : before.instance === running.instance ? "kept" : "restarted";
  return { ...daemon, how };
}

async function isOfService(paths: HomePaths): Promise<boolean> {
  if (!ownMark(paths, serviceFile(process.env))) return false;
  try {
    return (await serviceState(paths, process.env)).daemon === "of_the_service";
  } catch (error) {
    // Its file is there, its manager is not.
    if (error instanceof RepowireError) return false;
    throw error;
  }
}

interface Newer {
  schema: number;
  version: string;
  since: number;
}

/** The old version is current again when this resolves; the sentence says how far it came beyond that. */
async function goBack(
  paths: HomePaths,
  before: Installed,
  newer: Newer,
): Promise<{ state: "went_back" | "updated"; sentence: string }> {
  const folder = join(realpathSync(paths.versions), before.name);
  const known = (await factsOf(folder))?.schema ?? 0;
  // Its record stays when it crashes: then it may have accepted something.
  const hasServed =
    (await findDaemon(paths.home)) !== undefined || readDaemonRecord(paths.home)?.version === newer.version;
  const isNewer = (schemaOfDatabase(paths) ?? 0) > known;
  if (!isNewer) makeCurrent(paths, before.name);
  else if (hasServed || !putBack(paths, before, newer))
    return {
      state: "updated",
      sentence: `It has brought the database to schema ${newer.schema}, which ${before.version} does not know, so there is no way back without loss: ${newer.version} stays. \`repowire daemon logs\` says more.`,
    };
  try {
    await refreshWith(paths, folder);
    await bringDaemon(paths, { ...before, folder });
    removeOldVersions(paths);
    return { state: "went_back", sentence: `${before.version} is back and runs.` };
  } catch (error) {
    const why = asRepowireError(error).message;
    return {
      state: "went_back",
      sentence: `${before.version} is current again, but not all of it could be brought back: ${why}`,
    };
  }
}

/** As the daemon's lock is held meanwhile, none that a session starts opens the database in between. */
function putBack(paths: HomePaths, before: Installed, newer: Newer): boolean {
  const lock = takeLock(paths.lock);
  if (!lock) return false;
  try {
    if (!putBackDatabase(paths, newer)) return false;
    makeCurrent(paths, before.name);
    return true;
  } finally {
    lock.release();
  }
}
