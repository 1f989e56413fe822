/** Seeded chance (mulberry32): the same seed draws the same numbers. */
export interface Chance {
  /** At least 0, less than 1. */
  next(): number;
  /** An integer from `low` to `high`, both included. */
  int(low: number, high: number): number;
  is(probability: number): boolean;
  pick<T>(list: readonly [T, ...T[]]): T;
}

export function createChance(seed: number): Chance {
  let state = seed >>> 0;
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }
  const int = (low: number, high: number) => low + Math.floor(next() * (high - low + 1));
  return {
    next,
    int,
    is: (probability) => next() < probability,
    pick: (list) => list[int(0, list.length - 1)] ?? list[0],
  };
}
