import { expect, test } from "bun:test";
import { LIMITS } from "../protocol/index.ts";
import { followWords } from "./word-index.ts";

/** A store with so much that waits; `isBusy`: something is committed between any two looks. */
async function taken(waiting: number, isBusy: boolean): Promise<number[]> {
  const rows: number[] = [];
  let commits = 0;
  const store = {
    get commits() {
      return isBusy ? ++commits : commits;
    },
    get wordsWaiting() {
      return waiting;
    },
    tendWords: (count: number) => void rows.push(count),
  };
  const stop = followWords(store, { backlog: 0 }, (error) => {
    throw error;
  });
  await Bun.sleep(1_200);
  stop();
  const before = rows.length;
  await Bun.sleep(60);
  expect(rows.length).toBe(before);
  return [...new Set(rows)];
}

test("the index follows in large parts while nothing goes on, in small ones under load, and only when much waits", async () => {
  const half = LIMITS.searchScanMax / 2;
  expect(await Promise.all([taken(0, false), taken(1, false), taken(half - 1, true), taken(half, true)])).toEqual([
    [],
    [200],
    [],
    [32],
  ]);
});

test("a fault is told, and the index goes on following", async () => {
  let tries = 0;
  const faults: unknown[] = [];
  const store = {
    commits: 0,
    wordsWaiting: 5,
    tendWords() {
      tries++;
      throw new Error("no");
    },
  };
  const stop = followWords(store, { backlog: 0 }, (error) => faults.push(error));
  await Bun.sleep(1_200);
  stop();
  expect(tries).toBeGreaterThan(1);
  expect(faults).toHaveLength(tries);
});
