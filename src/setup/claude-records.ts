import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { startedAt } from "../platform/process.ts";
import type { OpenSession } from "./runtime-setup.ts";

const Record = z.object({
  pid: z.number().int(),
  cwd: z.string().optional(),
  version: z.string().optional(),
  entrypoint: z.string().optional(),
});

/** The kernel's start times and those of files differ by up to this much. */
const CLOCKS_DIFFER_MS = 2_000;

/** Claude Code sessions that a person has open, by the records that the CLI keeps of them (2.1.197 and later). */
export function claudeSessions(configDir: string): OpenSession[] {
  const folder = join(configDir, "sessions");
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => /^\d+\.json$/.test(name))
    .flatMap((name) => readSession(join(folder, name)) ?? []);
}

function readSession(file: string): OpenSession | undefined {
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
