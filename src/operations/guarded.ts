import { BudgetSpentError, type Decide, pauseAfter } from "../core/index.ts";
import type { PeerId } from "../protocol/index.ts";
import type { OperationDeps } from "./types.ts";

/**
 * Runs a decision that sends. Where it would use a budget up, nothing of it is stored; the pause that follows from it is, in a decision
 * of its own, before the sender hears of it.
 */
export async function runSending<T>(deps: Pick<OperationDeps, "engine">, from: PeerId, decide: Decide<T>): Promise<T> {
  try {
    return await deps.engine.run(decide);
  } catch (error) {
    if (!(error instanceof BudgetSpentError)) throw error;
    throw await deps.engine.run((ctx) => pauseAfter(ctx, error, from));
  }
}
