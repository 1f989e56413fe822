import type { Clock } from "../core/ports.ts";
import type { AskOutcome } from "../protocol/index.ts";

/** The calls that wait for an outcome, by the id that core knows them by. */
export interface Waits {
  open(id: string, onProgress?: (text: string) => void): Wait;
  /** Called with the effects of a commit. */
  settle(id: string, outcome: AskOutcome): void;
  progress(id: string, text: string): void;
  readonly size: number;
}

export interface Wait {
  readonly id: string;
  /** The outcome, once it is there. */
  readonly settled: AskOutcome | undefined;
  /** The outcome, or how the wait ended without one. */
  outcome(clock: Clock, ms: number, signal?: AbortSignal): Promise<AskOutcome | "timeout" | "aborted">;
  close(): void;
}

export function createWaits(): Waits {
  const open = new Map<string, { settle: (outcome: AskOutcome) => void; onProgress?: (text: string) => void }>();
  return {
    open(id, onProgress) {
      const settled = Promise.withResolvers<AskOutcome>();
      let found: AskOutcome | undefined;
      const settle = (outcome: AskOutcome) => {
        found = outcome;
        settled.resolve(outcome);
      };
      open.set(id, { settle, onProgress });
      return {
        id,
        get settled() {
          return found;
        },
        close: () => void open.delete(id),
        async outcome(clock, ms, signal) {
          const ended = Promise.withResolvers<"timeout" | "aborted">();
          const stopTimer = clock.after(ms, () => ended.resolve("timeout"));
          const onAbort = () => ended.resolve("aborted");
          if (signal?.aborted) onAbort();
          signal?.addEventListener("abort", onAbort, { once: true });
          try {
            return await Promise.race([settled.promise, ended.promise]);
          } finally {
            stopTimer();
            signal?.removeEventListener("abort", onAbort);
            open.delete(id);
          }
        },
      };
    },
    settle: (id, outcome) => open.get(id)?.settle(outcome),
    progress: (id, text) => open.get(id)?.onProgress?.(text),
    get size() {
      return open.size;
    },
  };
}
