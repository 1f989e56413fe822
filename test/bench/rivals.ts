import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rssOf } from "./daemon.ts";
import type { BenchWorld } from "./world.ts";

/** NATS with JetStream, of the system's packages: an engine that many trust with durable messages, on the same disk in the same run. */
export interface StreamServer {
  port: number;
  pid: number;
  version: string;
  rssMb(): number;
  stop(): Promise<void>;
}

/**
 * Its durability, to be said beside each figure: a message is acknowledged once it is written to the file; the file is brought to the
 * disk every two minutes (nats-server 2.9 has no setting for every message). That outlives the death of the process, as
 * `synchronous: normal` does, and not a power loss, as `full` does.
 */
export const STREAM_DURABILITY = "JetStream, file storage, fsync every 2 min";

export function streamServerVersion(): string | undefined {
  const program = Bun.which("nats-server");
  return program
    ? Bun.spawnSync([program, "--version"]).stdout.toString().trim().replace("nats-server: ", "")
    : undefined;
}

export async function startStreamServer(world: BenchWorld): Promise<StreamServer> {
  const folder = world.folder(`nats-${world.children.length}`);
  const config = join(folder, "nats.conf");
  writeFileSync(
    config,
    `host: 127.0.0.1\nport: -1\nports_file_dir: "${folder}"\njetstream { store_dir: "${folder}" }\n`,
  );
  const child = Bun.spawn(["nats-server", "-c", config], { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
  world.children.push(child);
  const portsFile = () => readdirSync(folder).find((name) => name.endsWith(".ports"));
  while (!portsFile()) {
    if (child.exitCode !== null) throw new Error(`nats-server ended with ${child.exitCode}`);
    await Bun.sleep(20);
  }
  const file = join(folder, portsFile() ?? "");
  let text = "";
  while (!text.includes("}") && existsSync(file)) {
    text = readFileSync(file, "utf8");
    await Bun.sleep(10);
  }
  const { nats } = JSON.parse(text) as { nats: string[] };
  return {
    port: Number(new URL(nats[0] ?? "").port),
    pid: child.pid,
    version: streamServerVersion() ?? "",
    rssMb: () => rssOf(child.pid),
    async stop() {
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}
