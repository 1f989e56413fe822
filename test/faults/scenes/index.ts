import type { Verdict } from "../compare.ts";
import type { Random } from "../random.ts";
import type { World } from "../world.ts";

/** One kind of trouble, in a world of its own. */
export interface Scene {
  name: string;
  run(world: World, random: Random): Promise<Verdict>;
}

/** The machine does not allow it; said aloud. */
export class Skip extends Error {}

export const SCENES: readonly Scene[] = [];
