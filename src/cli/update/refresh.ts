import { z } from "zod";
import { loadConfig } from "../../platform/config.ts";
import { systemRefusal } from "../../platform/files.ts";
import type { HomePaths } from "../../platform/paths.ts";
import { asRepowireError, RepowireError, Runtime } from "../../protocol/index.ts";
import { currentVersionFolder } from "../../setup/install.ts";
import { LAUNCHERS, type Launcher, launcherState, writeLaunchers } from "../../setup/launchers.ts";
import { readSetupRecord } from "../../setup/record.ts";
import { isOwnFile, type RuntimeSetup, type SetupContext, type WantedFile } from "../../setup/runtime-setup.ts";
import { RUNTIME_SETUPS } from "../../setup/runtimes.ts";
import { runningSessions } from "../../setup/sessions.ts";
import { applyWanted, planWanted } from "../../setup/wanted.ts";
import { launchersOf } from "../setup/run.ts";

/** What became of what an earlier version's setup had installed. */
export const Refreshed = z.object({
  launchers: z.array(z.string()),
  /** Files of agent CLIs that had to be changed. */
  changed: z.array(z.string()),
  /** What could not be refreshed; it stays as the earlier version left it. */
  problems: z.array(z.object({ runtime: Runtime, detail: z.string() })),
  /** Sessions that began before a change that only a new session sees. */
  restart: z.array(z.object({ runtime: Runtime, pid: z.number(), cwd: z.string().optional() })),
});
export type Refreshed = z.infer<typeof Refreshed>;

/**
 * Brings launchers and the files of the CLIs that were set up to this version's form. Nobody is asked, so nothing is allowed that was
 * not: CLIs that were not set up stay as they are, and no tool gets a permission that it did not have.
 */
export function refreshSetup(paths: HomePaths): Refreshed {
  const record = readSetupRecord(paths);
  const known = new Set([...record.files, ...record.own_files].map(({ runtime }) => runtime));
  const rows = RUNTIME_SETUPS.filter(({ runtime }) => known.has(runtime));
  const report: Refreshed = { launchers: [], changed: [], problems: [], restart: [] };
  report.launchers = writeLaunchers(paths, launchersNow(paths, rows)).map((launcher) => LAUNCHERS[launcher]);
  for (const row of rows) {
    try {
      const before = report.changed.length;
      for (const file of row.files(contextOf(paths))) {
        const plan = applyWanted(paths, row, withoutNewTools(paths, row, file));
        if (plan.hasChanges) report.changed.push(plan.file);
      }
      if (report.changed.length === before) continue;
      const sessions = runningSessions(paths, row, process.env).filter((session) => session.needs_restart);
      report.restart.push(...sessions.map(({ runtime, pid, cwd }) => ({ runtime, pid, cwd })));
    } catch (error) {
      const refusal = error instanceof RepowireError ? error : systemRefusal(error);
      if (!refusal) throw error;
      report.problems.push({ runtime: row.runtime, detail: asRepowireError(refusal).message });
    }
  }
  return report;
}

/** `repowire-claude` is there for those who chose it. */
function launchersNow(paths: HomePaths, rows: readonly RuntimeSetup[]): Launcher[] {
  return launchersOf(rows, { withChannels: launcherState(paths, "claude") !== "missing" });
}

const contextOf = (paths: HomePaths): SetupContext => ({
  paths,
  env: process.env,
  allowTools: true,
  port: loadConfig(paths.home).values.port,
  program: currentVersionFolder(paths),
});

function withoutNewTools(paths: HomePaths, row: RuntimeSetup, file: WantedFile): WantedFile {
  if (isOwnFile(file)) return file.part === "tools" ? { ...file, isDeclined: true } : file;
  const [plan] = planWanted(paths, row, [file]);
  const isAllowed = (edit: (typeof file.edits)[number]) =>
    edit.part !== "tools" || plan?.edits.some((found) => found.edit === edit && found.state === "there");
  return { ...file, edits: file.edits.filter(isAllowed) };
}
