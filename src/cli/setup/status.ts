import { findDaemon, httpMesh, probeDaemon } from "../../client/index.ts";
import { type ConfigKey, loadConfig, type Origin } from "../../platform/config.ts";
import { type HomePaths, homePaths } from "../../platform/paths.ts";
import { processInfo } from "../../platform/process.ts";
import {
  type Abilities,
  DEFAULT_PORT,
  factsOf,
  type Health,
  type Pause,
  type Peer,
  RepowireError,
  type Runtime,
  VERSION,
} from "../../protocol/index.ts";
import type { FilePlan } from "../../setup/edits.ts";
import { currentVersion, currentVersionFolder } from "../../setup/install.ts";
import { LAUNCHERS, type Launcher, launcherState } from "../../setup/launchers.ts";
import type { FoundCli, RunningSession, RuntimeSetup } from "../../setup/runtime-setup.ts";
import { RUNTIME_SETUPS } from "../../setup/runtimes.ts";
import { runningSessions } from "../../setup/sessions.ts";
import type { EditState, Part } from "../../setup/values.ts";
import { planWanted } from "../../setup/wanted.ts";
import { launchersOf } from "./run.ts";

/** What could be better, and the one thing to do about it. */
export interface Advice {
  found: string;
  next: string;
  /** `broken`: something that was set up does not work; `daemon`: it says so of itself. Absent: it could be better. */
  of?: "broken" | "daemon";
}

interface PartState {
  there: number;
  of: number;
}

export interface RuntimeStatus {
  runtime: Runtime;
  label: string;
  cli: FoundCli | null;
  config_dir: string;
  /** Whether anything of ours is in its files. */
  installed: boolean;
  /** Absent where its files cannot be read. */
  parts?: Partial<Record<Part, PartState>>;
  /** Its step through the CLI's own program: Codex's trust for the hooks. */
  step?: { what: string; done: boolean };
  /** Sessions of it that are peers now. */
  active: number;
  /** What its sessions let repowire do. */
  abilities: Abilities | undefined;
}

export interface Status {
  version: string;
  home: string;
  program: { installed?: string; launchers: Record<string, ReturnType<typeof launcherState>> };
  daemon: (Health & { port: number }) | null;
  config: { file: string; values?: Partial<Record<ConfigKey, { value: unknown; origin: Origin }>>; error?: string };
  /** Every agent CLI that setup knows, found or not. */
  runtimes: RuntimeStatus[];
  peers: Peer[];
  /** What the loop guard has stopped. */
  paused: Pause[];
  /** Sessions that a person has open and that have not joined. */
  not_peers: RunningSession[];
  advice: Advice[];
}

/** Looks at everything and changes nothing; no daemon is started. What cannot be found out is told as such. */
export async function collectStatus(home: string): Promise<Status> {
  const paths = homePaths(home);
  const env = process.env;
  const installed = currentVersion(paths);
  const { daemon, peers, paused } = await lookAtDaemon(home);
  const config = lookAtConfig(paths);
  const port = Number(config.values?.port?.value ?? DEFAULT_PORT);
  const looks = await Promise.all(RUNTIME_SETUPS.map((row) => lookAtRuntime(paths, row, port, peers)));
  const status: Status = {
    version: VERSION,
    home,
    program: { installed, launchers: launcherStates(paths) },
    daemon,
    config,
    runtimes: looks.map((look) => look.status),
    peers,
    paused,
    not_peers: RUNTIME_SETUPS.flatMap((row) => notPeers(paths, row, peers)),
    advice: [],
  };
  const isChannelUser = status.program.launchers[LAUNCHERS.claude] === "there";
  const notices = RUNTIME_SETUPS.flatMap((row, index) => {
    const { cli } = looks[index]?.status ?? {};
    return cli ? row.notices(env, paths, cli) : [];
  }).filter((notice) => !notice.isGeneral && (isChannelUser || !notice.isAboutChannels));
  status.advice = [...advise(status, looks), ...notices.map(({ found, next }) => ({ found, next }))];
  return status;
}

