import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { findDaemon } from "../../src/client/index.ts";
import { buildBundles } from "../../src/platform/bundle.ts";
import { ENTRIES, type Entry, isolatedBun } from "../../src/platform/program.ts";
import { NO_BUDGETS_ENV } from "../support/budgets.ts";
import { channelProcess } from "./channel-process.ts";
import { median, type Result, result } from "./stats.ts";
import { tokenResults } from "./tokens.ts";

/**
 * `npm run bench`: the hot paths, each as a ratio against a baseline of the same run, so that a slow or busy machine shifts both.
 * `-- --json` prints one line. The script's `--channels=server:repowire` is what Claude Code's command line would say: this process
 * stands in for the session.
 */
const ROUNDS = 5;
const ASKS = 200;
const STARTS = 15;

const isJson = process.argv.includes("--json");
const root = realpathSync(mkdtempSync(join(tmpdir(), "rwbench-")));
const home = join(root, "home");
const children: Subprocess[] = [];

async function main(): Promise<Result[]> {
  const program = join(root, "program");
  await buildBundles(program);
  const command = (entry: Entry) => [
    ...isolatedBun(process.execPath, join(program, "bunfig.toml")),
    join(program, ENTRIES[entry].bundle),
  ];
  const env = { PATH: process.env.PATH ?? "", HOME: root, REPOWIRE_HOME: home, REPOWIRE_PORT: "0", ...NO_BUDGETS_ENV };
  for (const folder of ["home", "asker", "answerer", "session"]) mkdirSync(join(root, folder), { mode: 0o700 });
  children.push(
    Bun.spawn([...command("cli"), "daemon", "run", "--detached"], {
      cwd: home,
      env,
      stdin: "ignore",
      stdout: "ignore",
      stderr: "inherit",
    }),
  );
  while (!(await findDaemon(home))) await Bun.sleep(20);
  return [
    await askRoundTrip(env),
    ...(await channelResults(command("channel-claude-code"), env)),
    await hookStart(command("hook"), env),
    ...tokenResults(),
  ];
}

/** Durable (two commits with fsync), two links, against a bare echo; rounds of both in turn. */
async function askRoundTrip(env: Record<string, string>): Promise<Result> {
  const answerer = spawn(["link-peer.ts", "answer"], join(root, "answerer"), env);
  await firstLine(answerer);
  const echo = spawn(["echo-peer.ts", "serve"], root, env);
  const port = await firstLine(echo);
  const asks: number[] = [];
  const echoes: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    asks.push(...(await times(spawn(["link-peer.ts", "ask", "answerer", String(ASKS)], join(root, "asker"), env))));
    echoes.push(...(await times(spawn(["echo-peer.ts", "ask", port, String(ASKS)], root, env))));
  }
  answerer.kill();
  echo.kill();
  return result("ask_round_trip", median(asks), "ms", median(echoes));
}

async function channelResults(channel: string[], env: Record<string, string>): Promise<Result[]> {
  const ready: number[] = [];
  const bare: number[] = [];
  for (let i = 0; i < STARTS; i++) {
    const one = await channelProcess(channel, join(root, "session"), env);
    ready.push(one.readyMs);
    await one.close();
    bare.push(await startTime([process.execPath, "-e", "0"], env));
  }
  const session = await channelProcess(channel, join(root, "session"), env);
  await session.joined();
  const pushes = await session.pushes(20, (name) =>
    spawn(["link-peer.ts", "ask", name, "1"], join(root, "asker"), env),
  );
  const rss = session.rssMb();
  await session.close();
  const idle = Bun.spawn([process.execPath, "-e", "setTimeout(() => {}, 60_000)"], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
  await Bun.sleep(300);
  const idleRss = rssOf(idle.pid);
  idle.kill();
  return [
    result("channel_push", median(pushes.pushMs), "ms", median(pushes.echoMs)),
    result("channel_ready_ms", median(ready), "ms", median(bare)),
    result("channel_rss_mb", rss, "MB", idleRss),
  ];
}

async function hookStart(hook: string[], env: Record<string, string>): Promise<Result> {
  const hooks: number[] = [];
  const bare: number[] = [];
  const input = JSON.stringify({
    session_id: "bench",
    cwd: join(root, "session"),
    hook_event_name: "Stop",
    stop_hook_active: false,
    last_assistant_message: "ok",
  });
  const hookEnv = {
    ...env,
    CLAUDE_PID: String(process.pid),
    CLAUDE_PROJECT_DIR: join(root, "session"),
    CLAUDE_CODE_ENTRYPOINT: "cli",
  };
  for (let i = 0; i < STARTS * 2; i++) {
    hooks.push(await startTime([...hook, "Stop"], hookEnv, input));
    bare.push(await startTime([process.execPath, "-e", "0"], env));
  }
  return result("hook_start", median(hooks), "ms", median(bare));
}

async function startTime(command: string[], env: Record<string, string>, input = ""): Promise<number> {
  const from = performance.now();
  await Bun.spawn(command, { cwd: root, env, stdin: new Blob([input]), stdout: "ignore", stderr: "ignore" }).exited;
  return performance.now() - from;
}

function spawn(
  [file, ...args]: string[],
  cwd: string,
  env: Record<string, string>,
): Subprocess<"ignore", "pipe", "inherit"> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, file ?? ""), ...args], {
    cwd,
    env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  children.push(child);
  return child;
}

async function firstLine(child: Subprocess<"ignore", "pipe", "inherit">): Promise<string> {
  const reader = child.stdout.getReader();
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) throw new Error("a bench process ended early");
    text += new TextDecoder().decode(value);
  }
  reader.releaseLock();
  return text.trim();
}

/** The first tenth of a process's round trips warms up. */
async function times(child: Subprocess<"ignore", "pipe", "inherit">): Promise<number[]> {
  const all = JSON.parse(await new Response(child.stdout).text()) as number[];
  return all.slice(Math.floor(all.length / 10));
}

export function rssOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/status`, "utf8").match(/VmRSS:\s+(\d+)/)?.[1] ?? 0) / 1024;
}

try {
  const results = await main();
  if (isJson) console.log(JSON.stringify({ results }));
  else
    for (const { name, value, unit, baseline, ratio } of results)
      console.log(
        `${name.padEnd(18)} ${String(value).padStart(8)} ${unit.padEnd(7)} baseline ${String(baseline).padStart(8)}   ratio ${ratio}`,
      );
} finally {
  for (const child of children.reverse()) {
    child.kill("SIGTERM");
    await child.exited;
  }
  rmSync(root, { recursive: true, force: true });
}
process.exit(0);
