import { findDaemon, httpMesh, probeDaemon } from "../../client/index.ts";
import { type ConfigKey, loadConfig, type Origin } from "../../platform/config.ts";
import { type HomePaths, homePaths } from "../../platform/paths.ts";
import { type Health, type Peer, RepowireError, VERSION } from "../../protocol/index.ts";
import {
  type ClaudeCli,
  claudeEdits,
  claudeFiles,
  claudeNotices,
  findClaude,
  HOW_TO_GET_CLAUDE,
  planClaude,
} from "../../setup/claude-code.ts";
import { type RunningSession, runningSessions } from "../../setup/claude-sessions.ts";
import type { FilePlan } from "../../setup/edits.ts";
import { currentVersion } from "../../setup/install.ts";
import { LAUNCHERS, type Launcher, launcherState } from "../../setup/launchers.ts";
import type { Edit, EditState } from "../../setup/values.ts";

/** What could be better, and the one thing to do about it. */
export interface Advice {
  found: string;
  next: string;
}

interface PartState {
  there: number;
  of: number;
}

export interface Status {
  version: string;
  home: string;
  program: { installed?: string; launchers: Record<string, ReturnType<typeof launcherState>> };
  daemon: (Health & { port: number }) | null;
  config: { file: string; values?: Partial<Record<ConfigKey, { value: unknown; origin: Origin }>>; error?: string };
  claude_code: {
    cli: ClaudeCli | null;
    config_dir: string;
    server?: PartState;
    hooks?: PartState;
    tools?: PartState;
  };
  peers: Peer[];
  /** Sessions that a person has open and that have not joined. */
  not_peers: RunningSession[];
  advice: Advice[];
}

/** Looks at everything and changes nothing; no daemon is started. What cannot be found out is told as such. */
export async function collectStatus(home: string): Promise<Status> {
  const paths = homePaths(home);
  const files = claudeFiles(process.env);
  const cli = (await findClaude(process.env)) ?? null;
  const installed = currentVersion(paths);
  const { daemon, peers } = await lookAtDaemon(home);
  const { edits, problem } = lookAtFiles(paths, files);
  const sessions = lookAtSessions(paths, files);
  const notPeers = daemon ? sessions.filter((session) => !peers.some((peer) => peer.pid === session.pid)) : sessions;
  const status: Status = {
    version: VERSION,
    home,
    program: { installed, launchers: launchersOf(paths) },
    daemon,
    config: lookAtConfig(paths),
    claude_code: {
      cli,
      config_dir: files.configDir,
      server: edits && countOf(edits, "key"),
      hooks: edits && countOf(edits, "hook"),
      tools: edits && countOf(edits, "item"),
    },
    peers,
    not_peers: notPeers,
    advice: [],
  };
  const isChannelUser = status.program.launchers[LAUNCHERS.claude] === "there";
  const notices = claudeNotices(process.env, files, cli ?? undefined).filter(
    (notice) => isChannelUser || !notice.isAboutChannels,
  );
  status.advice = [...advise(status, problem), ...notices.map(({ found, next }) => ({ found, next }))];
  return status;
}

async function lookAtDaemon(home: string): Promise<{ daemon: Status["daemon"]; peers: Peer[] }> {
  const address = await findDaemon(home);
  const health = address && (await probeDaemon(address));
  if (!health) return { daemon: null, peers: [] };
  const { peers } = await httpMesh(address).peers({});
  return { daemon: { ...health, port: address.port }, peers };
}

function lookAtConfig(paths: HomePaths): Status["config"] {
  try {
    const { values, origins } = loadConfig(paths.home);
    // The loader fills an origin for every key of its schema.
    const keys = Object.keys(origins) as ConfigKey[];
    const rows = keys.map((key) => [key, { value: values[key], origin: origins[key] }]);
    return { file: paths.config, values: Object.fromEntries(rows) };
  } catch (error) {
    if (error instanceof RepowireError) return { file: paths.config, error: error.message };
    throw error;
  }
}

