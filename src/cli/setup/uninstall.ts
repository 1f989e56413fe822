import { existsSync, readdirSync } from "node:fs";
import { findDaemon } from "../../client/index.ts";
import { loadConfig } from "../../platform/config.ts";
import { readDaemonRecord } from "../../platform/daemon-record.ts";
import { type HomePaths, homePaths } from "../../platform/paths.ts";
import { processArgs, processInfo } from "../../platform/process.ts";
import { asRepowireError, DEFAULT_PORT, RepowireError } from "../../protocol/index.ts";
import { launcherState } from "../../setup/launchers.ts";
import { checkRemovable, removeHome, removeProgram, removeTraces } from "../../setup/remove.ts";
import type { RunningSession, RuntimeSetup, WantedFile } from "../../setup/runtime-setup.ts";
import { RUNTIME_SETUPS, runtimesNamed } from "../../setup/runtimes.ts";
import { ownMark } from "../../setup/service/file.ts";
import { serviceFile } from "../../setup/service/manager.ts";
import { runningSessions } from "../../setup/sessions.ts";
import type { UndoResult } from "../../setup/undo.ts";
import { type Undoable, undoables } from "../../setup/wanted.ts";
import { stopDaemon } from "../commands/daemon.ts";
import { uninstallService } from "../service.ts";

export interface UninstallPlan {
  paths: HomePaths;
  /** Set where only one agent CLI is meant: then program, daemon and data stay. */
  only: RuntimeSetup | undefined;
  undoables: Undoable[];
  /** What will become of each file. */
  files: UndoResult[];
  /** Whether launchers or versions are there. */
  hasProgram: boolean;
  /** The daemon's process, if one runs. */
  daemon: number | undefined;
  /** The file of the service, if this home has one. */
  service: string | undefined;
  /** Whether anything else is in the home: messages, token, config, logs. */
  hasData: boolean;
  /** Sessions that run with hooks and a channel whose program goes away. */
  sessions: RunningSession[];
}

export interface UninstallReport {
  ok: boolean;
  files: UndoResult[];
  daemon_stopped: boolean;
  data: "kept" | "removed" | "none";
  /** What stays, and why. */
  left: { what: string; why: string }[];
}

/** Looks at what there is to remove. Changes nothing. */
export async function planUninstall(home: string, runtime: string | undefined): Promise<UninstallPlan> {
  const rows = runtimesNamed(runtime);
  const only = runtime === undefined ? undefined : rows[0];
  const paths = homePaths(home);
  const found = undoables(
    paths,
    rows.flatMap((row) => wantedOf(paths, row)),
  ).filter((file) => !only || file.runtime === only.runtime);
  const service = serviceFile(process.env);
  const program = new Set([
    paths.bin,
    paths.versions,
    paths.versionsLock,
    paths.run,
    paths.setupRecord,
    paths.daemonRecord,
  ]);
  const entries = existsSync(home) ? readdirSync(home) : [];
  return {
    paths,
    only,
    undoables: found,
    files: found.map((file) => file.undo({ isDryRun: true })),
    hasProgram: !only && (existsSync(paths.versions) || launcherState(paths, "cli") !== "missing"),
    daemon: only ? undefined : (await findDaemon(home)) ? readDaemonRecord(home)?.pid : silentDaemon(home),
    service: !only && ownMark(paths, service) ? service : undefined,
    hasData: !only && entries.some((name) => !program.has(`${home}/${name}`)),
    sessions: RUNTIME_SETUPS.filter((row) => found.some((file) => file.runtime === row.runtime)).flatMap((row) =>
      runningSessions(paths, row, process.env),
    ),
  };
}

/** What a setup now would want, for what no record tells of. */
function wantedOf(paths: HomePaths, row: RuntimeSetup): WantedFile[] {
  const context = { paths, env: process.env, allowTools: false, port: portOf(paths), program: undefined };
  try {
    return row.files(context);
  } catch (error) {
    // It could not be set up either; what was recorded of it is still undone.
    if (error instanceof RepowireError) return [];
    throw error;
  }
}

function portOf(paths: HomePaths): number {
  try {
    return loadConfig(paths.home).values.port;
  } catch (error) {
    // A broken config is no reason to keep what it configures.
    if (error instanceof RepowireError) return DEFAULT_PORT;
    throw error;
  }
}

/** A daemon that is there but does not answer. */
function silentDaemon(home: string): number | undefined {
  const pid = readDaemonRecord(home)?.pid;
  if (pid === undefined) return undefined;
  const args = processArgs(pid);
  return args.includes("daemon") && args.includes("run") ? pid : undefined;
}

/**
 * First our edits, so that no new session starts what is about to go; then the program, so that no running session starts the
 * daemon again; then the daemon; then, if that is wanted, the data.
 */
export async function applyUninstall(plan: UninstallPlan, options: { removeData: boolean }): Promise<UninstallReport> {
  const { paths } = plan;
  if (options.removeData) checkRemovable(paths);
  const files = plan.undoables.map((file) => file.undo({ isDryRun: false }));
  const left = files
    .filter((file) => file.outcome === "left")
    .map((file) => ({ what: file.file, why: file.detail ?? "it cannot be edited" }));
  const isUndone = files.every((file) => file.outcome !== "left");
  if (plan.only) return { ok: isUndone, files, daemon_stopped: false, data: "none", left };
  // Before the program that it starts.
  if (plan.service) await uninstallService(paths, process.env);
  removeProgram(paths);
  if (existsSync(paths.bin)) left.push({ what: paths.bin, why: "somebody put other files there" });
  const stopped = await stop(plan);
  if (stopped.why) left.push({ what: `the daemon, process ${plan.daemon}`, why: stopped.why });
  const mayRemove = options.removeData && stopped.why === undefined && left.length === 0;
  if (options.removeData && !mayRemove)
    left.push({ what: paths.home, why: "it is needed until the above is settled; then run uninstall again" });
  if (mayRemove) removeHome(paths);
  else if (stopped.why === undefined) removeTraces(paths);
  const isDataLeft = !mayRemove && plan.hasData;
  if (isDataLeft && !options.removeData)
    left.push({
      what: paths.home,
      why: "your messages, token, config and logs. `npx repowire uninstall --remove-data` removes them too",
    });
  return {
    ok: stopped.why === undefined && isUndone,
    files,
    daemon_stopped: stopped.isStopped,
    data: isDataLeft ? "kept" : options.removeData && plan.hasData ? "removed" : "none",
    left,
  };
}

async function stop(plan: UninstallPlan): Promise<{ isStopped: boolean; why?: string }> {
  if (plan.daemon === undefined) return { isStopped: false };
  try {
    if (await stopDaemon(plan.paths.home)) return { isStopped: true };
    // It went with its service.
    if (plan.service && !processInfo(plan.daemon)) return { isStopped: true };
    return { isStopped: false, why: `it does not answer. Stop it yourself: kill ${plan.daemon}` };
  } catch (error) {
    if (error instanceof RepowireError) return { isStopped: false, why: asRepowireError(error).message };
    throw error;
  }
}
