import { parseArgs } from "node:util";
import { DRIVERS } from "../agents/drivers/index.ts";
import { installClaude } from "../agents/install.ts";
import { resultsFile } from "../agents/report.ts";
import { isInShard, type Runnable, runAll } from "../agents/runner.ts";
import { helped } from "../support/helped.ts";
import { runCell } from "./cell.ts";
import { brokenIn, type Row, sumOf, tableOf } from "./report.ts";
import { TRUTH_STAGINGS } from "./stagings.ts";

const FILE = resultsFile<Row>("truth.json");
const MESSAGES = { usual: 20, full: 60, bounded: 3 };
/** What every submission gets, in less than three minutes: each runtime once, where the most can go wrong in the least time. */
const BOUNDED = [
  "claude-code: daemon killed",
  "codex: busy in a tool",
  "gemini: half-typed draft",
  "opencode: daemon killed",
];
const START_MS = 120_000;
const MESSAGE_MS = 60_000;

helped(`
npm run test:truth -- [options]: the ledger against the transcripts of the real agent CLIs.

  --messages N    messages for each runtime and condition (20)
  --full          60 of them
  --bounded       a cell of each runtime, as every submission gets
  --seed S        another plan of messages and moments (1)
  --shard K/N     a part of the cells, for example 1/4
  --runtime R     only this runtime; may be given several times
  --condition C   only conditions that have this in their name; may be given several times
  --resume        leave out cells that passed before
  --list          name the cells
`);

/**
 * Whether the ledger tells the truth about real agent CLIs: their own transcripts are the judge. A table, then one line of JSON; exit
 * code 1 on any lie, any harm, and any cell that did not run to its end.
 */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: "string", default: "1" },
      shard: { type: "string" },
      runtime: { type: "string", multiple: true },
      condition: { type: "string", multiple: true },
      messages: { type: "string" },
      full: { type: "boolean" },
      bounded: { type: "boolean" },
      resume: { type: "boolean" },
      list: { type: "boolean" },
    },
  });
  const seed = numberOf("seed", values.seed);
  const usual = values.full ? MESSAGES.full : values.bounded ? MESSAGES.bounded : MESSAGES.usual;
  const messages = values.messages === undefined ? usual : numberOf("messages", values.messages);
  const cells = DRIVERS.flatMap((driver) => TRUTH_STAGINGS.map((staging) => ({ driver, staging })))
    .filter(({ driver }) => !values.runtime || values.runtime.includes(driver.runtime))
    .filter(({ staging }) => !values.condition || values.condition.some((part) => staging.condition.includes(part)))
    .filter(({ driver, staging }) => !values.bounded || BOUNDED.includes(`${driver.runtime}: ${staging.condition}`))
    .filter((_cell, index) => isInShard(index, values.shard));
  const units = cells.map(
    ({ driver, staging }): Runnable<Row> => ({
      id: `${driver.runtime}: ${staging.condition} (seed ${seed}, ${messages} messages)`,
      timeoutMs: START_MS + messages * MESSAGE_MS,
      async run(world, checker) {
        const row = await runCell({ driver, staging, seed, messages, world, say: checker.note });
        checker.check("the ledger told the truth, and nobody was harmed", brokenIn(row) === 0, row);
        return [row];
      },
    }),
  );
  if (values.list) {
    for (const unit of units) console.log(unit.id);
    return 0;
  }
  if (units.length === 0) throw new Error("no cell has this runtime and condition; --list names them");
  if (Bun.which("tmux") === null)
    throw new Error("tmux is missing; install it (apt-get install tmux) to run this suite");
  const claude = installClaude();
  for (const { driver } of cells) driver.install();
  const isMine = (result: { id: string }) => units.some((unit) => unit.id === result.id);
  const earlier = FILE.read();
  const passed = values.resume ? earlier.filter((result) => result.failed === 0) : [];
  const todo = units.filter((unit) => !passed.some((result) => result.id === unit.id));
  // Other shards and other seeds keep their results.
  const before = earlier.filter((result) => !todo.some((unit) => unit.id === result.id));
  console.log(`seed ${seed}: ${todo.length} of ${units.length} cells, ${messages} messages each`);
  const results = (await runAll(todo, { claude, before, retries: false, save: FILE.write })).filter(isMine);
  const rows = results.flatMap((result) => result.rows);
  const unfinished = units.filter((unit) => !results.some(({ id, rows }) => id === unit.id && rows.length > 0)).length;
  console.log(`\n${tableOf(rows)}\n`);
  console.log(JSON.stringify({ seed, cells: units.length, unfinished, ...sumOf(rows) }));
  return results.every((result) => result.failed === 0) && unfinished === 0 ? 0 : 1;
}

function numberOf(name: string, text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1)
    throw new Error(`--${name} takes a whole number above 0, not "${text}"`);
  return number;
}

process.exit(await main());
