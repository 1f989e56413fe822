import type { AgentOptions } from "./driver.ts";
import { DRIVERS } from "./drivers/index.ts";
import { CONDITIONS, runCondition, runPairs } from "./matrix/index.ts";
import type { Row } from "./report.ts";
import type { Runnable } from "./runner.ts";
import { SCENES } from "./scenes/index.ts";

export interface Unit extends Runnable<Row> {
  /** Part of the bounded run that every submission gets. */
  isBounded: boolean;
}

const SCENE_TIMEOUT_MS = 150_000;
const LONG_SCENE_TIMEOUT_MS = 480_000;
const PAIRS_TIMEOUT_MS = 600_000;
/** Of each runtime, what shows most in the least time. */
const BOUNDED_CONDITIONS = ["busy in a tool", "permission dialog open", "half-typed draft", "daemon killed"];

export const UNITS: readonly Unit[] = [
  ...SCENES.map(
    (scene): Unit => ({
      id: scene.name,
      isBounded: !scene.isLong,
      timeoutMs: scene.isLong ? LONG_SCENE_TIMEOUT_MS : SCENE_TIMEOUT_MS,
      async run(world, checker) {
        await scene.run(world, checker);
        return [];
      },
    }),
  ),
  {
    id: `every runtime asks every runtime (${DRIVERS.length * DRIVERS.length} pairs)`,
    isBounded: true,
    timeoutMs: PAIRS_TIMEOUT_MS,
    async run(world, checker) {
      const results = await runPairs(world, DRIVERS, checker);
      return results.map((result) => ({ ...result, what: `asked by ${result.asker}`, runtime: result.answerer }));
    },
  },
  ...DRIVERS.flatMap((driver) =>
    CONDITIONS.map(
      (condition): Unit => ({
        id: `${driver.runtime}: ${condition.name}`,
        isBounded: BOUNDED_CONDITIONS.includes(condition.name),
        timeoutMs: SCENE_TIMEOUT_MS,
        async run(world, { check }) {
          const start = (options: AgentOptions) => driver.start(world, "backend", options);
          const result = await runCondition(world, start, condition, check);
          return [{ ...result, what: condition.name }];
        },
      }),
    ),
  ),
];
