import type { ToolNames } from "./frames.ts";

export const GEMINI_TOOLS: ToolNames = { reply: "mcp_repowire_reply", inbox: "mcp_repowire_inbox" };
