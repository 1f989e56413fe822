import { existsSync } from "node:fs";
import { readSmallFile } from "../platform/read-small.ts";
import { LIMITS } from "../protocol/index.ts";

/** A session's record as it stands now, from its first line; or why it cannot be read as a whole. */
export function readWholeRecord(file: string | undefined): { text: string } | { reason: string } {
  if (file === undefined || !existsSync(file)) return { reason: "its record is gone" };
  try {
    return { text: readSmallFile(file, LIMITS.reconcileRecordBytesMax) };
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) };
  }
}
