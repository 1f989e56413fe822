import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import Table from "cli-table3";

/** One line of the table: a recipient's runtime in a condition, and what was proven there. */
export interface Row {
  runtime: string;
  what: string;
  /** What proved that the model saw it. */
  seen?: string;
  by?: string;
  rung?: string;
  /** From acceptance to the answer. */
  ms?: number;
}

export interface UnitResult<Found = Row> {
  id: string;
  passed: number;
  failed: number;
  rows: Found[];
}

/** What earlier runs of a suite found, so that a run that was cut off goes on where it was. */
export function resultsFile<Found>(name: string) {
  const file = join(process.env.REPOWIRE_AGENT_CACHE || join(homedir(), ".cache", "repowire-agents"), name);
  return {
    read(): UnitResult<Found>[] {
      // Written below by an earlier run.
      return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as UnitResult<Found>[]) : [];
    },
    write(results: readonly UnitResult<Found>[]): void {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, JSON.stringify(results, null, 1));
    },
  };
}

export function tableOf(results: readonly UnitResult[]): string {
  const table = new Table({
    head: ["runtime", "condition", "seen by", "answered by", "rung", "ms"],
    style: { head: [], border: [], compact: true },
  });
  for (const { rows } of results)
    for (const row of rows)
      table.push([
        row.runtime,
        row.what,
        row.seen ?? "",
        row.by ?? "",
        row.rung ?? "",
        row.ms === undefined ? "" : Math.round(row.ms),
      ]);
  return table.toString();
}
