import { type BenchDaemon, rssOf, startBenchDaemon } from "./daemon.ts";
import { atMost, type Result, result } from "./stats.ts";
import type { BenchWorld, Script } from "./world.ts";

/** To prove whose a connection is, the daemon looks through the open files of its process: nobody has thousands of links in one. */
const PER_PROCESS = 500;

/** The daemon's memory with idle sessions; against a Bun server with as many bare sockets. */
export async function idleLinks(world: BenchWorld): Promise<Result[]> {
  const results: Result[] = [];
  for (const [count, boundMb] of [
    [100, 80],
    [10_000, 400],
  ] as const) {
    const daemon = await startBenchDaemon(world, `idle-${count}`);
    const processes = Math.ceil(count / PER_PROCESS);
    const sessions: Script[] = [];
    for (let i = 0; i < processes; i++) {
      const folder = world.folder(`idle-${count}-sessions-${i}`);
      const session = world.script("idle-links.ts", [String(count / processes)], folder, daemon.env);
      await session.json();
      sessions.push(session);
    }
    const ours = await settled(() => daemon.rssMb());
    await end(daemon, sessions);
    const bare = world.script("bare-sockets.ts", ["serve"], world.root);
    const port = await bare.line();
    const sockets = world.script("bare-sockets.ts", ["connect", port, String(count)], world.root);
    await sockets.line();
    const theirs = await settled(() => rssOf(bare.pid));
    await sockets.stop();
    await bare.stop();
    results.push(
      result(`idle_${count}_mb`, ours, "MB", theirs, {
        against: `Bun.serve with ${count} bare WebSockets`,
        aim: atMost(boundMb, "value"),
      }),
    );
  }
  return results;
}

async function end(daemon: BenchDaemon, sessions: Script[]): Promise<void> {
  for (const session of sessions) await session.stop();
  await daemon.stop();
}

/** Garbage of the hellos is gone after a while; what then remains is what idle sessions cost. */
async function settled(look: () => number): Promise<number> {
  await Bun.sleep(6_000);
  return look();
}
