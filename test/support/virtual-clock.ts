import type { Clock } from "../../src/core/ports.ts";

/** A clock that moves only when a test says so. Timers run on the awake clock, as those of a process do. */
export interface VirtualClock extends Clock {
  /** Lets `ms` pass while the machine runs: fires what falls due, in order of its instant, then in order of its making. */
  advance(ms: number): void;
  /** The machine sleeps: people's clocks go on, the awake clock and all timers stand still. */
  sleepMachine(ms: number): void;
  /** Timers that have neither fired nor been called off. */
  readonly pending: number;
}

/** An ordinary morning; a fixed one, so that instants in failures can be compared. */
const START_WALL = Date.UTC(2026, 0, 5, 9, 0, 0);

export function virtualClock(start: { wall?: number; awake?: number } = {}): VirtualClock {
  let wall = start.wall ?? START_WALL;
  let awake = start.awake ?? 1_000;
  let made = 0;
  let timers: { dueAwake: number; order: number; run: () => void }[] = [];

  function nextDue(untilAwake: number) {
    return timers
      .filter((timer) => timer.dueAwake <= untilAwake)
      .sort((a, b) => a.dueAwake - b.dueAwake || a.order - b.order)[0];
  }

  return {
    now: () => ({ wall, awake }),
    after(ms, run) {
      const timer = { dueAwake: awake + Math.max(0, ms), order: made++, run };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    advance(ms) {
      const target = awake + ms;
      // A timer's own callback may set timers that fall due within the same span.
      for (let timer = nextDue(target); timer; timer = nextDue(target)) {
        const fired = timer;
        timers = timers.filter((other) => other !== fired);
        wall += fired.dueAwake - awake;
        awake = fired.dueAwake;
        fired.run();
      }
      wall += target - awake;
      awake = target;
    },
    sleepMachine(ms) {
      wall += ms;
    },
    get pending() {
      return timers.length;
    },
  };
}
