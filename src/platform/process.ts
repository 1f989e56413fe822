import * as darwin from "./process/darwin.ts";
import * as linux from "./process/linux.ts";

/**
 * What is known about processes of this machine: everything that differs between systems is behind this one module. Linux reads
 * /proc; macOS asks `ps` and `lsof` and has not been tried on a real machine (`repowire status` says so).
 */

export interface ProcessInfo {
  pid: number;
  ppid: number;
  /** Start time in the system's own unit: with the pid it names one process, also after the pid is used again. */
  started: string;
  uid: number;
  /** Whether it has a controlling terminal. */
  hasTerminal: boolean;
  /** The process that leads its process session (a terminal's shell), where the system tells. */
  leader?: number;
}

/** One TCP connection over loopback, as seen from the daemon. */
export interface LoopbackConnection {
  daemonPort: number;
  clientPort: number;
  /** When it was known to be open (`performance.now()`); what was read of it later is true of it. */
  openedAt?: number;
}

interface ProcessSystem {
  bootId(): string;
  processInfo(pid: number): ProcessInfo | undefined;
  /** `started` of a running process alone. */
  startedUnit(pid: number): string | undefined;
  processArgs(pid: number): string[];
  processCwd(pid: number): string | undefined;
  /** One variable of the environment it was started with. */
  processEnv(pid: number, name: string): string | undefined;
  /** Whether this very connection is among the sockets of that process; undefined where the system does not tell. */
  ownsConnection(pid: number, connection: LoopbackConnection): boolean | undefined;
  connectionOwner(connection: LoopbackConnection): number | undefined;
  /** Whether its process group owns its terminal: what is typed there goes to it. Undefined where it has no terminal or has ended. */
  isForeground(pid: number): boolean | undefined;
  /** The process group that it belongs to; a leader's is its own pid. */
  processGroup(pid: number): number | undefined;
  /** Whether this file descriptor of it is a terminal; undefined where the system does not tell. */
  isTerminal(pid: number, fd: number): boolean | undefined;
  /** The process that listens on this loopback port. */
  listenerOwner(port: number): number | undefined;
  /** When it was started, in epoch milliseconds, give or take a second. */
  startedAt(pid: number): number | undefined;
  /** The files that a process has open, by their paths. */
  openFiles(pid: number): string[];
  /** The program that a process runs. */
  processExecutable(pid: number): string | undefined;
  /** The command lines of all processes that may be looked at. */
  commandLines(): CommandLine[];
}

export interface CommandLine {
  pid: number;
  args: string[];
  /** The program's file, whatever the process calls itself; where the system tells it with the rest. */
  executable?: string;
}

const system: ProcessSystem = process.platform === "darwin" ? darwin : linux;

export const {
  processInfo,
  processArgs,
  processCwd,
  processEnv,
  ownsConnection,
  connectionOwner,
  startedAt,
  isForeground,
  processGroup,
  isTerminal,
  listenerOwner,
  commandLines,
  openFiles,
  processExecutable,
} = system;

/** Processes that run a program of this folder, or were started with a file in it. Pass the folder's real path. */
export function processesFrom(folder: string): CommandLine[] {
  const isInside = (path: string) => path.startsWith(`${folder}/`);
  return system.commandLines().filter(({ args, executable }) => args.some(isInside) || isInside(executable ?? ""));
}

let boot: string | undefined;
/** Names this run of the machine. */
export function bootId(): string {
  boot ??= system.bootId();
  return boot;
}

export interface Instance {
  pid: number;
  started: string;
  boot: string;
}

export function instanceOf(pid: number): Instance | undefined {
  const info = processInfo(pid);
  return info && { pid, started: info.started, boot: bootId() };
}

/** Whether that very process still runs; its pid may long belong to another. */
export function isAlive(instance: Instance): boolean {
  return instance.boot === bootId() && system.startedUnit(instance.pid) === instance.started;
}

const ANCESTORS_MAX = 64;

/** The process and its living parents, nearest first. */
export function ancestry(pid: number): ProcessInfo[] {
  const chain: ProcessInfo[] = [];
  for (
    let next = processInfo(pid);
    next && chain.length < ANCESTORS_MAX;
    next = next.ppid > 0 ? processInfo(next.ppid) : undefined
  ) {
    chain.push(next);
  }
  return chain;
}

/** The process and its living parents, as instances. */
export function ancestors(pid: number): Instance[] {
  return ancestry(pid).map((info) => ({ pid: info.pid, started: info.started, boot: bootId() }));
}

/** "repowire(812) ← zsh(790) ← tmux(401)", for the log of what was done with a person's rights. */
export function describeChain(chain: readonly ProcessInfo[]): string {
  return chain.map((info) => `${processArgs(info.pid)[0]?.split("/").at(-1) ?? "?"}(${info.pid})`).join(" ← ");
}
