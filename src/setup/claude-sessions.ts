import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { HomePaths } from "../platform/paths.ts";
import { startedAt } from "../platform/process.ts";
import type { ClaudeFiles } from "./claude-code.ts";
import { readSetupRecord } from "./record.ts";

/** A Claude Code session that a person has open, found by the record that the CLI keeps of it (2.1.197 and later). */
export interface RunningSession {
  pid: number;
  cwd?: string;
  version?: string;
  /** Epoch milliseconds, give or take a second. */
  started_at: number;
  /** It began before setup's last edit, and reads its configuration only at its start. */
  needs_restart: boolean;
}

const Record = z.object({
  pid: z.number().int(),
  cwd: z.string().optional(),
  version: z.string().optional(),
  entrypoint: z.string().optional(),
});

/** The kernel's start times and those of files differ by up to this much. */
const CLOCKS_DIFFER_MS = 2_000;

export function runningSessions(paths: HomePaths, files: ClaudeFiles): RunningSession[] {
  const folder = join(files.configDir, "sessions");
  if (!existsSync(folder)) return [];
  const editedAt = lastEdit(paths, files);
  return readdirSync(folder)
    .filter((name) => /^\d+\.json$/.test(name))
    .flatMap((name) => readSession(join(folder, name)) ?? [])
    .map((session) => ({ ...session, needs_restart: session.started_at < editedAt }))
    .sort((a, b) => a.started_at - b.started_at);
}

function lastEdit(paths: HomePaths, files: ClaudeFiles): number {
  const ours = readSetupRecord(paths).files.filter((file) => file.file === files.state || file.file === files.settings);
  return Math.max(0, ...ours.map((file) => file.written_at));
}

function readSession(file: string): Omit<RunningSession, "needs_restart"> | undefined {
  try {
    const { pid, cwd, version, entrypoint } = Record.parse(JSON.parse(readFileSync(file, "utf8")));
    const started = startedAt(pid);
    // The CLI may have died without removing its record, and its pid may be another program's by now.
    if (started === undefined || started > statSync(file).mtimeMs + CLOCKS_DIFFER_MS) return undefined;
    // `claude -p` and the like are no peers.
    if (entrypoint !== undefined && entrypoint !== "cli") return undefined;
    return { pid, cwd, version, started_at: Math.round(started) };
  } catch {
    // Being written or removed in this moment.
    return undefined;
  }
}
