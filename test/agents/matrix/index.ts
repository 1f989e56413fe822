import type { Checker } from "../check.ts";
import type { AgentDriver } from "../driver.ts";
import type { World } from "../world.ts";
import { CONDITIONS, type Condition, recipient } from "./conditions.ts";

/** What is known about one run of a condition, for the table. */
export interface ConditionResult {
  runtime: string;
  condition: string;
  seen?: string;
  by?: string;
  rung?: string;
  ms?: number;
}

export { CONDITIONS } from "./conditions.ts";
export { type PairResult, runPairs } from "./pairs.ts";

export async function runCondition(
  world: World,
  driver: AgentDriver,
  condition: Condition,
  { check }: Checker,
): Promise<ConditionResult> {
  const session = await driver.start(world, "backend", { model: recipient, allowShell: condition.allowShell });
  await condition.run({
    world,
    driver,
    session,
    check,
    ask: (question, waitSeconds = 60) => world.mesh.ask({ peer: "backend", question, wait_seconds: waitSeconds }),
  });
  const trace = await world.trace("last");
  const [delivery] = trace.deliveries;
  const seen = trace.steps.find((step) => step.state === "seen");
  return {
    runtime: driver.runtime,
    condition: condition.name,
    seen: seen?.detail,
    by: trace.ask?.by ?? trace.ask?.state,
    rung: delivery?.rung,
    ms: trace.steps.find((step) => step.state === "answered")?.at,
  };
}

export const conditionNames = CONDITIONS.map((condition) => condition.name);
