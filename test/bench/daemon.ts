import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { type DaemonAddress, findDaemon } from "../../src/client/index.ts";
import type { BenchWorld } from "./world.ts";

/** A daemon of the built program, in a home of its own. */
export interface BenchDaemon {
  address: DaemonAddress;
  env: Record<string, string>;
  pid: number;
  rssMb(): number;
  /** Seconds of processor time that it has used so far. */
  cpuSeconds(): number;
  stop(): Promise<void>;
}

export async function startBenchDaemon(
  world: BenchWorld,
  name: string,
  settings: Record<string, string> = {},
): Promise<BenchDaemon> {
  const home = join(world.root, name);
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const env = { ...world.env, REPOWIRE_HOME: home, REPOWIRE_PORT: "0", ...settings };
  const child: Subprocess = Bun.spawn([...world.command("cli"), "daemon", "run", "--detached"], {
    cwd: home,
    env,
    stdin: "ignore",
    stdout: "ignore",
    stderr: "inherit",
  });
  world.children.push(child);
  let address = await findDaemon(home);
  while (!address) {
    if (child.exitCode !== null) throw new Error(`the bench's daemon ended with ${child.exitCode}`);
    await Bun.sleep(20);
    address = await findDaemon(home);
  }
  return {
    address,
    env,
    pid: child.pid,
    rssMb: () => rssOf(child.pid),
    cpuSeconds: () => cpuOf(child.pid),
    async stop() {
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}

/** Resident memory of a process, in MB. */
export function rssOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/status`, "utf8").match(/VmRSS:\s+(\d+)/)?.[1] ?? 0) / 1024;
}

const TICKS_PER_SECOND = 100;

function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
