import { cpus } from "node:os";
import { parseArgs } from "node:util";
import * as fc from "fast-check";
import { helped } from "../support/helped.ts";
import { describeHistory, HISTORY, type History } from "./history.ts";
import { type Counts, runHistory } from "./run-history.ts";

/**
 * `npm run test:sim -- --seeds N --seed S [--bail]`: N histories from seed S on, over all cores. Every seed makes one history; one that
 * breaks a promise is shrunk and printed with everything that happened in it. `--log` prints the history of one seed all the same.
 */
const SEEDS_DEFAULT = 2_000;
const LOG_LINES_MAX = 150;

helped(`
npm run test:sim -- [options]: seeded histories of a whole mesh in memory, checked against the promises.

  --seeds N   how many histories (2000; with --seed 1)
  --seed S    the first of them; alone: this one again
  --log       print everything that happened
  --bail      stop at the first that breaks a promise, without shrinking it
`);

const { values } = parseArgs({
  options: {
    seeds: { type: "string" },
    seed: { type: "string" },
    bail: { type: "boolean" },
    log: { type: "boolean" },
    /** Of a worker: which of how many it is. */
    part: { type: "string" },
    parts: { type: "string" },
  },
});
const first = Number(values.seed ?? 1);
const seeds = Number(values.seeds ?? (values.seed ? 1 : SEEDS_DEFAULT));

interface PartResult {
  passed: number;
  failed: number;
  counts: Partial<Counts>;
}

// What a dead process leaves unsettled is nobody's fault; anything else is one.
process.on("unhandledRejection", (error) => {
  if (error instanceof Error && error.name === "ProcessDied") return;
  console.log("a promise was rejected and nobody looked:", error);
  process.exit(1);
});

function holds(history: History): void {
  const { violations } = runHistory(history);
  if (violations.length > 0) throw new Error(violations.join("\n"));
}

function runSeed(seed: number, counts: Partial<Counts>): boolean {
  const [history] = fc.sample(HISTORY, { seed, numRuns: 1 }) as History[];
  if (!history) throw new Error("no history was made");
  const report = runHistory(history);
  for (const [name, count] of Object.entries(report.counts)) {
    const key = name as keyof Counts; // the keys of exactly this type
    counts[key] = (counts[key] ?? 0) + count;
  }
  if (values.log) console.log(`${describeHistory(history)}\n${report.log.join("\n")}`);
  if (report.violations.length === 0) return true;
  console.log(`\nseed ${seed} breaks a promise:\n${report.violations.join("\n")}`);
  if (!values.bail) printShrunk(seed);
  console.log(`again: npm run test:sim -- --seed ${seed}`);
  return false;
}

function printShrunk(seed: number): void {
  const shrunk = fc.check(fc.property(HISTORY, holds), {
    seed,
    numRuns: 1,
    interruptAfterTimeLimit: 20_000,
    markInterruptAsFailure: true,
  });
  const history = shrunk.counterexample?.[0];
  if (!history) return;
  const { log, violations } = runHistory(history);
  console.log(`shrunk (path ${shrunk.counterexamplePath}):\n${describeHistory(history)}`);
  console.log(log.slice(-LOG_LINES_MAX).join("\n"));
  console.log(violations.join("\n"));
}

function runPart(part: number, parts: number): PartResult {
  const result: PartResult = { passed: 0, failed: 0, counts: {} };
  for (let seed = first + part; seed < first + seeds; seed += parts) {
    if (runSeed(seed, result.counts)) result.passed++;
    else result.failed++;
    if (values.bail && result.failed > 0) break;
  }
  return result;
}

const MARK = "part done ";

async function runWorker(part: number, parts: number): Promise<PartResult> {
  const worker = Bun.spawn(
    [process.execPath, import.meta.path, ...process.argv.slice(2), `--part=${part}`, `--parts=${parts}`],
    { stdout: "pipe", stderr: "inherit" },
  );
  const text = await new Response(worker.stdout).text();
  const lines = text.split("\n");
  const done = lines.find((line) => line.startsWith(MARK));
  const rest = lines.filter((line) => line !== done).join("\n");
  if (rest.trim() !== "") console.log(rest);
  if (done) return JSON.parse(done.slice(MARK.length)) as PartResult; // written below by this same file
  return { passed: 0, failed: 1, counts: {} };
}

if (values.part !== undefined) {
  console.log(MARK + JSON.stringify(runPart(Number(values.part), Number(values.parts))));
} else {
  const startedAt = performance.now();
  const parts = Math.max(1, Math.min(cpus().length, seeds));
  const results =
    parts === 1
      ? [runPart(0, 1)]
      : await Promise.all(Array.from({ length: parts }, (_, part) => runWorker(part, parts)));
  const counts: Record<string, number> = {};
  for (const result of results)
    for (const [name, count] of Object.entries(result.counts)) counts[name] = (counts[name] ?? 0) + count;
  const passed = results.reduce((sum, result) => sum + result.passed, 0);
  const failed = results.reduce((sum, result) => sum + result.failed, 0);
  const told = Object.entries(counts).map(([name, count]) => `${count} ${name}`);
  console.log(
    `seeds ${first} to ${first + seeds - 1}, ${((performance.now() - startedAt) / 1000).toFixed(0)} s: ${told.join(", ")}`,
  );
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
}
