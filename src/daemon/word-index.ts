import type { Engine } from "../core/index.ts";
import { LIMITS } from "../protocol/index.ts";
import type { SqliteStore } from "../store/sqlite/store.ts";

type Indexed = Pick<SqliteStore, "tendWords" | "wordsWaiting" | "commits">;

/** Until the next look, while messages wait for the index and while none does. */
const PAUSE_MS = 25;
const REST_MS = 1_000;
/** Taken in at once: where nobody else wants anything, about twenty milliseconds of work; where somebody does, three. */
const ROWS_IDLE = 200;
const ROWS_BUSY = 32;

/**
 * Has the index of words follow the messages while nothing else is going on. Under load it waits, until a search would have to read
 * half of what it may one by one; then it goes on in small parts. Returns what stops it.
 */
export function followWords(store: Indexed, engine: Pick<Engine, "backlog">, onError: (error: unknown) => void) {
  let commits = store.commits;
  let timer = setTimeout(tick, REST_MS);

  function tick(): void {
    const isIdle = engine.backlog === 0 && store.commits === commits;
    commits = store.commits;
    const waiting = store.wordsWaiting;
    try {
      if (isIdle && waiting > 0) store.tendWords(ROWS_IDLE);
      else if (waiting >= LIMITS.searchScanMax / 2) store.tendWords(ROWS_BUSY);
    } catch (error) {
      onError(error);
    }
    timer = setTimeout(tick, waiting > 0 ? PAUSE_MS : REST_MS);
  }

  return () => clearTimeout(timer);
}