function lookAtFiles(
  paths: HomePaths,
  files: ReturnType<typeof claudeFiles>,
): { edits?: FilePlan["edits"]; problem?: string } {
  try {
    const plans = planClaude(paths, claudeEdits(paths, files, { allowTools: true }));
    return { edits: plans.flatMap((plan) => plan.edits) };
  } catch (error) {
    if (error instanceof RepowireError) return { problem: error.message };
    throw error;
  }
}

function lookAtSessions(paths: HomePaths, files: ReturnType<typeof claudeFiles>): RunningSession[] {
  try {
    return runningSessions(paths, files);
  } catch (error) {
    // An unreadable record of setup is among the advice already.
    if (error instanceof RepowireError) return [];
    throw error;
  }
}

function launchersOf(paths: HomePaths): Status["program"]["launchers"] {
  // Object.keys forgets the keys' type.
  const launchers = Object.keys(LAUNCHERS) as Launcher[];
  return Object.fromEntries(launchers.map((launcher) => [LAUNCHERS[launcher], launcherState(paths, launcher)]));
}

function countOf(edits: readonly { edit: Edit; state: EditState }[], kind: Edit["kind"]): PartState {
  const parts = edits.filter(({ edit }) => edit.kind === kind);
  return { there: parts.filter(({ state }) => state === "there").length, of: parts.length };
}

const SETUP = "repowire setup";

function advise(status: Status, problem: string | undefined): Advice[] {
  const { program, claude_code: claude, daemon } = status;
  const advice: Advice[] = [];
  const isWhole = (part: PartState | undefined) => part !== undefined && part.there === part.of;
  if (problem) advice.push({ found: problem, next: SETUP });
  if (!claude.cli) advice.push({ found: HOW_TO_GET_CLAUDE.split(".")[0] ?? "", next: "install Claude Code" });
  else if (!claude.cli.version)
    advice.push({ found: `${claude.cli.path} --version gave no version`, next: "see whether it starts" });
  const missing = [LAUNCHERS.cli, LAUNCHERS.hook, LAUNCHERS.channel].filter(
    (name) => program.launchers[name] !== "there",
  );
  if (!program.installed) advice.push({ found: "repowire is not installed in this home", next: SETUP });
  else if (missing.length > 0)
    advice.push({
      found: `${missing.join(", ")} in the home's bin folder: missing or of another version`,
      next: SETUP,
    });
  else if (!problem) {
    if (!isWhole(claude.server))
      advice.push({ found: "Claude Code does not start repowire's MCP server", next: SETUP });
    if (!isWhole(claude.hooks))
      advice.push({ found: "not all hooks are there, so receipts and approvals are incomplete", next: SETUP });
    if (!isWhole(claude.tools))
      advice.push({ found: "Claude Code asks before it uses some of the repowire tools", next: SETUP });
  }
  const broken = Object.entries(daemon?.parts ?? {}).filter(([, part]) => !part.ok);
  for (const [name, part] of broken)
    advice.push({
      found: `the daemon's ${name} is not well: ${part.detail ?? "no detail"}`,
      next: "repowire daemon logs",
    });
  for (const peer of status.peers.filter((other) => other.inbound !== "accept"))
    advice.push({
      found: `messages for ${peer.name} are on ${peer.inbound}: ${(peer.inbound_reason ?? "").split("; fix:")[0]}`,
      next: `repowire peer inbound ${peer.name} accept`,
    });
  if (daemon)
    for (const session of status.not_peers)
      advice.push({
        found: `the session in ${session.cwd ?? "a folder not known"} (process ${session.pid}) is no peer${session.needs_restart ? ": it started before setup" : ""}`,
        next: "restart it",
      });
  if (process.platform === "darwin")
    advice.push({
      found: "on macOS, how processes are looked up was never tried on a real machine",
      next: "tell us what you see",
    });
  return advice;
}
