import type { AgentDriver } from "../driver.ts";
import { claudeCode } from "./claude-code.ts";

/** A row for each agent CLI that the suite drives. */
export const DRIVERS: readonly AgentDriver[] = [claudeCode];
