import { mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { homePaths, repowireHome } from "../platform/paths.ts";
import { HTTP_PATHS } from "../protocol/endpoints.ts";
import type { HookReport } from "../protocol/hooks.ts";
import { type DaemonCall, daemonCall } from "./daemon-call.ts";
import { HOOK_RUNTIMES } from "./runtimes/index.ts";

export interface HookRun {
  runtime: string;
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
/** Version of what a hook sends; a daemon that understands it no more says what to do. */
const HOOK_VERSION = "1";

/**
 * Reports one event of a session and prints what the daemon has for it. Daemon down: the event waits on disk. Whatever goes wrong, the
 * session goes on as if there were no hook.
 */
export async function runHook(run: HookRun): Promise<void> {
  const { env } = run;
  // What is told late is told of this instant, not of the one at which nobody could be told.
  const happenedAt = Date.now();
  const runtime = Object.hasOwn(HOOK_RUNTIMES, run.runtime) ? HOOK_RUNTIMES[run.runtime] : undefined;
  if (!runtime?.isPeer(env)) return;
  const input: unknown = JSON.parse(await run.readInput());
  const report: HookReport = {
    ...runtime.describe(env),
    event: run.event,
    hook_pid: process.pid,
    version: HOOK_VERSION,
    name: env.REPOWIRE_NAME,
    circle: env.REPOWIRE_CIRCLE,
    input: without(input, runtime.unread),
  };
  const home = repowireHome(env);
  const daemon = daemonCall(home);
  const path = HTTP_PATHS.hookReport(run.runtime);
  const reply = runtime.waitsForVerdict(run.event)
    ? await awaitVerdict(daemon, path, report)
    : await daemon.post(path, report, HOOK_WAIT_MS);
  const insisted = reply?.output ? undefined : runtime.insist?.(run.event, input, reply !== undefined);
  if (insisted) return run.print(JSON.stringify(insisted));
  if (reply === undefined) return spool(home, run.runtime, { ...report, spooled_at: happenedAt });
  if (reply.output === undefined) return;
  await run.print(JSON.stringify(reply.output));
  if (typeof reply.lease === "string") {
    const printed = { lease: reply.lease, pid: report.pid, hook_pid: process.pid };
    await daemon.post(HTTP_PATHS.hookPrinted(run.runtime), printed, HOOK_WAIT_MS);
  }
}

function without(input: unknown, keys: readonly string[]): Record<string, unknown> {
  if (typeof input !== "object" || input === null) return {};
  return Object.fromEntries(Object.entries(input).filter(([key]) => !keys.includes(key)));
}

/**
 * Waits beside the open dialog, for as long as the CLI lets it: the dialog stays usable, and when its user decides there, the
 * daemon says that the request is void. While the daemon is away it is asked again.
 */
async function awaitVerdict(daemon: DaemonCall, path: string, report: HookReport): Promise<Record<string, unknown>> {
  let approval: string | undefined;
  for (;;) {
    const reply = await daemon.post(path, { ...report, approval }, VERDICT_WAIT_MS);
    if (reply && typeof reply.approval !== "string") return reply;
    if (reply && typeof reply.approval === "string") approval = reply.approval;
    // Never heard of: nobody can decide it from outside, and a hook that waits for nothing is only in the way.
    else if (approval === undefined) return {};
    else await Bun.sleep(RETRY_MS);
  }
}

/** Keeps the event for the daemon's next start, private to the user, in the order in which things happened. */
function spool(home: string, runtime: string, report: HookReport & { spooled_at: number }): void {
  const folder = homePaths(home).spool;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (readdirSync(folder).length >= SPOOL_FILES_MAX) return;
  const name = `${report.spooled_at}-${process.pid}`;
  const draft = join(folder, `${name}.tmp`);
  writeFileSync(draft, JSON.stringify({ ...report, runtime }), { mode: 0o600 });
  renameSync(draft, join(folder, `${name}.json`));
}
