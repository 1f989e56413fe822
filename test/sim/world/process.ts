import type { LinkTime } from "../../../src/client/time.ts";
import type { Clock } from "../../../src/core/ports.ts";
import type { Chance } from "./chance.ts";
import type { Loop } from "./loop.ts";

/** Thrown out of the code of a process at the instant of its death. */
export class ProcessDied extends Error {
  constructor(where: string) {
    super(`died ${where}`);
    this.name = "ProcessDied";
  }
}

/**
 * A process that may die between any two steps. Its timers die with it, and whatever its code still does afterwards reaches nobody:
 * every door to the outside (network, disk) asks `alive` first.
 */
export interface SimProcess {
  readonly name: string;
  readonly alive: boolean;
  readonly clock: Clock;
  readonly time: LinkTime;
  /** One step of the process: something was sent, received or stored. Throws `ProcessDied` when it was to be the last. */
  step(where: string): void;
  /** Has the process die after so many further steps. */
  dieAfter(steps: number): void;
  kill(): void;
  onDeath(run: () => void): void;
}

export function createProcess(loop: Loop, chance: Chance, name: string): SimProcess {
  let alive = true;
  let left: number | undefined;
  const onDeath: (() => void)[] = [];

  function kill(): void {
    if (!alive) return;
    alive = false;
    // At once for the process, a moment later for everybody else.
    for (const run of onDeath) loop.at(0, run);
  }

  function after(ms: number, run: () => void): () => void {
    return loop.at(ms, () => {
      if (alive) run();
    });
  }

  return {
    name,
    get alive() {
      return alive;
    },
    clock: { now: loop.now, after },
    time: { now: () => loop.now().awake, after, random: chance.next },
    step(where) {
      if (left === undefined) return;
      if (left > 0) {
        left--;
        return;
      }
      left = undefined;
      kill();
      throw new ProcessDied(where);
    },
    dieAfter(steps) {
      if (alive) left = steps;
    },
    kill,
    onDeath: (run) => void onDeath.push(run),
  };
}
