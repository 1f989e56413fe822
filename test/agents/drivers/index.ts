import type { AgentDriver } from "../driver.ts";
import { claudeCode } from "./claude-code.ts";
import { codex } from "./codex.ts";
import { gemini } from "./gemini.ts";
import { openCode } from "./opencode.ts";

/** A row for each agent CLI that the suite drives. */
export const DRIVERS: readonly AgentDriver[] = [claudeCode, codex, gemini, openCode];
