import type { Checker } from "../check.ts";
import type { AgentOptions, AgentSession } from "../driver.ts";
import { type Condition, recipient, type Stage } from "./conditions.ts";

/** What is known about one run of a condition, for the table. */
export interface ConditionResult {
  runtime: string;
  condition: string;
  seen?: string;
  by?: string;
  rung?: string;
  ms?: number;
}

export { CONDITIONS, type Stage } from "./conditions.ts";
export { type PairResult, runPairs } from "./pairs.ts";

/** Brings a session of some runtime into the condition, asks it, and holds ledger and transcript against each other. */
export async function runCondition(
  world: Stage,
  start: (options: AgentOptions) => Promise<AgentSession>,
  condition: Condition,
  check: Checker["check"],
  longMs: number = LONG_MS,
): Promise<ConditionResult> {
  const session = await start({ model: recipient(longMs), allowShell: condition.allowShell });
  await condition.run({
    world,
    session,
    check,
    longMs,
    ask: (question, waitSeconds = 60) => world.mesh.ask({ peer: "backend", question, wait_seconds: waitSeconds }),
  });
  const trace = await world.trace("last");
  const [delivery] = trace.deliveries;
  const seen = trace.steps.find((step) => step.state === "seen");
  return {
    runtime: session.runtime,
    condition: condition.name,
    seen: seen?.detail,
    by: trace.ask?.by ?? trace.ask?.state,
    rung: delivery?.rung,
    ms: trace.steps.find((step) => step.state === "answered")?.at,
  };
}

/** A real CLI with a scripted model is well inside a turn of this length when the question comes. */
const LONG_MS = 6_000;
