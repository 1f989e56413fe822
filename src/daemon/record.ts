import type { Clock, Decide, Engine } from "../core/index.ts";
import { logger } from "../platform/log.ts";
import { RepowireError } from "../protocol/index.ts";

const log = logger("record");
const RETRY_MS = 1_000;

/**
 * Records what has happened outside (a message was handed over, a link was lost). It cannot be refused or undone, so while the disk
 * takes nothing it is tried again: forgetting it would hand the same message over twice, or use a link that is gone.
 */
export async function record<T>(engine: Engine, clock: Clock, decide: Decide<T>): Promise<T> {
  for (;;) {
    try {
      return await engine.run(decide);
    } catch (error) {
      if (!(error instanceof RepowireError) || !error.retryable) throw error;
      log.warning("not stored yet; tried again", { error: error.message });
      await new Promise<void>((resolve) => clock.after(RETRY_MS, resolve));
    }
  }
}
