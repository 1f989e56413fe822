/** What a link needs of time and chance; the process's own, unless whoever opens the link brings others. */
export interface LinkTime {
  /** Milliseconds; only differences count. */
  now(): number;
  /** Calls back once; the returned function calls it off. */
  after(ms: number, run: () => void): () => void;
  /** At least 0, less than 1. */
  random(): number;
}

export const processTime: LinkTime = {
  now: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  random: Math.random,
};

export const sleep = (time: LinkTime, ms: number): Promise<void> => new Promise((resolve) => time.after(ms, resolve));
