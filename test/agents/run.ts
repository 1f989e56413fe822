import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildBundles } from "../../src/platform/bundle.ts";
import { createChecker, type Tally } from "./check.ts";
import { DRIVERS } from "./drivers/index.ts";
import { installClaude } from "./install.ts";
import { readResults, tableOf, type UnitResult, writeResults } from "./report.ts";
import { UNITS, type Unit } from "./units.ts";
import { createWorld } from "./world.ts";

/**
 * The suite with real agent CLIs. Words choose units by a part of their name; `--list` names them; `--bounded` runs what every
 * submission gets; `--shard 2/4` a quarter of it all; `--resume` leaves out what passed before; `--retry` gives a unit that failed
 * one more try and says so (a slow machine, or a fault that comes and goes). The last line counts the checks.
 */
async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      list: { type: "boolean" },
      bounded: { type: "boolean" },
      shard: { type: "string" },
      resume: { type: "boolean" },
      retry: { type: "boolean" },
    },
  });
  const chosen = UNITS.filter((unit) => positionals.length === 0 || positionals.some((word) => unit.id.includes(word)))
    .filter((unit) => !values.bounded || unit.isBounded)
    .filter((_unit, index) => isInShard(index, values.shard));
  if (values.list) {
    for (const unit of chosen) console.log(unit.id);
    return 0;
  }
  if (Bun.which("tmux") === null) {
    console.log("tmux is missing; install it (apt-get install tmux) to run this suite.");
    console.log("0 passed, 1 failed");
    return 1;
  }
  const passedBefore = values.resume ? readResults().filter((result) => result.failed === 0) : [];
  const todo = chosen.filter((unit) => !passedBefore.some((result) => result.id === unit.id));
  const claude = installClaude();
  for (const driver of DRIVERS) driver.install();
  console.log(DRIVERS.map((driver) => `${driver.runtime} ${driver.version}`).join(", "));
  console.log(`${todo.length} units${passedBefore.length > 0 ? ` (${passedBefore.length} passed before)` : ""}`);
  const results = await runAll(todo, claude, passedBefore, values.retry === true);
  const mine = results.filter((result) => chosen.some((unit) => unit.id === result.id));
  if (mine.some((result) => result.rows.length > 0)) console.log(`\n${tableOf(mine)}`);
  const count = (key: "passed" | "failed") => mine.reduce((sum, result) => sum + result[key], 0);
  const skipped = UNITS.length - chosen.length;
  console.log(`\n${count("passed")} passed, ${count("failed")} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  return count("failed") === 0 ? 0 : 1;
}

function isInShard(index: number, shard: string | undefined): boolean {
  const [, k, n] = shard?.match(/^(\d+)\/(\d+)$/) ?? [];
  if (shard !== undefined && (k === undefined || Number(k) < 1 || Number(k) > Number(n)))
    throw new Error(`--shard takes K/N, like 1/4; "${shard}" is not that`);
  return shard === undefined || index % Number(n) === Number(k) - 1;
}

async function runAll(
  units: readonly Unit[],
  claude: string,
  before: UnitResult[],
  retries: boolean,
): Promise<UnitResult[]> {
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
    writeResults(results);
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

async function runUnit(unit: Unit, claude: string, bundles: string): Promise<UnitResult> {
  const tally: Tally = { passed: 0, failed: 0, notes: [] };
  const checker = createChecker(tally, (line) => console.log(line));
  const world = await createWorld(claude, bundles);
  let rows: UnitResult["rows"] = [];
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
    for (const { pid, command } of leftFrom(world.root)) {
      checker.check("no process outlives it", false, `${pid} ${command}`);
      process.kill(pid, "SIGKILL");
    }
  }
  return { id: unit.id, passed: tally.passed, failed: tally.failed, rows };
}

/** Whatever was started in this world has its folder in its environment. */
function leftFrom(root: string): { pid: number; command: string }[] {
  if (process.platform !== "linux") return [];
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => {
      try {
        if (!readFileSync(`/proc/${name}/environ`, "latin1").includes(root)) return [];
        return [
          {
            pid: Number(name),
            command: readFileSync(`/proc/${name}/cmdline`, "latin1").replaceAll("\0", " ").slice(0, 200),
          },
        ];
      } catch {
        // It has ended meanwhile.
        return [];
      }
    });
}

process.exit(await main());
