import { parseArgs } from "node:util";
import { helped } from "../support/helped.ts";
import { DRIVERS } from "./drivers/index.ts";
import { installClaude } from "./install.ts";
import { type Row, resultsFile, tableOf } from "./report.ts";
import { isInShard, runAll } from "./runner.ts";
import { UNITS } from "./units.ts";

const FILE = resultsFile<Row>("results.json");

helped(`
npm run test:agents -- [options] [part of a unit's name ...]: the suite with real agent CLIs on scripted models.

  --list        name the units
  --bounded     what every submission gets
  --shard K/N   a part of the units, for example 1/4
  --resume      leave out what passed before
  --retry       try once more what failed, and say so
`);

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
  const passedBefore = values.resume ? FILE.read().filter((result) => result.failed === 0) : [];
  const todo = chosen.filter((unit) => !passedBefore.some((result) => result.id === unit.id));
  const claude = installClaude();
  for (const driver of DRIVERS) driver.install();
  console.log(DRIVERS.map((driver) => `${driver.runtime} ${driver.version}`).join(", "));
  console.log(`${todo.length} units${passedBefore.length > 0 ? ` (${passedBefore.length} passed before)` : ""}`);
  const results = await runAll(todo, {
    claude,
    before: passedBefore,
    retries: values.retry === true,
    save: FILE.write,
  });
  const mine = results.filter((result) => chosen.some((unit) => unit.id === result.id));
  if (mine.some((result) => result.rows.length > 0)) console.log(`\n${tableOf(mine)}`);
  const count = (key: "passed" | "failed") => mine.reduce((sum, result) => sum + result[key], 0);
  const skipped = UNITS.length - chosen.length;
  console.log(`\n${count("passed")} passed, ${count("failed")} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  return count("failed") === 0 ? 0 : 1;
}

process.exit(await main());
