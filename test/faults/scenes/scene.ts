import type { Verdict } from "../compare.ts";
import type { World } from "../world.ts";

/** One kind of trouble, in a world of its own. */
export interface Scene {
  name: string;
  run(world: World): Promise<Verdict>;
}

/** The machine does not allow it; said aloud. */
export class Skip extends Error {}
