import { execFileSync } from "node:child_process";
import type { CommandLine, LoopbackConnection, ProcessInfo } from "../process.ts";

// Not tried on a real machine: written after the manual pages of ps, lsof and sysctl.

function run(command: string, ...args: string[]): string | undefined {
  try {
    return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], timeout: 2_000 });
  } catch {
    // The tool found nothing, which it says by its exit code.
    return undefined;
  }
}

export function bootId(): string {
  return run("/usr/sbin/sysctl", "-n", "kern.bootsessionuuid")?.trim() ?? "unknown";
}

export function processInfo(pid: number): ProcessInfo | undefined {
  const line = run("/bin/ps", "-o", "ppid=,uid=,tty=,stat=,lstart=", "-p", String(pid))?.trim();
  const match = line?.match(/^(\d+)\s+(\d+)\s+(\S+)\s+(\S+)\s+(.+)$/);
  if (!match || match[4]?.startsWith("Z")) return undefined;
  return {
    pid,
    ppid: Number(match[1]),
    uid: Number(match[2]),
    hasTerminal: match[3] !== "??",
    started: match[5] ?? "",
  };
}

export const startedUnit = (pid: number): string | undefined => processInfo(pid)?.started;

export function isForeground(pid: number): boolean | undefined {
  const match = run("/bin/ps", "-o", "pgid=,tpgid=", "-p", String(pid))?.match(/^\s*(\d+)\s+(-?\d+)/);
  return !match || Number(match[2]) <= 0 ? undefined : match[1] === match[2];
}

export function processGroup(pid: number): number | undefined {
  const group = Number(run("/bin/ps", "-o", "pgid=", "-p", String(pid))?.trim());
  return group > 0 ? group : undefined;
}

export function isTerminal(pid: number, fd: number): boolean | undefined {
  const listing = run("/usr/sbin/lsof", "-a", "-p", String(pid), "-d", String(fd), "-Fn");
  const file = listing?.split("\n").find((line) => line.startsWith("n"));
  return file === undefined ? undefined : /^n\/dev\/tty/.test(file);
}

export function processArgs(pid: number): string[] {
  return run("/bin/ps", "-o", "command=", "-ww", "-p", String(pid))?.trim().split(" ") ?? [];
}

export function processCwd(pid: number): string | undefined {
  const listing = run("/usr/sbin/lsof", "-a", "-p", String(pid), "-d", "cwd", "-Fn");
  return listing
    ?.split("\n")
    .find((line) => line.startsWith("n"))
    ?.slice(1);
}

export function processEnv(pid: number, name: string): string | undefined {
  const words = run("/bin/ps", "-E", "-o", "command=", "-ww", "-p", String(pid))?.trim().split(" ");
  return words?.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
}

const address = (connection: LoopbackConnection): string => `TCP@127.0.0.1:${connection.clientPort}`;

export function ownsConnection(pid: number, connection: LoopbackConnection): boolean | undefined {
  const listing = run("/usr/sbin/lsof", "-a", "-p", String(pid), "-i", address(connection), "-Fn");
  if (listing === undefined) return false;
  return listing.includes(`:${connection.clientPort}->`);
}

export function connectionOwner(connection: LoopbackConnection): number | undefined {
  const listing = run("/usr/sbin/lsof", "-i", address(connection), "-Fpn") ?? "";
  let pid: number | undefined;
  for (const line of listing.split("\n")) {
    if (line.startsWith("p")) pid = Number(line.slice(1));
    if (line.startsWith("n") && line.includes(`:${connection.clientPort}->`)) return pid;
  }
  return undefined;
}

export function startedAt(pid: number): number | undefined {
  const at = Date.parse(processInfo(pid)?.started ?? "");
  return Number.isNaN(at) ? undefined : at;
}

export function commandLines(): CommandLine[] {
  const listing = run("/bin/ps", "-axww", "-o", "pid=,command=") ?? "";
  return listing.split("\n").flatMap((line) => {
    const match = line.trim().match(/^(\d+)\s+(.+)$/);
    return match?.[2] ? [{ pid: Number(match[1]), args: match[2].split(" ") }] : [];
  });
}

export function listenerOwner(port: number): number | undefined {
  const listing = run("/usr/sbin/lsof", "-i", `TCP@127.0.0.1:${port}`, "-s", "TCP:LISTEN", "-Fp") ?? "";
  const pid = Number(listing.match(/^p(\d+)/m)?.[1]);
  return pid > 0 ? pid : undefined;
}

export function openFiles(pid: number): string[] {
  const listing = run("/usr/sbin/lsof", "-a", "-p", String(pid), "-d", "0-4095", "-Fn") ?? "";
  return listing.split("\n").flatMap((line) => (line.startsWith("n/") ? [line.slice(1)] : []));
}

export const processExecutable = (pid: number): string | undefined =>
  run("/bin/ps", "-o", "comm=", "-p", String(pid))?.trim() || undefined;
