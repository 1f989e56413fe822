import { findDaemon } from "../../client/index.ts";
import { loadConfig } from "../../platform/config.ts";
import { systemRefusal } from "../../platform/files.ts";
import { type HomePaths, homePaths } from "../../platform/paths.ts";
import { ensureToken } from "../../platform/token.ts";
import { type InboundPolicy, type Problem, RepowireError, toProblem } from "../../protocol/index.ts";
import { setConfigValue } from "../../setup/config-file.ts";
import type { FilePlan } from "../../setup/edits.ts";
import {
  currentVersion,
  currentVersionFolder,
  type InstalledProgram,
  installProgram,
  type OldVersions,
  removeOldVersions,
  whileAlone,
} from "../../setup/install.ts";
import { type Launcher, writeLaunchers } from "../../setup/launchers.ts";
import type { FoundCli, RunningSession, RuntimeSetup, SetupContext, SetupNotice } from "../../setup/runtime-setup.ts";
import { RUNTIME_SETUPS, runtimesNamed } from "../../setup/runtimes.ts";
import { runningSessions } from "../../setup/sessions.ts";
import { applyWanted, planWanted } from "../../setup/wanted.ts";
import { type StartedDaemon, startInstalledDaemon } from "./daemon.ts";
import { runSelfTest, type SelfTest } from "./selftest.ts";

/** What setup found of one agent CLI, and would do for it. */
export interface RuntimePlan {
  row: RuntimeSetup;
  cli: FoundCli;
  files: FilePlan[];
  notices: readonly SetupNotice[];
  /** Whether its step through the CLI's own program is still to be taken. */
  hasStep: boolean;
  /** Why nothing can be done for it. */
  problem?: RepowireError;
}

/** What setup found and would do, before anything is done. */
export interface SetupPlan {
  paths: HomePaths;
  /** The version that is installed in this home now. */
  installed: string | undefined;
  /** Those that were found. */
  runtimes: RuntimePlan[];
  /** Those that were looked for and are not on this machine. */
  absent: RuntimeSetup[];
  port: number;
  /** Whether the user has decided about sessions without permission prompts. */
  inboundIsSet: boolean;
  inbound: InboundPolicy;
  withChannels: boolean;
}

export interface SetupChoices {
  allowTools: boolean;
  /** Whether CLIs may be asked to take their steps: Codex to trust the hooks. */
  takeSteps: boolean;
  /** Written to config.yaml; undefined: left as it is. */
  inbound?: InboundPolicy;
}

export interface RuntimeReport {
  row: RuntimeSetup;
  files: FilePlan[];
  /** The step through the CLI's own program; absent where there was nothing to take. */
  step?: "taken" | "declined" | "failed";
  restart: RunningSession[];
  error?: Problem;
}

export interface SetupReport {
  ok: boolean;
  program?: InstalledProgram;
  oldVersions?: OldVersions;
  launchers: Launcher[];
  runtimes: RuntimeReport[];
  daemon?: StartedDaemon;
  selftest?: SelfTest;
  error?: Problem;
}

/** The commands that the installed configurations name. */
export function launchersOf(rows: readonly RuntimeSetup[], options: { withChannels: boolean }): Launcher[] {
  return [...new Set<Launcher>(["cli", ...rows.flatMap((row) => row.launchers(options))])];
}

/** Looks at everything that setup would touch, and refuses with what stands in the way. Changes nothing. */
export async function planSetup(
  home: string,
  options: { withChannels: boolean; runtime: string | undefined },
): Promise<SetupPlan> {
  const rows = runtimesNamed(options.runtime);
  if (process.platform === "win32")
    throw new RepowireError("unavailable", "repowire runs on Linux and macOS; on Windows, install it inside WSL 2.");
  const paths = homePaths(home);
  const { values, origins } = loadConfig(home);
  const found = await Promise.all(rows.map(async (row) => ({ row, cli: await row.find(process.env) })));
  const absent = found.filter(({ cli }) => !cli).map(({ row }) => row);
  if (absent.length === rows.length) throw new RepowireError("not_found", nothingFound(rows));
  const runtimes = found.flatMap(({ row, cli }) => (cli ? [planRuntime(paths, row, cli, values.port)] : []));
  const open = runtimes.filter(({ problem }) => !problem);
  const [first] = runtimes.flatMap(({ problem }) => problem ?? []);
  if (open.length === 0 && first) {
    const problems = runtimes.flatMap(({ problem }) => problem?.message ?? []);
    throw new RepowireError(first.code, problems.join("\n"));
  }
  return {
    paths,
    installed: currentVersion(paths),
    runtimes,
    absent,
    port: values.port,
    inboundIsSet: origins.inbound_without_prompts !== "default",
    inbound: values.inbound_without_prompts,
    withChannels: options.withChannels,
  };
}

