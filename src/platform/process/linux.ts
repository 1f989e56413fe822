import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { CommandLine, LoopbackConnection, ProcessInfo } from "../process.ts";

/** Reads a file of /proc; a process may end at any moment, and other users' files are closed to us. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return undefined;
  }
}

export function bootId(): string {
  return read("/proc/sys/kernel/random/boot_id")?.trim() ?? "unknown";
}

export function processInfo(pid: number): ProcessInfo | undefined {
  const stat = read(`/proc/${pid}/stat`);
  if (!stat) return undefined;
  // The second field is the command in parentheses and may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, ppid, , , tty] = fields;
  const started = fields[19];
  if (state === "Z" || state === "X" || !started) return undefined;
  const uid = Number(read(`/proc/${pid}/status`)?.match(/^Uid:\s+(\d+)/m)?.[1] ?? -1);
  return { pid, ppid: Number(ppid), started, uid, hasTerminal: tty !== "0" };
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

const port = (hex: string | undefined): number => Number.parseInt(hex?.split(":").at(-1) ?? "", 16);

/**
 * The kernel's table of TCP connections as it was at one instant. Reading it costs milliseconds on a machine with many sockets, and
 * a storm of links asks for each of them: so one reading serves every connection that was there before it began. A pair of
 * ports names one connection as long as that lives, so what is read is true of it.
 */
let table: { readAt: number; inodes: Map<string, string> } | undefined;

function readTable(): Map<string, string> {
  const inodes = new Map<string, string>();
  for (const file of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    for (const line of (read(file) ?? "").split("\n").slice(1)) {
      const fields = line.trim().split(/\s+/);
      const pair = `${port(fields[1])} ${port(fields[2])}`;
      if (fields[9] !== undefined && fields[9] !== "0" && !inodes.has(pair)) inodes.set(pair, fields[9]);
    }
  }
  return inodes;
}

/** The inode of the client's end of a loopback connection. */
function clientInode(connection: LoopbackConnection): string | undefined {
  const { openedAt } = connection;
  if (!table || openedAt === undefined || table.readAt < openedAt) {
    const readAt = performance.now();
    table = { readAt, inodes: readTable() };
  }
  return table.inodes.get(`${connection.clientPort} ${connection.daemonPort}`);
}

function holdsSocket(pid: number, inode: string): boolean | undefined {
  try {
    const wanted = `socket:[${inode}]`;
    return readdirSync(`/proc/${pid}/fd`).some((fd) => linkOf(`/proc/${pid}/fd/${fd}`) === wanted);
  } catch {
    return undefined;
  }
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
  return inode === undefined ? undefined : (holdsSocket(pid, inode) ?? false);
}

export function connectionOwner(connection: LoopbackConnection): number | undefined {
  const inode = clientInode(connection);
  return inode === undefined ? undefined : holderOf(inode);
}

function holderOf(inode: string): number | undefined {
  for (const entry of readdirSync("/proc")) {
    const pid = Number(entry);
    if (Number.isInteger(pid) && holdsSocket(pid, inode)) return pid;
  }
  return undefined;
}

const LISTENING = "0A";

export function listenerOwner(wanted: number): number | undefined {
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    for (const line of (read(table) ?? "").split("\n").slice(1)) {
      const fields = line.trim().split(/\s+/);
      if (fields[3] === LISTENING && port(fields[1]) === wanted && fields[9]) return holderOf(fields[9]);
    }
  }
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
    .map((pid) => ({ pid, args: processArgs(pid) }));
}

export function openFiles(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      const target = linkOf(`/proc/${pid}/fd/${fd}`);
      return target?.startsWith("/") ? [target] : [];
    });
  } catch {
    // Ended, or another user's.
    return [];
  }
}

export const processExecutable = (pid: number): string | undefined => linkOf(`/proc/${pid}/exe`);
