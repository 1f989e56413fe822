import { drainMicrotasks } from "bun:jsc";
import type { Now } from "../../../src/core/ports.ts";

/**
 * The one thread of a simulated world: what is due happens, one event at a time, and whatever promises it settles settle before the
 * next. Nothing here waits for real time, and the same history runs the same way every time.
 */
export interface Loop {
  now(): Now;
  /** Calls back once, `ms` of the running machine from now; the returned function calls it off. */
  at(ms: number, run: () => void): () => void;
  /** Lets `ms` pass. */
  run(ms: number): void;
  /** The machine sleeps: only people's clocks go on. */
  sleepMachine(ms: number): void;
  readonly events: number;
}

interface Entry {
  due: number;
  order: number;
  run: (() => void) | undefined;
}

const START_WALL = Date.UTC(2026, 0, 5, 9, 0, 0);

export function createLoop(onError: (error: unknown) => void): Loop {
  const heap: Entry[] = [];
  let awake = 1_000;
  let slept = 0;
  let made = 0;
  let events = 0;

  const isBefore = (a: Entry, b: Entry) => a.due < b.due || (a.due === b.due && a.order < b.order);

  function push(entry: Entry): void {
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up];
      if (!parent || !isBefore(entry, parent)) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = entry;
  }

  function pop(): Entry | undefined {
    const first = heap[0];
    const last = heap.pop();
    if (!first || !last || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const right = left + 1;
      const [l, r] = [heap[left], heap[right]];
      if (!l) break;
      const [child, next] = r && isBefore(r, l) ? [r, right] : [l, left];
      if (!isBefore(child, last)) break;
      heap[at] = child;
      at = next;
    }
    heap[at] = last;
    return first;
  }

  function step(run: () => void): void {
    events++;
    try {
      run();
    } catch (error) {
      onError(error);
    }
    drainMicrotasks();
  }

  return {
    now: () => ({ wall: START_WALL + awake + slept, awake }),
    at(ms, run) {
      const entry: Entry = { due: awake + Math.max(0, Math.ceil(ms)), order: made++, run };
      push(entry);
      return () => {
        entry.run = undefined;
      };
    },
    run(ms) {
      drainMicrotasks();
      const until = awake + ms;
      while ((heap[0]?.due ?? Number.POSITIVE_INFINITY) <= until) {
        const entry = pop();
        if (!entry?.run) continue;
        awake = entry.due;
        step(entry.run);
      }
      awake = until;
    },
    sleepMachine(ms) {
      slept += ms;
    },
    get events() {
      return events;
    },
  };
}
