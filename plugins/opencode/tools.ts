import { enrichInSession } from "../../src/client/index.ts";
import { callTool } from "../../src/mcp/call-tool.ts";
import { listTools, operationOfTool, type ToolListing } from "../../src/mcp/tools.ts";
import type { CheckoutState, Mesh, MessageId, OperationOutput, ToolOperation } from "../../src/protocol/index.ts";
import { OPENCODE_TOOL_PREFIX, OPENCODE_TOOLS } from "../../src/words/index.ts";

/** What OpenCode gives a tool with each call (1.18.33). */
export interface ToolContext {
  sessionID: string;
  callID?: string;
  abort: AbortSignal;
}

export interface PluginTool {
  description: string;
  /** A plain map of JSON schemas, which needs no import; which of them are required, `tool.definition` says. */
  args: Record<string, unknown>;
  execute(args: unknown, context: ToolContext): Promise<string>;
}

export interface ToolParts {
  mesh(): Mesh;
  isSubagent(session: string): Promise<boolean>;
  folder(): string;
  checkout(): Promise<CheckoutState | undefined>;
  /** The result of this call carries these messages to the model. */
  onCarried(call: { session: string; callID: string | undefined }, messages: MessageId[]): void;
  onResult(
    session: string,
    operation: ToolOperation,
    args: Record<string, unknown>,
    output: OperationOutput<ToolOperation | "ask_several" | "schedule">,
  ): void;
  onFault(error: unknown): void;
}

const LISTED = new Map(listTools().map((listing) => [`${OPENCODE_TOOL_PREFIX}${listing.name}`, listing]));

/** The schema that a model should see for a tool of ours. */
export const schemaOf = (name: string): ToolListing["inputSchema"] | undefined => LISTED.get(name)?.inputSchema;

export function pluginTools(parts: ToolParts): Record<string, PluginTool> {
  const tools = [...LISTED].map(([name, listing]): [string, PluginTool] => [
    name,
    {
      description: listing.description,
      args: listing.inputSchema.properties,
      async execute(given, context) {
        const operation = operationOfTool(listing.name);
        if (!operation) throw new Error(`There is no operation behind ${name}.`);
        const args = isRecord(given) ? withoutEmpty(given) : {};
        const result = await callTool(parts.mesh(), {
          operation,
          args,
          toolNames: OPENCODE_TOOLS,
          options: { signal: context.abort, subagent: await parts.isSubagent(context.sessionID) },
          enrich: enrichInSession(parts),
          onFault: parts.onFault,
        });
        // OpenCode shows its sentence to the model as the tool's error, and the turn goes on.
        if ("refusal" in result) throw new Error(result.text);
        if (result.carried.length > 0)
          parts.onCarried({ session: context.sessionID, callID: context.callID }, result.carried);
        parts.onResult(context.sessionID, operation, args, result.output);
        return result.text;
      },
    },
  ]);
  return Object.fromEntries(tools);
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Arguments come as the model gave them: some models send `null` or an empty text for what they leave out. */
function withoutEmpty(args: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(args).filter(([, value]) => value !== null && value !== undefined));
}
