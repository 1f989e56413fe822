import { bootId } from "./process.ts";

/** Milliseconds since the machine's start, not counting sleep (CLOCK_MONOTONIC). */
export const monotonicMs = (): number => Number(process.hrtime.bigint() / 1000n) / 1000;

/** What must survive a restart for the awake clock to go on. */
export interface ClockMark {
  awake: number;
  mono: number;
  boot: string;
  /** Epoch ms; when the daemon was known to live. */
  wall?: number;
}

export interface RealClock {
  now(): { wall: number; awake: number };
  after(ms: number, run: () => void): () => void;
  mark(): ClockMark;
}

/**
 * The awake clock: it counts the time that the machine was awake, across restarts of the daemon, and does not care what the wall
 * clock is set to. After a reboot it goes on from the last mark plus the time since that boot.
 */
export function realClock(last?: ClockMark): RealClock {
  const boot = bootId();
  const mono = monotonicMs();
  const base =
    last === undefined ? 0 : last.boot === boot ? last.awake + Math.max(0, mono - last.mono) : last.awake + mono;
  const awake = () => base + (monotonicMs() - mono);
  return {
    now: () => ({ wall: Date.now(), awake: awake() }),
    after(ms, run) {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
    mark: () => ({ awake: awake(), mono: monotonicMs(), boot, wall: Date.now() }),
  };
}