interface RuntimeLook {
  row: RuntimeSetup;
  status: RuntimeStatus;
  /** Why its files cannot be looked at. */
  problem?: string;
}

async function lookAtRuntime(
  paths: HomePaths,
  row: RuntimeSetup,
  port: number,
  peers: readonly Peer[],
): Promise<RuntimeLook> {
  const env = process.env;
  const status: RuntimeStatus = {
    runtime: row.runtime,
    label: row.label,
    cli: (await row.find(env)) ?? null,
    config_dir: row.configDir(env),
    installed: false,
    active: peers.filter((peer) => peer.runtime === row.runtime && peer.presence.state !== "offline").length,
    abilities: factsOf(row.runtime)?.abilities,
  };
  try {
    const context = { paths, env, allowTools: true, port, program: currentVersionFolder(paths) };
    const plans = planWanted(paths, row, row.files(context));
    status.parts = partsOf(plans);
    status.installed = Object.values(status.parts).some(({ there }) => there > 0);
    if (row.step && status.installed) status.step = { what: row.step.what, done: row.step.isDone(context) };
    return { row, status };
  } catch (error) {
    if (error instanceof RepowireError) return { row, status, problem: error.message };
    throw error;
  }
}

function partsOf(plans: readonly FilePlan[]): Partial<Record<Part, PartState>> {
  const parts: Partial<Record<Part, PartState>> = {};
  const count = (part: Part | undefined, state: EditState) => {
    if (!part) return;
    const { there, of } = parts[part] ?? { there: 0, of: 0 };
    parts[part] = { there: there + (state === "there" ? 1 : 0), of: of + 1 };
  };
  for (const { edits, own } of plans) {
    for (const { edit, state } of edits) count(edit.part, state);
    if (own) count(own.part, own.state);
  }
  return parts;
}

/**
 * Open sessions that have not joined. A peer's process is the session's, its launcher's or its child's; one that is reached through a
 * server of its CLI is known only by its folder, so there as many count as joined as there are peers.
 */
function notPeers(paths: HomePaths, row: RuntimeSetup, peers: readonly Peer[]): RunningSession[] {
  const joined = peers.filter((peer) => peer.runtime === row.runtime && peer.presence.state !== "offline");
  const sessions = lookAtSessions(paths, row);
  const isProcess = (peer: Peer, pid: number) =>
    peer.pid === pid ||
    (peer.pid !== undefined && (processInfo(peer.pid)?.ppid === pid || processInfo(pid)?.ppid === peer.pid));
  const unmatched = joined.filter((peer) => !sessions.some((session) => isProcess(peer, session.pid)));
  return sessions.filter((session) => {
    if (joined.some((peer) => isProcess(peer, session.pid))) return false;
    const here = unmatched.findIndex((peer) => row.runtime !== "claude-code" && peer.path === session.cwd);
    if (here !== -1) unmatched.splice(here, 1);
    return here === -1;
  });
}

