import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { CommandLine, LoopbackConnection, ProcessInfo } from "../process.ts";
import { inodeOfConnection } from "./socket-diag.ts";

/** Reads a file of /proc; a process may end at any moment, and other users' files are closed to us. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return undefined;
  }
}

let boot: string | undefined;

/** Stays the same as long as any process of this boot lives, so it is read once. */
export function bootId(): string {
  boot ??= read("/proc/sys/kernel/random/boot_id")?.trim() ?? "unknown";
  return boot;
}

/** The fields of a process's `stat` from its state on; undefined where it has ended. */
function runningStat(pid: number): string[] | undefined {
  const stat = read(`/proc/${pid}/stat`);
  // The second field is the command in parentheses and may itself hold spaces and parentheses.
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  const state = fields?.[0];
  return state === "Z" || state === "X" ? undefined : fields;
}

/** When the process was started, if it runs: less to read than all of `processInfo`, for those who look often. */
export const startedUnit = (pid: number): string | undefined => runningStat(pid)?.[19];

export function processInfo(pid: number): ProcessInfo | undefined {
  const fields = runningStat(pid);
  const [, ppid, , session, tty] = fields ?? [];
  const started = fields?.[19];
  if (!started) return undefined;
  const uid = Number(read(`/proc/${pid}/status`)?.match(/^Uid:\s+(\d+)/m)?.[1] ?? -1);
  return { pid, ppid: Number(ppid), started, uid, hasTerminal: tty !== "0", leader: Number(session) || undefined };
}

export function isForeground(pid: number): boolean | undefined {
  const stat = read(`/proc/${pid}/stat`);
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [, , group, , tty, foreground] = fields ?? [];
  return group === undefined || tty === "0" ? undefined : group === foreground;
}

export function processGroup(pid: number): number | undefined {
  const stat = read(`/proc/${pid}/stat`);
  const group = Number(stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[2]);
  return group > 0 ? group : undefined;
}

export function isTerminal(pid: number, fd: number): boolean | undefined {
  const file = linkOf(`/proc/${pid}/fd/${fd}`);
  return file === undefined ? undefined : /^\/dev\/(?:pts\/|tty|console)/.test(file);
}

export function processArgs(pid: number): string[] {
  const raw = read(`/proc/${pid}/cmdline`);
  return raw ? Buffer.from(raw, "latin1").toString("utf8").split("\0").slice(0, -1) : [];
}

export function processCwd(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
}

export function processEnv(pid: number, name: string): string | undefined {
  const raw = read(`/proc/${pid}/environ`);
  if (!raw) return undefined;
  const entry = raw.split("\0").find((line) => line.startsWith(`${name}=`));
  return entry && Buffer.from(entry.slice(name.length + 1), "latin1").toString("utf8");
}

const hexPort = (port: number): string => port.toString(16).toUpperCase().padStart(4, "0");

/**
 * What the kernel tells of connections and of the sockets of a process, as it was at one instant. Reading it costs milliseconds on a
 * machine with many sockets, and a storm of links asks for each of them: so one reading serves every connection that was there
 * before it began. A pair of ports names one connection as long as that lives, so what is read is true of it.
 */
interface Reading<T> {
  readAt: number;
  value: T;
}

function readingFor<T>({ openedAt }: LoopbackConnection, last: Reading<T> | undefined, read: () => T): Reading<T> {
  if (last && openedAt !== undefined && last.readAt >= openedAt) return last;
  const readAt = performance.now();
  return { readAt, value: read() };
}

let connections: Reading<Map<string, string>> | undefined;

/** 127.0.0.1, also where a socket of IPv6 speaks to it, and a port: what they end with names one end of a connection to us. */
const LOOPBACK_END = /^(?:0{16}F{4}0{4})?(0100007F:[0-9A-F]{4})$/;

interface TcpSocket {
  local: string;
  remote: string;
  state: string;
  inode: string;
}

