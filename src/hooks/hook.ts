import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { homePaths, repowireHome } from "../platform/paths.ts";
import { ancestry } from "../platform/process.ts";
import { HTTP_PATHS } from "../protocol/endpoints.ts";
import type { HookReport } from "../protocol/hooks.ts";
import { type DaemonCall, daemonCall } from "./daemon-call.ts";

export interface HookRun {
  event: string;
  env: Record<string, string | undefined>;
  readInput(): Promise<string>;
  print(text: string): Promise<void>;
}

/** These stand in the table of limits too; the hook does not load it. A test holds them together. */
export const HOOK_WAIT_MS = 2_000;
export const SPOOL_FILES_MAX = 2_000;

/** The daemon answers an open permission request within half a minute, with a verdict or with "ask again". */
const VERDICT_WAIT_MS = 40_000;
const RETRY_MS = 1_000;

/**
 * Reports one event of a Claude Code session and prints what the daemon has for it. Daemon down: the event waits on disk. Whatever
 * goes wrong, the session goes on as if there were no hook.
 */
export async function runHook(run: HookRun): Promise<void> {
  const { env } = run;
  if (!isPeerSession(env)) return;
  const input: unknown = JSON.parse(await run.readInput());
  const configDir = env.CLAUDE_CONFIG_DIR || join(env.HOME || homedir(), ".claude");
  const report = {
    event: run.event as HookReport["event"], // the daemon refuses what it does not know
    pid: sessionPid(env, configDir),
    hook_pid: process.pid,
    version: "1",
    config_dir: configDir,
    name: env.REPOWIRE_NAME,
    circle: env.REPOWIRE_CIRCLE,
    project_dir: env.CLAUDE_PROJECT_DIR,
    entrypoint: env.CLAUDE_CODE_ENTRYPOINT,
    input: trimInput(input),
  } satisfies HookReport;
  const home = repowireHome(env);
  const daemon = daemonCall(home);
  const reply =
    run.event === "PermissionRequest"
      ? await awaitVerdict(daemon, report)
      : await daemon.post(HTTP_PATHS.hookReport, report, HOOK_WAIT_MS);
  if (reply === undefined) return spool(home, report);
  if (reply.output === undefined) return;
  await run.print(JSON.stringify(reply.output));
  if (typeof reply.lease === "string") {
    await daemon.post(
      HTTP_PATHS.hookPrinted,
      { lease: reply.lease, pid: report.pid, hook_pid: process.pid },
      HOOK_WAIT_MS,
    );
  }
}

/** Headless runs (`claude -p`) are no peers, unless the user says so. */
function isPeerSession(env: HookRun["env"]): boolean {
  if (env.REPOWIRE_PEER === "1") return true;
  return (
    env.REPOWIRE_PEER !== "0" && (env.CLAUDE_CODE_ENTRYPOINT === undefined || env.CLAUDE_CODE_ENTRYPOINT === "cli")
  );
}

/** Claude Code 2.1.330 names its pid; older ones are found as the nearest ancestor with a session record. */
function sessionPid(env: HookRun["env"], configDir: string): number {
  const named = Number(env.CLAUDE_PID);
  if (Number.isInteger(named) && named > 0) return named;
  const recorded = ancestry(process.ppid).find((info) => existsSync(join(configDir, "sessions", `${info.pid}.json`)));
  return recorded?.pid ?? process.ppid;
}

/** Tool responses can be megabytes, and nothing reads them. */
function trimInput(input: unknown): Record<string, unknown> {
  if (typeof input !== "object" || input === null) return {};
  return Object.fromEntries(
    Object.entries(input).filter(([key]) => key !== "tool_response" && key !== "background_tasks"),
  );
}

/**
 * Waits beside the open dialog, for as long as the CLI lets it: the dialog stays usable, and when its user decides there, the
 * daemon says that the request is void. While the daemon is away it is asked again.
 */
async function awaitVerdict(daemon: DaemonCall, report: HookReport): Promise<Record<string, unknown>> {
  let approval: string | undefined;
  for (;;) {
    const reply = await daemon.post(HTTP_PATHS.hookReport, { ...report, approval }, VERDICT_WAIT_MS);
    if (reply && typeof reply.approval !== "string") return reply;
    if (reply && typeof reply.approval === "string") approval = reply.approval;
    // Never heard of: nobody can decide it from outside, and a hook that waits for nothing is only in the way.
    else if (approval === undefined) return {};
    else await Bun.sleep(RETRY_MS);
  }
}

/** Keeps the event for the daemon's next start, private to the user, in the order of time. */
function spool(home: string, report: HookReport): void {
  const folder = homePaths(home).spool;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (readdirSync(folder).length >= SPOOL_FILES_MAX) return;
  const name = `${Date.now()}-${process.pid}`;
  const draft = join(folder, `${name}.tmp`);
  writeFileSync(draft, JSON.stringify({ ...report, spooled_at: Date.now() }), { mode: 0o600 });
  renameSync(draft, join(folder, `${name}.json`));
}
