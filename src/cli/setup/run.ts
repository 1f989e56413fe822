import { findDaemon } from "../../client/index.ts";
import { loadConfig } from "../../platform/config.ts";
import { systemRefusal } from "../../platform/files.ts";
import { type HomePaths, homePaths } from "../../platform/paths.ts";
import { type InboundPolicy, type Problem, RepowireError, toProblem } from "../../protocol/index.ts";
import {
  applyClaude,
  type ClaudeCli,
  type ClaudeFiles,
  type ClaudeNotice,
  claudeEdits,
  claudeFiles,
  claudeNotices,
  findClaude,
  HOW_TO_GET_CLAUDE,
  planClaude,
} from "../../setup/claude-code.ts";
import { type RunningSession, runningSessions } from "../../setup/claude-sessions.ts";
import { setConfigValue } from "../../setup/config-file.ts";
import type { FilePlan } from "../../setup/edits.ts";
import {
  currentVersion,
  type InstalledProgram,
  installProgram,
  type OldVersions,
  removeOldVersions,
} from "../../setup/install.ts";
import { type Launcher, writeLaunchers } from "../../setup/launchers.ts";
import { type StartedDaemon, startInstalledDaemon } from "./daemon.ts";
import { runSelfTest, type SelfTest } from "./selftest.ts";

/** What setup found and would do, before anything is done. */
export interface SetupPlan {
  paths: HomePaths;
  /** The version that is installed in this home now. */
  installed: string | undefined;
  cli: ClaudeCli;
  files: ClaudeFiles;
  edits: FilePlan[];
  notices: ClaudeNotice[];
  /** Whether the user has decided about sessions without permission prompts. */
  inboundIsSet: boolean;
  inbound: InboundPolicy;
  withChannels: boolean;
}

export interface SetupChoices {
  allowTools: boolean;
  /** Written to config.yaml; undefined: left as it is. */
  inbound?: InboundPolicy;
}

export interface SetupReport {
  ok: boolean;
  program?: InstalledProgram;
  oldVersions?: OldVersions;
  launchers: Launcher[];
  files: FilePlan[];
  daemon?: StartedDaemon;
  selftest?: SelfTest;
  restart: RunningSession[];
  error?: Problem;
}

const RUNTIMES: readonly string[] = ["claude-code"];

/** Refuses runtimes that setup does not know; without a name all of them are meant, which is one so far. */
export function checkRuntime(name: string | undefined): void {
  if (name === undefined || RUNTIMES.includes(name)) return;
  throw new RepowireError(
    "invalid_input",
    `repowire cannot set up "${name}". It can set up: ${RUNTIMES.join(", ")}. Other MCP clients can use the daemon at /mcp.`,
  );
}

/** Looks at everything that setup would touch, and refuses with what stands in the way. Changes nothing. */
export async function planSetup(home: string, options: { withChannels: boolean }): Promise<SetupPlan> {
  if (process.platform === "win32")
    throw new RepowireError("unavailable", "repowire runs on Linux and macOS; on Windows, install it inside WSL 2.");
  const paths = homePaths(home);
  const { values, origins } = loadConfig(home);
  const files = claudeFiles(process.env);
  const cli = await findClaude(process.env);
  if (!cli) throw new RepowireError("not_found", HOW_TO_GET_CLAUDE);
  return {
    paths,
    installed: currentVersion(paths),
    cli,
    files,
    edits: planClaude(paths, claudeEdits(paths, files, { allowTools: true })),
    notices: claudeNotices(process.env, files, cli),
    inboundIsSet: origins.inbound_without_prompts !== "default",
    inbound: values.inbound_without_prompts,
    withChannels: options.withChannels,
  };
}

/**
 * Does what the plan says. What comes first is what later steps need: the program, its launchers, the files that name them, the
 * daemon, a question as proof. A step that fails ends it; the report says which and what was done before.
 */
export async function applySetup(plan: SetupPlan, choices: SetupChoices): Promise<SetupReport> {
  const { paths } = plan;
  const report: SetupReport = { ok: false, launchers: [], files: [], restart: [] };
  try {
    report.program = await installProgram(paths);
    const wanted: Launcher[] = ["cli", "hook", "channel", ...(plan.withChannels ? (["claude"] as const) : [])];
    report.launchers = writeLaunchers(paths, wanted);
    for (const edits of claudeEdits(paths, plan.files, choices)) report.files.push(applyClaude(paths, edits));
    if (choices.inbound) setConfigValue(paths, "inbound_without_prompts", choices.inbound);
    report.restart = runningSessions(paths, plan.files).filter((session) => session.needs_restart);
    const mustRestart = choices.inbound !== undefined && choices.inbound !== plan.inbound;
    report.daemon = await startInstalledDaemon(paths, report.program, { mustRestart });
    // The daemon before may have been what ran from one of them.
    report.oldVersions = removeOldVersions(paths);
    report.selftest = await testSetup(paths);
    report.ok = report.selftest.ok;
  } catch (error) {
    const refusal = error instanceof RepowireError ? error : systemRefusal(error);
    if (!refusal) throw error;
    report.error = toProblem(refusal);
  }
  return report;
}

async function testSetup(paths: HomePaths): Promise<SelfTest> {
  const address = await findDaemon(paths.home);
  if (address) return runSelfTest(paths.cliLauncher, address);
  return { ok: false, failure: "the daemon stopped again", next: "`repowire daemon logs` says why" };
}
