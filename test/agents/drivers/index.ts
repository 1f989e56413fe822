import type { AgentDriver } from "../driver.ts";
import { claudeCode } from "./claude-code.ts";
import { gemini } from "./gemini.ts";

/** A row for each agent CLI that the suite drives. */
export const DRIVERS: readonly AgentDriver[] = [claudeCode, gemini];
