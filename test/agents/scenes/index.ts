import type { Checker } from "../check.ts";
import type { World } from "../world.ts";
import { channelScenes } from "./channel.ts";

export interface Scene {
  name: string;
  run(world: World, checker: Checker): Promise<void>;
}

export const SCENES: Scene[] = [...channelScenes];
