import { statSync } from "node:fs";
import { readRange } from "../platform/read-range.ts";
import { LIMITS } from "../protocol/index.ts";

/** What was said in a session beside the mesh, as its own record has it. */
export interface RecordedTurn {
  by: "user" | "session";
  /** Epoch milliseconds. */
  at?: number;
  text: string;
  /** What is left out at its end, in UTF-16 units. */
  restChars?: number;
  /** A question to the user, with what can be chosen. */
  options?: { label: string; description?: string }[];
  isOpen?: boolean;
}

/** The oldest first; not whole where the record goes further back than was read. Or why nothing can be read. */
export type OwnTurns = { turns: RecordedTurn[]; isWhole: boolean } | { reason: string };

/** The lines at the end of a record, as objects; what is none of ours to understand is left out. */
export function recordEnd(file: string | undefined): { entries: unknown[]; isWhole: boolean } | { reason: string } {
  if (file === undefined) return { reason: "its record is not known yet: it has had no turn since the daemon saw it" };
  try {
    const { size } = statSync(file);
    const from = Math.max(0, size - LIMITS.ownTurnsReadBytes);
    const lines = readRange(file, from, size - from).split("\n");
    // The first line of a part is a part of a line.
    if (from > 0) lines.shift();
    return { entries: lines.flatMap(parsed), isWhole: from === 0 };
  } catch (error) {
    return { reason: `its record cannot be read: ${error instanceof Error ? error.message : String(error)}` };
  }
}

function parsed(line: string): unknown[] {
  try {
    const entry: unknown = JSON.parse(line);
    return typeof entry === "object" && entry !== null ? [entry] : [];
  } catch {
    // Half a line, still being written.
    return [];
  }
}

export const instantOf = (time: unknown): number | undefined => {
  const at = typeof time === "string" ? Date.parse(time) : Number.NaN;
  return Number.isNaN(at) ? undefined : at;
};
