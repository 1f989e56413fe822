import type { Checker } from "../check.ts";
import type { World } from "../world.ts";
import { channelScenes } from "./channel.ts";
import { codexScenes } from "./codex.ts";
import { codexTerminalScenes } from "./codex-terminals.ts";
import { discoverScenes } from "./discover.ts";
import { faultScenes } from "./faults.ts";
import { geminiScenes } from "./gemini.ts";
import { inboxScenes } from "./inbox.ts";
import { newcomerScenes } from "./newcomer.ts";
import { openCodeScenes } from "./opencode.ts";
import { openCodeTurnScenes } from "./opencode-turns.ts";
import { orchestratorScenes } from "./orchestrator.ts";
import { permissionScenes } from "./permissions.ts";
import { radarScenes } from "./radar.ts";
import { setupScenes } from "./setup.ts";
import { setupAllScenes } from "./setup-all.ts";
import { setupRingScenes } from "./setup-ring.ts";
import { spawnScenes } from "./spawn.ts";
import { turnScenes } from "./turns.ts";

export interface Scene {
  name: string;
  /** It takes minutes, and is not part of the bounded run. */
  isLong?: boolean;
  run(world: World, checker: Checker): Promise<void>;
}

export const SCENES: Scene[] = [
  ...discoverScenes,
  ...channelScenes,
  ...inboxScenes,
  ...turnScenes,
  ...permissionScenes,
  ...faultScenes,
  ...setupScenes,
  ...setupAllScenes,
  ...setupRingScenes,
  ...codexScenes,
  ...codexTerminalScenes,
  ...openCodeScenes,
  ...openCodeTurnScenes,
  ...geminiScenes,
  ...spawnScenes,
  ...radarScenes,
  ...orchestratorScenes,
  ...newcomerScenes,
];
