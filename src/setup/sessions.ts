import { basename } from "node:path";
import type { HomePaths } from "../platform/paths.ts";
import { commandLines, processCwd, processEnv, processInfo, startedAt } from "../platform/process.ts";
import { lastWrite, readSetupRecord } from "./record.ts";
import type { Environment, OpenSession, RunningSession, RuntimeSetup } from "./runtime-setup.ts";

/** The sessions of one agent CLI that are open now, oldest first. */
export function runningSessions(paths: HomePaths, row: RuntimeSetup, env: Environment): RunningSession[] {
  const editedAt = lastWrite(readSetupRecord(paths), row.runtime);
  return row
    .sessions(env)
    .map((session) => ({ ...session, runtime: row.runtime, needs_restart: session.started_at < editedAt }))
    .sort((a, b) => a.started_at - b.started_at);
}

/** What decides where these CLIs keep their configuration. */
const PLACES = ["HOME", "XDG_CONFIG_HOME", "CODEX_HOME", "GEMINI_CLI_HOME"] as const;

/**
 * Sessions of a CLI that keeps no records of them, from the process table: its processes on a terminal that use the configuration
 * of this environment. Where one of them started another, as launchers do, only the inner one is the session.
 */
export function sessionsByProcess(
  env: Environment,
  configDir: (env: Environment) => string,
  isSession: (args: readonly string[]) => boolean,
): OpenSession[] {
  const folder = configDir(env);
  const uid = process.getuid?.();
  const found = commandLines().flatMap(({ pid, args }) => {
    if (!isSession(args)) return [];
    const info = processInfo(pid);
    if (!info?.hasTerminal || info.uid !== uid) return [];
    const places = PLACES.map((name) => [name, processEnv(pid, name)] as const);
    return configDir(Object.fromEntries(places)) === folder ? [info] : [];
  });
  const outer = new Set(found.map((info) => info.ppid));
  return found
    .filter((info) => !outer.has(info.pid))
    .flatMap(({ pid }) => {
      const started = startedAt(pid);
      // It has ended in this moment.
      if (started === undefined) return [];
      return [{ pid, cwd: processCwd(pid), started_at: Math.round(started) }];
    });
}

/**
 * The words behind the program's name, where these arguments run that program, be it itself or through an interpreter; undefined
 * where they run something else.
 */
export function wordsOf(args: readonly string[], isProgram: (path: string) => boolean): readonly string[] | undefined {
  if (isProgram(args[0] ?? "")) return args.slice(1);
  const isInterpreter = /^(node|bun|deno)(\.exe)?$/.test(basename(args[0] ?? ""));
  const script = args.findIndex((arg, index) => index > 0 && !arg.startsWith("-"));
  if (!isInterpreter || script === -1 || !isProgram(args[script] ?? "")) return undefined;
  return args.slice(script + 1);
}
