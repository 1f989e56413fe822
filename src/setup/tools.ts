import { OPERATIONS, TOOL_OPERATIONS } from "../protocol/index.ts";

/** The name that repowire's MCP server has in every agent CLI. */
export const SERVER_NAME = "repowire";

/** The tools that setup allows, by name. Never a wildcard: what is added later is not allowed yet. */
export const TOOL_NAMES: readonly string[] = TOOL_OPERATIONS.map((operation) => OPERATIONS[operation].tool.name);
