import Table from "cli-table3";
import { LIES, type Lie } from "./judge.ts";

const COUNTS = ["messages", "read", "unlogged", ...LIES, "drafts", "dialogs", "changed", "mismatches"] as const;
type Count = (typeof COUNTS)[number];

/**
 * One runtime in one condition. `unlogged`: answered by the reply tool of a CLI that was killed before it wrote that down. Beside the
 * lies: `drafts` harmed or sent, `dialogs` answered by anybody but the person, `changed` model,
 * agent or permission mode, `mismatches` that the daemon's own comparison marked by then (it looks 30 s after a move at the earliest).
 */
export interface Row extends Record<Lie, number>, Record<Count, number> {
  runtime: string;
  condition: string;
}

export function tableOf(rows: readonly Row[]): string {
  const table = new Table({
    head: ["runtime", "condition", ...COUNTS],
    style: { head: [], border: [], compact: true },
    colAligns: ["left", "left", ...COUNTS.map(() => "right" as const)],
  });
  for (const row of rows) table.push([row.runtime, row.condition, ...COUNTS.map((key) => row[key])]);
  return table.toString();
}

export const sumOf = (rows: readonly Row[]): Record<Count, number> =>
  Object.fromEntries(COUNTS.map((key) => [key, rows.reduce((sum, row) => sum + row[key], 0)])) as Record<Count, number>;

const HARMLESS: readonly Count[] = ["messages", "read", "unlogged"];

/** Everything counted beside the harmless breaks a promise. */
export const brokenIn = (row: Row): number =>
  COUNTS.filter((key) => !HARMLESS.includes(key)).reduce((sum, key) => sum + row[key], 0);