async function lookAtDaemon(home: string): Promise<Pick<Status, "daemon" | "peers" | "paused">> {
  const address = await findDaemon(home);
  const health = address && (await probeDaemon(address));
  if (!health) return { daemon: null, peers: [], paused: [] };
  const mesh = httpMesh(address);
  const [{ peers }, { pauses: paused }] = await Promise.all([mesh.peers({}), mesh.pauses({})]);
  return { daemon: { ...health, port: address.port }, peers, paused };
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

function lookAtSessions(paths: HomePaths, row: RuntimeSetup): RunningSession[] {
  try {
    return runningSessions(paths, row, process.env);
  } catch (error) {
    // An unreadable record of setup is among the advice already.
    if (error instanceof RepowireError) return [];
    throw error;
  }
}

function launcherStates(paths: HomePaths): Status["program"]["launchers"] {
  // Object.keys forgets the keys' type.
  const launchers = Object.keys(LAUNCHERS) as Launcher[];
  return Object.fromEntries(launchers.map((launcher) => [LAUNCHERS[launcher], launcherState(paths, launcher)]));
}

const SETUP = "repowire setup";

function advise(status: Status, looks: readonly RuntimeLook[]): Advice[] {
  const { program, daemon } = status;
  const advice: Advice[] = [];
  const found = looks.filter(({ status: { cli } }) => cli);
  if (found.length === 0) advice.push({ found: "no agent CLI was found on the PATH", next: "install one of them" });
  const wanted = launchersOf(
    found.filter((look) => look.status.installed).map(({ row }) => row),
    { withChannels: false },
  ).map((launcher) => LAUNCHERS[launcher]);
  const missing = wanted.filter((name) => program.launchers[name] !== "there");
  if (!program.installed) advice.push({ found: "repowire is not installed in this home", next: SETUP });
  else if (missing.length > 0)
    advice.push({
      found: `${missing.join(", ")} in the home's bin folder: missing or of another version`,
      next: SETUP,
      of: "broken",
    });
  for (const look of found)
    advice.push(...adviseRuntime(look, program.installed !== undefined && missing.length === 0));
  const broken = Object.entries(daemon?.parts ?? {}).filter(([, part]) => !part.ok);
  for (const [name, part] of broken)
    advice.push({
      found: `the daemon's ${name} is not well: ${part.detail ?? "no detail"}`,
      next: "repowire daemon logs",
      of: "daemon",
    });
  for (const peer of status.peers.filter((other) => other.inbound !== "accept"))
    advice.push({
      found: `messages for ${peer.name} are on ${peer.inbound}: ${(peer.inbound_reason ?? "").split("; fix:")[0]}`,
      next: `repowire peer inbound ${peer.name} accept`,
    });
  if (daemon) advice.push(...status.not_peers.map(adviseSession));
  if (process.platform === "darwin")
    advice.push({
      found: "on macOS, how processes are looked up was never tried on a real machine",
      next: "tell us what you see",
    });
  return advice;
}

const MISSING_PARTS: Record<Part, (label: string) => string> = {
  server: (label) => `${label} does not start repowire's MCP server, so its sessions have no tools`,
  hooks: (label) => `${label}: not all hooks are there, so receipts are incomplete`,
  tools: (label) => `${label} asks before it uses some of the repowire tools`,
  plugin: (label) => `${label} does not load repowire's plugin of this version`,
  screen: (label) => `${label}: repowire cannot tell which session is on the screen`,
};

/** `isInstalled`: what is missing for everything is told once, not again for each CLI. */
function adviseRuntime({ row, status, problem }: RuntimeLook, isInstalled: boolean): Advice[] {
  const { runtime, label, cli, parts, step, installed } = status;
  const next = `${SETUP} ${runtime}`;
  const advice: Advice[] = [];
  if (problem) advice.push({ found: problem, next, of: "broken" });
  if (cli && !cli.version)
    advice.push({ found: `${cli.path} --version gave no version`, next: "see whether it starts", of: "broken" });
  if (!isInstalled || !parts) return advice;
  if (!installed) return [...advice, { found: `${label} is not set up, so its sessions do not join`, next }];
  // Object.entries forgets the keys' type.
  for (const [part, { there, of }] of Object.entries(parts) as [Part, PartState][])
    if (there < of)
      advice.push({ found: MISSING_PARTS[part](label), next, of: part === "tools" ? undefined : "broken" });
  if (step && !step.done)
    advice.push({ found: `${label}: not yet: ${step.what}`, next: `${next}, or ${row.step?.otherwise}`, of: "broken" });
  return advice;
}

/** Some join only with their first prompt. */
const SOON = "send it a prompt; if it stays so, restart it";

function adviseSession(session: RunningSession): Advice {
  const row = RUNTIME_SETUPS.find(({ runtime }) => runtime === session.runtime);
  const place = `${session.cwd ?? "a folder not known"} (${row?.label ?? session.runtime}, process ${session.pid})`;
  const why = session.needs_restart ? undefined : row?.whyNoPeer?.(process.env, session);
  const reason = session.needs_restart ? ": it started before setup" : why ? `: ${why.found}` : "";
  return {
    found: `the session in ${place} is no peer${reason}`,
    next: why ? `${why.next}; then restart it` : session.needs_restart ? "restart it" : SOON,
  };
}
