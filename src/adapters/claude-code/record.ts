import { existsSync, type FSWatcher, readdirSync, statSync, watch } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { startedAt } from "../../platform/process.ts";
import { readSmallFile } from "../../platform/read-small.ts";

/**
 * The record that Claude Code keeps of each live session, `<config dir>/sessions/PID.json` (2.1.197 and later; the socket from
 * 2.1.248 on). It follows `/clear`, `/resume` and what the session is doing at once, with no hooks at all.
 */
export const SessionRecord = z.object({
  pid: z.number().int(),
  sessionId: z.string(),
  cwd: z.string().optional(),
  version: z.string().optional(),
  entrypoint: z.string().optional(),
  status: z.enum(["idle", "busy", "waiting"]).optional().catch(undefined),
  waitingFor: z.string().optional(),
  messagingSocketPath: z.string().optional(),
});
export type SessionRecord = z.infer<typeof SessionRecord>;

const RECORD_BYTES_MAX = 1_000_000;

export function readSessionRecord(configDir: string, pid: number): SessionRecord | undefined {
  try {
    const record = SessionRecord.parse(
      JSON.parse(readSmallFile(join(configDir, "sessions", `${pid}.json`), RECORD_BYTES_MAX)),
    );
    return record.pid === pid ? record : undefined;
  } catch {
    // Not there yet, gone already, or half written: the next change tells.
    return undefined;
  }
}

/** Calls back with the pid whose record changed. Where the folder cannot be watched (not there yet), the caller's own look must do. */
export function watchRecords(configDir: string, onChange: (pid: number) => void): { close(): void } | undefined {
  let watcher: FSWatcher;
  try {
    watcher = watch(join(configDir, "sessions"), (_event, name) => {
      const pid = Number(name?.match(/^(\d+)\.json/)?.[1]);
      if (pid > 0) onChange(pid);
    });
  } catch {
    return undefined;
  }
  watcher.on("error", () => watcher.close());
  return { close: () => watcher.close() };
}

/** The kernel's start times and those of files differ by up to this much. */
const CLOCKS_DIFFER_MS = 2_000;

/**
 * The records of sessions that live. A CLI that died leaves its record behind, and its pid may be another program's by now: a
 * process that began after the record was last written is not the one that wrote it.
 */
export function liveRecords(configDir: string): SessionRecord[] {
  const folder = join(configDir, "sessions");
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .map((name) => Number(name.match(/^(\d+)\.json$/)?.[1]))
    .filter((pid) => pid > 0)
    .flatMap((pid) => {
      const record = readSessionRecord(configDir, pid);
      const started = record && startedAt(pid);
      if (!record || started === undefined) return [];
      return started <= writtenAt(join(folder, `${pid}.json`)) + CLOCKS_DIFFER_MS ? [record] : [];
    });
}

function writtenAt(file: string): number {
  try {
    return statSync(file).mtimeMs;
  } catch {
    // Removed in this moment: the session has ended.
    return 0;
  }
}
