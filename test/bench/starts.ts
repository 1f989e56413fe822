import { channelProcess } from "./channel-process.ts";
import { type BenchDaemon, rssOf, startBenchDaemon } from "./daemon.ts";
import { atMost, median, type Result, result } from "./stats.ts";
import type { BenchWorld } from "./world.ts";

const STARTS = 15;
const BARE = "bun -e 0";

/** What an agent CLI waits for: the channel server, a hook, a command. */
export async function starts(world: BenchWorld): Promise<Result[]> {
  const daemon = await startBenchDaemon(world, "starts");
  const results = [...(await channel(world, daemon)), await hookStart(world, daemon), await cliStart(world, daemon)];
  await daemon.stop();
  return results;
}

async function channel(world: BenchWorld, daemon: BenchDaemon): Promise<Result[]> {
  const command = world.command("channel-claude-code");
  const session = world.folder("session");
  const ready: number[] = [];
  const bare: number[] = [];
  for (let i = 0; i < STARTS; i++) {
    const one = await channelProcess(command, session, daemon.env);
    ready.push(one.readyMs);
    await one.close();
    bare.push(await startTime(world, [process.execPath, "-e", "0"], daemon.env));
  }
  const one = await channelProcess(command, session, daemon.env);
  await one.joined();
  const pushes = await one.pushes(20, (name) => {
    const asker = world.script("link-peer.ts", ["ask", name, "1"], world.folder("asker"), daemon.env);
    return asker.line();
  });
  const rss = one.rssMb();
  await one.close();
  const idle = Bun.spawn([process.execPath, "-e", "setTimeout(() => {}, 60_000)"], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
  world.children.push(idle);
  await Bun.sleep(300);
  const idleRss = rssOf(idle.pid);
  idle.kill();
  return [
    result("channel_push", median(pushes.pushMs), "ms", median(pushes.echoMs), { against: "ping over the same stdio" }),
    result("channel_ready_ms", median(ready), "ms", median(bare), { against: BARE, aim: atMost(100, "value") }),
    result("channel_rss_mb", rss, "MB", idleRss, { against: "an idle bun", aim: atMost(60, "value") }),
  ];
}

async function hookStart(world: BenchWorld, daemon: BenchDaemon): Promise<Result> {
  const session = world.folder("session");
  const input = JSON.stringify({
    session_id: "bench",
    cwd: session,
    hook_event_name: "Stop",
    stop_hook_active: false,
    last_assistant_message: "ok",
  });
  const env = {
    ...daemon.env,
    CLAUDE_PID: String(process.pid),
    CLAUDE_PROJECT_DIR: session,
    CLAUDE_CODE_ENTRYPOINT: "cli",
  };
  const hooks: number[] = [];
  const bare: number[] = [];
  for (let i = 0; i < STARTS * 2; i++) {
    hooks.push(await startTime(world, [...world.command("hook"), "Stop"], env, input));
    bare.push(await startTime(world, [process.execPath, "-e", "0"], env));
  }
  return result("hook_start", median(hooks), "ms", median(bare), { against: BARE, aim: atMost(3) });
}

async function cliStart(world: BenchWorld, daemon: BenchDaemon): Promise<Result> {
  const commands: number[] = [];
  const bare: number[] = [];
  for (let i = 0; i < STARTS; i++) {
    commands.push(await startTime(world, [...world.command("cli"), "peers"], daemon.env));
    bare.push(await startTime(world, [process.execPath, "-e", "0"], daemon.env));
  }
  return result("cli_start", median(commands), "ms", median(bare), { against: `${BARE}; ours is \`repowire peers\`` });
}

async function startTime(
  world: BenchWorld,
  command: string[],
  env: Record<string, string>,
  input = "",
): Promise<number> {
  const from = performance.now();
  await Bun.spawn(command, { cwd: world.root, env, stdin: new Blob([input]), stdout: "ignore", stderr: "ignore" })
    .exited;
  return performance.now() - from;
}
