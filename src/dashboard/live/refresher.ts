/** Loads something again when it may have changed: at once, but never twice within a while, and never two at a time. */
export interface Refresher {
  /** Soon: now, or when the while is over. */
  trigger(): void;
  /** Now; resolves when what was loaded is there. */
  now(): Promise<void>;
}

export function createRefresher(
  load: () => Promise<void>,
  gapMs: number,
  onError: (error: unknown) => void,
): Refresher {
  let running: Promise<void> | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isStale = false;
  let lastAt = Number.NEGATIVE_INFINITY;

  function run(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    isStale = false;
    lastAt = performance.now();
    running = load()
      .catch(onError)
      .finally(() => {
        running = undefined;
        if (isStale) schedule();
      });
    return running;
  }

  function schedule(): void {
    if (timer !== undefined) return;
    const wait = lastAt + gapMs - performance.now();
    if (wait <= 0) void run();
    else timer = setTimeout(() => void run(), wait);
  }

  return {
    trigger() {
      if (running) isStale = true;
      else schedule();
    },
    async now() {
      await running;
      await run();
    },
  };
}
