import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildBundles } from "../../src/platform/bundle.ts";
import { processesOf } from "../support/processes-of.ts";
import { type Checker, createChecker, type Tally } from "./check.ts";
import type { UnitResult } from "./report.ts";
import { createWorld, type World } from "./world.ts";

/** One thing that a suite with real CLIs runs, in a world of its own. */
export interface Runnable<Found> {
  /** What it is called on the command line and in the file of results. */
  id: string;
  timeoutMs: number;
  /** Rows for the table, where it has one. */
  run(world: World, checker: Checker): Promise<Found[]>;
}

export interface RunOptions<Found> {
  /** The command of the real Claude Code. */
  claude: string;
  /** What earlier runs found; kept in what is saved. */
  before: readonly UnitResult<Found>[];
  /** A unit that failed gets one more try, and only that counts. */
  retries: boolean;
  /** Called after each unit, so that a run that is cut off can go on where it was. */
  save(results: readonly UnitResult<Found>[]): void;
}

/** Whether the unit at this place belongs to the shard `K/N`; without one, all do. */
export function isInShard(index: number, shard: string | undefined): boolean {
  const [, k, n] = shard?.match(/^(\d+)\/(\d+)$/) ?? [];
  if (shard !== undefined && (k === undefined || Number(k) < 1 || Number(k) > Number(n)))
    throw new Error(`--shard takes K/N, like 1/4; "${shard}" is not that`);
  return shard === undefined || index % Number(n) === Number(k) - 1;
}

/** Runs one after the other: a CLI that starts takes the whole machine. Nothing that it started may outlive it. */
export async function runAll<Found>(
  units: readonly Runnable<Found>[],
  { claude, before, retries, save }: RunOptions<Found>,
): Promise<UnitResult<Found>[]> {
  const bundles = mkdtempSync(join(tmpdir(), "rwb-"));
  await buildBundles(bundles);
  const results = [...before];
  for (const unit of units) {
    const startedAt = Date.now();
    console.log(`\n${unit.id}`);
    let result = await runUnit(unit, claude, bundles);
    if (result.failed > 0 && retries) {
      console.log("       failed; once more, and only this try counts:");
      result = await runUnit(unit, claude, bundles);
    }
    results.push(result);
    save(results);
    console.log(`       ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
  }
  const left = Bun.spawnSync(["pgrep", "-f", bundles], { stdout: "pipe" }).stdout.toString().trim();
  if (left !== "") {
    console.log(`(fail) processes outlived the scenes: ${left.split("\n").join(", ")}`);
    results.push({ id: units.at(-1)?.id ?? "", passed: 0, failed: 1, rows: [] });
  }
  rmSync(bundles, { recursive: true, force: true });
  return results;
}

async function runUnit<Found>(unit: Runnable<Found>, claude: string, bundles: string): Promise<UnitResult<Found>> {
  const tally: Tally = { passed: 0, failed: 0, notes: [] };
  const checker = createChecker(tally, (line) => console.log(line));
  const world = await createWorld(claude, bundles);
  let rows: Found[] = [];
  try {
    rows = await Promise.race([
      unit.run(world, checker),
      Bun.sleep(unit.timeoutMs).then(() => {
        throw new Error(`it did not end within ${unit.timeoutMs / 1000} s`);
      }),
    ]);
  } catch (error) {
    checker.check("it ran to its end", false, error instanceof Error ? error.message : String(error));
  } finally {
    await world.close();
    for (const { pid, command } of processesOf(world.root)) {
      checker.check("no process outlives it", false, `${pid} ${command.slice(0, 200)}`);
      process.kill(pid, "SIGKILL");
    }
  }
  return { id: unit.id, passed: tally.passed, failed: tally.failed, rows };
}
