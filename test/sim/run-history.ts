import { LIMITS, type LimitName } from "../../src/protocol/index.ts";
import { readAll } from "./checks/check.ts";
import { CHECKS } from "./checks/index.ts";
import type { History } from "./history.ts";
import { createWorld, type World } from "./world/world.ts";

export interface Report {
  violations: readonly string[];
  log: readonly string[];
  counts: Counts;
}

/** How much happened; a simulation in which nothing does proves nothing. */
export interface Counts {
  commits: number;
  frames: number;
  messages: number;
  landings: number;
  answered: number;
  possibleDuplicates: number;
  pauses: number;
  deaths: number;
}

/** Small enough that a history reaches them. */
const SMALL: Partial<Record<LimitName, number>> = {
  mailboxLengthMax: 8,
  openAsksPerAskerMax: 3,
  waitersPerPeerMax: 2,
  fanOutMax: 3,
  hopsMax: 3,
  pairPerMinuteMax: 6,
  pairPerNightMax: 40,
  circlePerMinuteMax: 25,
  attemptsMax: 3,
  linksMax: 4,
  deliverItemsMax: 2,
  batchMax: 4,
};

/** Runs a history from its first step to its calm end and holds what happened against every promise. `onEnd` looks at its end. */
export function runHistory(history: History, onEnd: (world: World) => void = () => {}): Report {
  const restore = history.limits === "small" ? setLimits(SMALL) : () => {};
  try {
    using world = createWorld(history);
    world.onEffects = (effects) => {
      for (const check of CHECKS) check.during?.(world, effects);
    };
    for (const action of history.actions) world.take(action);
    world.calmDown();
    const stored = readAll(world);
    onEnd(world);
    for (const check of CHECKS) check.end?.(world, stored);
    const { truth } = world;
    return {
      violations: [...new Set(truth.violations)],
      log: truth.log,
      counts: {
        commits: world.disk.commits,
        frames: world.network.frames,
        messages: stored.messages.size,
        landings: truth.landings.length,
        answered: stored.events.filter((event) => event.type === "ask.answered").length,
        possibleDuplicates: stored.deliveries.reduce((sum, delivery) => sum + delivery.possible_duplicates, 0),
        pauses: stored.events.filter((event) => event.type === "guard.paused").length,
        deaths: truth.log.filter((line) => line.endsWith("is dead")).length,
      },
    };
  } finally {
    restore();
  }
}

function setLimits(limits: Partial<Record<LimitName, number>>): () => void {
  // Fixed for the product; here alone they are turned, and turned back.
  const mutable = LIMITS as Record<LimitName, number>;
  const before = { ...LIMITS };
  Object.assign(mutable, limits);
  return () => void Object.assign(mutable, before);
}