function nothingFound(rows: readonly RuntimeSetup[]): string {
  const [only, other] = rows;
  if (only && !other) return only.howToGet;
  const names = RUNTIME_SETUPS.map(({ label, command }) => `${label} (${command})`).join(", ");
  return `No agent CLI was found on the PATH. repowire connects these: ${names}. Install one, start it once, then run \`repowire setup\` again.`;
}

const contextOf = (paths: HomePaths, port: number, allowTools: boolean): SetupContext => ({
  paths,
  env: process.env,
  allowTools,
  port,
  program: currentVersionFolder(paths),
});

function planRuntime(paths: HomePaths, row: RuntimeSetup, cli: FoundCli, port: number): RuntimePlan {
  const plan: RuntimePlan = { row, cli, files: [], notices: row.notices(process.env, paths, cli), hasStep: false };
  try {
    const context = contextOf(paths, port, true);
    plan.files = planWanted(paths, row, row.files(context));
    plan.hasStep = row.step !== undefined && !row.step.isDone(context);
  } catch (error) {
    if (!(error instanceof RepowireError)) throw error;
    plan.problem = error;
  }
  return plan;
}

/**
 * Does what the plan says. What comes first is what later steps need: the program, its launchers, the files that name them, the
 * daemon, what the CLIs themselves have to do, a question as proof. A step that fails ends it, but one CLI's trouble does not hinder
 * the others; the report says which and what was done before.
 */
export async function applySetup(plan: SetupPlan, choices: SetupChoices): Promise<SetupReport> {
  const { paths } = plan;
  const report: SetupReport = { ok: false, launchers: [], runtimes: [] };
  try {
    await whileAlone(paths, () => carryOut(plan, choices, report));
  } catch (error) {
    report.error = refusalOf(error);
  }
  return report;
}

async function carryOut(plan: SetupPlan, choices: SetupChoices, report: SetupReport): Promise<void> {
  const { paths } = plan;
  report.program = await installProgram(paths);
  const open = plan.runtimes.filter(({ problem }) => !problem);
  report.launchers = writeLaunchers(
    paths,
    launchersOf(
      open.map(({ row }) => row),
      plan,
    ),
  );
  ensureToken(paths.home);
  const context = contextOf(paths, plan.port, choices.allowTools);
  for (const runtime of plan.runtimes) report.runtimes.push(applyRuntime(context, runtime));
  if (choices.inbound) setConfigValue(paths, "inbound_without_prompts", choices.inbound);
  const mustRestart = choices.inbound !== undefined && choices.inbound !== plan.inbound;
  report.daemon = await startInstalledDaemon(paths, report.program, { mustRestart });
  // The daemon before may have been what ran from one of them.
  report.oldVersions = removeOldVersions(paths);
  for (const runtime of report.runtimes) await takeStep(context, plan, runtime, choices);
  report.selftest = await testSetup(paths);
  report.ok = report.selftest.ok && report.runtimes.every(({ error }) => error === undefined);
}

function applyRuntime(context: SetupContext, { row, problem }: RuntimePlan): RuntimeReport {
  const { paths, env } = context;
  const report: RuntimeReport = { row, files: [], restart: [] };
  if (problem) return { ...report, error: toProblem(problem) };
  try {
    for (const file of row.files(context)) report.files.push(applyWanted(paths, row, file));
    report.restart = runningSessions(paths, row, env).filter((session) => session.needs_restart);
  } catch (error) {
    report.error = refusalOf(error);
  }
  return report;
}

async function takeStep(
  context: SetupContext,
  plan: SetupPlan,
  report: RuntimeReport,
  choices: SetupChoices,
): Promise<void> {
  const { step } = report.row;
  const cli = plan.runtimes.find(({ row }) => row === report.row)?.cli;
  if (!step || !cli || report.error || step.isDone(context)) return;
  report.step = choices.takeSteps ? "taken" : "declined";
  if (!choices.takeSteps) return;
  try {
    await step.take(context, cli);
  } catch (error) {
    report.step = "failed";
    report.error = refusalOf(error);
  }
}

/** A fault of ours goes on as one. */
function refusalOf(error: unknown): Problem {
  const refusal = error instanceof RepowireError ? error : systemRefusal(error);
  if (!refusal) throw error;
  return toProblem(refusal);
}

async function testSetup(paths: HomePaths): Promise<SelfTest> {
  const address = await findDaemon(paths.home);
  if (address) return runSelfTest(paths.cliLauncher, address);
  return { ok: false, failure: "the daemon stopped again", next: "`repowire daemon logs` says why" };
}
