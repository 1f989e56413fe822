import type { Verdict } from "../adapter.ts";

/** Hooks that wait beside an open permission dialog, by the approval they wait for. */
export interface PermissionWaits {
  /** Resolves with the verdict, or undefined when the request is void, the hook is gone, or the daemon stops. */
  wait(approval: string, signal: AbortSignal): Promise<Verdict | undefined>;
  settle(verdict: Verdict): void;
  close(): void;
}

export function createPermissionWaits(): PermissionWaits {
  const waiting = new Map<string, Set<(verdict: Verdict | undefined) => void>>();
  return {
    wait(approval, signal) {
      const { promise, resolve } = Promise.withResolvers<Verdict | undefined>();
      const own = waiting.get(approval) ?? new Set();
      own.add(resolve);
      waiting.set(approval, own);
      const onAbort = () => resolve(undefined);
      signal.addEventListener("abort", onAbort, { once: true });
      return promise.finally(() => {
        own.delete(resolve);
        if (own.size === 0) waiting.delete(approval);
        signal.removeEventListener("abort", onAbort);
      });
    },
    settle(verdict) {
      for (const resolve of waiting.get(verdict.approval.handle) ?? []) resolve(verdict);
    },
    close() {
      for (const own of waiting.values()) for (const resolve of own) resolve(undefined);
    },
  };
}
