import { readFileSync } from "node:fs";
import { z } from "zod";
import { writeFileAtomic } from "./files.ts";
import { homePaths } from "./paths.ts";

/** Written by the running daemon into its home, for whoever needs to find it; gone after an orderly stop. */
export const DaemonRecord = z.object({
  instance: z.string(),
  pid: z.number().int(),
  port: z.number().int(),
  version: z.string(),
  started_at: z.number().int(),
});
export type DaemonRecord = z.infer<typeof DaemonRecord>;

export function readDaemonRecord(home: string): DaemonRecord | undefined {
  try {
    return DaemonRecord.parse(JSON.parse(readFileSync(homePaths(home).daemonRecord, "utf8")));
  } catch {
    // No daemon has run here, or it stopped in good order.
    return undefined;
  }
}

export function writeDaemonRecord(home: string, record: DaemonRecord): void {
  writeFileAtomic(homePaths(home).daemonRecord, `${JSON.stringify(record)}\n`);
}
