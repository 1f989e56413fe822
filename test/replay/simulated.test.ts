import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { parseRun } from "../../src/replay/file.ts";
import { replay } from "../../src/replay/replay.ts";
import { HISTORY, type History } from "../sim/history.ts";
import { runHistory } from "../sim/run-history.ts";
import { exportRun } from "../support/export-run.ts";

const SEEDS = Number(process.env.REPLAY_SEEDS ?? 25);

// @req replay.same-end
test(
  "what befell a simulated mesh, exported and replayed, takes the same way to the same end",
  () => {
    let consequences = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const [history] = fc.sample(HISTORY, { seed, numRuns: 1 }) as History[];
      if (!history) throw new Error("no history was made");
      let text = "";
      let bare = "";
      runHistory(history, (world) => {
        text = world.disk.look((tx) => exportRun(tx));
        bare = world.disk.look((tx) => exportRun(tx, { bodies: false }));
      });
      for (const exported of [text, bare]) {
        const replayed = replay(parseRun(exported, `seed ${seed}`));
        const wrong = replayed.steps.flatMap(({ event, difference }) =>
          difference ? [`${event.seq} ${event.type}: ${difference}`] : [],
        );
        expect([seed, wrong, replayed.differences]).toEqual([seed, [], []]);
        consequences += replayed.steps.filter(({ kind }) => kind === "consequence").length;
      }
    }
    // Where core made nothing by itself, nothing would be compared.
    expect(consequences).toBeGreaterThan(SEEDS * 20);
  },
  SEEDS * 4_000,
);
