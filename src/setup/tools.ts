import { OPERATIONS, TOOL_OPERATIONS } from "../protocol/index.ts";

/** The name that repowire's MCP server has in every agent CLI. */
export const SERVER_NAME = "repowire";

/** The tools that setup allows, by name: none that starts or ends a session. Never a wildcard: what is added later is not allowed yet. */
export const TOOL_NAMES: readonly string[] = TOOL_OPERATIONS.flatMap((operation) => {
  const { tool } = OPERATIONS[operation];
  return "isGuarded" in tool ? [] : [tool.name];
});
