import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import {
  CallToolRequestSchema,
  type CallToolResult,
  ErrorCode,
  ListToolsRequestSchema,
  McpError,
} from "@modelcontextprotocol/sdk/types.js";
import { type CallOptions, type Mesh, type MessageId, type ToolOperation, VERSION } from "../protocol/index.ts";
import type { ToolNames } from "../words/index.ts";
import { callTool } from "./call-tool.ts";
import { listTools, operationOfTool } from "./tools.ts";

export interface MeshServerOptions {
  /** Whose calls these are; a function where one connection carries those of several sessions, told apart by a call's `_meta`. */
  mesh: Mesh | ((meta: Record<string, unknown> | undefined) => Promise<Mesh>);
  /** How this runtime's model sees the names of our tools. */
  toolNames: ToolNames;
  instructions?: string;
  experimental?: Record<string, object>;
  /** `_meta` of every listed tool. */
  toolMeta?: Record<string, unknown>;
  /** No tools at all: this process is no peer. */
  withoutTools?: boolean;
  /** Adds what only the session's side knows (the checkout's state, say). */
  enrich?(operation: ToolOperation, input: Record<string, unknown>): Promise<Record<string, unknown>>;
  /** Called when the result that carried these messages was written to the runtime. */
  onResultWritten?(messages: MessageId[]): void;
  /** Called when the client lists the tools: it is up and listening. */
  onListed?(): void;
  /** Faults that are not refusals. */
  onFault(error: unknown): void;
}

/** Keeps a waiting call alive in clients that end calls which say nothing (Claude Code 2.1.330: 30 min idle; others sooner). */
const PROGRESS_MS = 12_000;
/** The runtime's own id of a call, where it gives one (Claude Code 2.1.330). */
const TOOL_USE_ID = "claudecode/toolUseId";

/** The mesh tools as an MCP server, written once against `Mesh`; served over stdio and over HTTP. Results are text only. */
export function createMeshServer(options: MeshServerOptions): {
  server: Server;
  connect(transport: Transport): Promise<void>;
} {
  const server = new Server(
    { name: "repowire", version: VERSION },
    {
      capabilities: { tools: {}, ...(options.experimental ? { experimental: options.experimental } : {}) },
      instructions: options.instructions,
    },
  );
  const tools = options.withoutTools ? [] : listTools(options.toolMeta);
  const carriedBy = new Map<string | number, MessageId[]>();

  server.setRequestHandler(ListToolsRequestSchema, () => {
    options.onListed?.();
    return { tools };
  });

  server.setRequestHandler(CallToolRequestSchema, async (request, extra): Promise<CallToolResult> => {
    const operation = operationOfTool(request.params.name);
    if (!operation || options.withoutTools) {
      throw new McpError(
        ErrorCode.InvalidParams,
        `There is no tool "${request.params.name}". Tools: ${tools.map((tool) => tool.name).join(", ")}.`,
      );
    }
    const token = request.params._meta?.progressToken;
    const toolUseId = request.params._meta?.[TOOL_USE_ID];
    let beats = 0;
    const beat = (message?: string) => {
      if (token === undefined || extra.signal.aborted) return;
      extra
        .sendNotification({
          method: "notifications/progress",
          params: { progressToken: token, progress: ++beats, message },
        })
        .catch(() => {
          // The client is gone; the call ends with it.
        });
    };
    const beating = setInterval(beat, PROGRESS_MS);
    try {
      return await call(operation, request.params.arguments ?? {}, extra.requestId, request.params._meta, {
        signal: extra.signal,
        onProgress: beat,
        toolUseId: typeof toolUseId === "string" ? toolUseId : undefined,
      });
    } finally {
      clearInterval(beating);
    }
  });

  async function call(
    operation: ToolOperation,
    args: Record<string, unknown>,
    requestId: string | number,
    meta: Record<string, unknown> | undefined,
    callOptions: CallOptions,
  ): Promise<CallToolResult> {
    const { mesh } = options;
    const result = await callTool(typeof mesh === "function" ? () => mesh(meta) : mesh, {
      operation,
      args,
      toolNames: options.toolNames,
      options: callOptions,
      enrich: options.enrich,
      onFault: options.onFault,
    });
    const content = [{ type: "text" as const, text: result.text }];
    if ("refusal" in result) {
      const { code, retryable } = result.refusal;
      return { isError: true, content, _meta: { "repowire/error": { code, retryable } } };
    }
    if (result.carried.length === 0) return { content };
    carriedBy.set(requestId, result.carried);
    return { content, _meta: { "repowire/messages": result.carried } };
  }

  return {
    server,
    async connect(transport) {
      await server.connect(reportWrites(transport, carriedBy, options.onResultWritten));
    },
  };
}

/** Says when a response has really been written; only then was what it carries presented. */
function reportWrites(
  transport: Transport,
  carriedBy: Map<string | number, MessageId[]>,
  onWritten?: (messages: MessageId[]) => void,
): Transport {
  const send = transport.send.bind(transport);
  transport.send = async (message, sendOptions) => {
    await send(message, sendOptions);
    if (!("id" in message) || message.id === undefined || "method" in message) return;
    const carried = carriedBy.get(message.id);
    if (!carried) return;
    carriedBy.delete(message.id);
    onWritten?.(carried);
  };
  return transport;
}
