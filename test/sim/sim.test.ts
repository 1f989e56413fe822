import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { describeHistory, HISTORY, type History } from "./history.ts";
import { runHistory } from "./run-history.ts";

/** A small share of the simulation for every run of the tests; `npm run test:sim` runs thousands. */
const SEEDS = 40;

// @req daemon.replaceable
test(
  "whatever befalls a mesh, its promises hold",
  () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const [history] = fc.sample(HISTORY, { seed, numRuns: 1 }) as History[];
      if (!history) throw new Error("no history was made");
      const { violations } = runHistory(history);
      if (violations.length > 0) throw new Error(`seed ${seed}: ${violations.join("\n")}\n${describeHistory(history)}`);
    }
  },
  SEEDS * 3_000,
);

test("the same seed is the same history", () => {
  const [history] = fc.sample(HISTORY, { seed: 7, numRuns: 1 }) as History[];
  if (!history) throw new Error("no history was made");
  expect(runHistory(history).log).toEqual([...runHistory(history).log]);
}, 60_000);
