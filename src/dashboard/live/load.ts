import { useEffect, useState } from "preact/hooks";

export interface Loaded<T> {
  value: T | undefined;
  /** Why it could not be loaded, in the daemon's words; what was loaded before stays. */
  why: string;
  again(): void;
}

/** Loads something now and, while the page is looked at, again and again. */
export function useLoaded<T>(load: () => Promise<T>, everyMs: number | undefined): Loaded<T> {
  const [value, setValue] = useState<T | undefined>(undefined);
  const [why, setWhy] = useState("");
  const [round, setRound] = useState(0);
  useEffect(() => {
    let isOver = false;
    let isRunning = false;
    const run = async (isFirst: boolean) => {
      // A page that nobody looks at asks once, so that it is there when somebody does.
      if (isRunning || (document.hidden && !isFirst)) return;
      isRunning = true;
      try {
        const found = await load();
        if (isOver) return;
        setValue(() => found);
        setWhy("");
      } catch (error) {
        if (!isOver) setWhy((error as Error).message);
      } finally {
        isRunning = false;
      }
    };
    void run(true);
    const timer = everyMs === undefined ? undefined : setInterval(() => void run(false), everyMs);
    return () => {
      isOver = true;
      clearInterval(timer);
    };
  }, [round]);
  return { value, why, again: () => setRound((known) => known + 1) };
}
