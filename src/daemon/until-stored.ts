import type { Decide, Engine } from "../core/index.ts";
import { RepowireError } from "../protocol/index.ts";

const FIRST_PAUSE_MS = 250;
const PAUSE_MAX_MS = 5_000;

/**
 * For what has already happened and cannot be refused any more: a hand-over that was made, a link that is gone. While the disk is
 * full, or the queue is, it is tried again and again, since forgetting it would leave the ledger wrong for good. If the daemon dies
 * meanwhile, the other side reports it after its reconnect. Rejects with anything that is not the store's trouble.
 */
export async function untilStored<T>(engine: Engine, decide: Decide<T>, sleep = Bun.sleep): Promise<T> {
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, PAUSE_MAX_MS)) {
    try {
      return await engine.run(decide);
    } catch (error) {
      if (!(error instanceof RepowireError) || !MAY_PASS.includes(error.code)) throw error;
      await sleep(pause);
    }
  }
}

const MAY_PASS: readonly RepowireError["code"][] = ["storage_full", "storage_failed", "overloaded"];