function* tcpSockets(): Generator<TcpSocket> {
  for (const file of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    // "  0: 0100007F:C350 0100007F:20B9 01 …": local address, remote address, state; the inode is the tenth field.
    for (const line of (read(file) ?? "").split("\n").slice(1)) {
      const [, local, remote, state, , , , , , inode] = line.trim().split(/\s+/);
      if (local && remote && state && inode) yield { local, remote, state, inode };
    }
  }
}

/** The inodes of this machine's loopback connections, by their two ends: "0100007F:C350 0100007F:20B9". */
function readConnections(): Map<string, string> {
  const inodes = new Map<string, string>();
  for (const { local, remote, inode } of tcpSockets()) {
    const [from, to] = [local, remote].map((end) => end.match(LOOPBACK_END)?.[1]);
    if (from && to && inode !== "0") inodes.set(`${from} ${to}`, inode);
  }
  return inodes;
}

const loopbackEnd = (port: number): string => `0100007F:${hexPort(port)}`;

/** The inode of the client's end of a loopback connection. */
function clientInode(connection: LoopbackConnection): string | undefined {
  const inode = inodeOfConnection(connection.clientPort, connection.daemonPort);
  if (inode !== undefined) return inode;
  connections = readingFor(connection, connections, readConnections);
  return connections.value.get(`${loopbackEnd(connection.clientPort)} ${loopbackEnd(connection.daemonPort)}`);
}

/** What a process's file descriptors lead to: paths, and sockets as "socket:[4026]". None where it has ended, or is another user's. */
function descriptorsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => linkOf(`/proc/${pid}/fd/${fd}`) ?? []);
  } catch {
    return [];
  }
}

const socketLink = (inode: string): string => `socket:[${inode}]`;

let descriptorsOfLast: { pid: number; reading: Reading<Set<string>> } | undefined;

/** Whether the process has this socket; many links of one process are asked for one after another. */
function holdsConnection(pid: number, inode: string, connection: LoopbackConnection): boolean {
  const last = descriptorsOfLast?.pid === pid ? descriptorsOfLast.reading : undefined;
  const reading = readingFor(connection, last, () => new Set(descriptorsOf(pid)));
  descriptorsOfLast = { pid, reading };
  return reading.value.has(socketLink(inode));
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    // Closed since the folder was listed.
    return undefined;
  }
}

export function ownsConnection(pid: number, connection: LoopbackConnection): boolean | undefined {
  const inode = clientInode(connection);
  return inode === undefined ? undefined : holdsConnection(pid, inode, connection);
}

export function connectionOwner(connection: LoopbackConnection): number | undefined {
  const inode = clientInode(connection);
  return inode === undefined ? undefined : holderOf(inode);
}

function holderOf(inode: string): number | undefined {
  for (const entry of readdirSync("/proc")) {
    const pid = Number(entry);
    if (Number.isInteger(pid) && descriptorsOf(pid).includes(socketLink(inode))) return pid;
  }
  return undefined;
}

const LISTENING = "0A";

export function listenerOwner(wanted: number): number | undefined {
  for (const { local, state, inode } of tcpSockets())
    if (state === LISTENING && local.endsWith(`:${hexPort(wanted)}`)) return holderOf(inode);
  return undefined;
}

/** The kernel counts start times in hundredths of a second on every system that it is built for today (USER_HZ). */
const TICKS_PER_S = 100;

export function startedAt(pid: number): number | undefined {
  const ticks = processInfo(pid)?.started;
  const boot = read("/proc/stat")?.match(/^btime (\d+)$/m)?.[1];
  return ticks && boot ? Number(boot) * 1_000 + (Number(ticks) / TICKS_PER_S) * 1_000 : undefined;
}

export function commandLines(): CommandLine[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0)
    .map((pid) => ({ pid, args: processArgs(pid), executable: processExecutable(pid) }));
}

export function openFiles(pid: number): string[] {
  return descriptorsOf(pid).filter((target) => target.startsWith("/"));
}

export const processExecutable = (pid: number): string | undefined => linkOf(`/proc/${pid}/exe`);
