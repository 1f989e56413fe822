import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import { type Caller, claimSeat, type Engine, endSession } from "../core/index.ts";
import { createMeshServer } from "../mcp/index.ts";
import type { Operations } from "../operations/index.ts";
import { realPath } from "../platform/checkout.ts";
import { logger } from "../platform/log.ts";
import { bootId, type ProcessInfo, processCwd } from "../platform/process.ts";
import {
  type CallOptions,
  LIMITS,
  type Mesh,
  type MessageId,
  OPERATION_NAMES,
  type PeerId,
  RepowireError,
} from "../protocol/index.ts";
import { peerOfChain } from "./callers.ts";

/**
 * The tools over streamable HTTP at `/mcp`, for MCP clients that are no channel of ours. Who calls is the process that holds the
 * connection: a registered session, or else a seat of its own for as long as that process lives. It can only pull.
 */
export interface McpEndpoint {
  handle(request: Request, chain: ProcessInfo[] | undefined): Promise<Response>;
  readonly size: number;
}

const log = logger("mcp");
const INSTRUCTIONS =
  "Other agent sessions on this machine are peers: ask_peer instead of guessing about their code. Mail for you waits in inbox.";

export function createMcpEndpoint(parts: {
  engine: Engine;
  operations: Operations;
  markWritten(peer: PeerId, messages: MessageId[]): void;
}): McpEndpoint {
  const sessions = new Map<
    string,
    { transport: WebStandardStreamableHTTPServerTransport; peer: PeerId; pid: number }
  >();

  async function seatOf(chain: ProcessInfo[]): Promise<PeerId> {
    const known = parts.engine.read((ctx) => peerOfChain(ctx.tx.peers.all(), chain));
    const [self] = chain;
    if (known) return known.id;
    if (!self) throw new RepowireError("unauthorized", "The process behind this connection is gone.");
    const cwd = processCwd(self.pid);
    const seat = await parts.engine.run((ctx) =>
      claimSeat(ctx, {
        runtime: "mcp",
        role: "agent",
        instance: { pid: self.pid, started: self.started, boot: bootId() },
        path: cwd && realPath(cwd),
        capabilities: ["mcp_tools"],
        identity: "proven",
      }),
    );
    return seat.id;
  }

  function meshFor(peer: PeerId): Mesh {
    const caller = (): Caller => {
      const record = parts.engine.read((ctx) => ctx.tx.peers.get(peer));
      return { peer, role: record?.role ?? "agent", isHuman: false, mayBeSubagent: false };
    };
    return Object.fromEntries(
      OPERATION_NAMES.map((name) => [
        name,
        (input: unknown, options?: CallOptions) => parts.operations.call(name, input, caller(), options),
      ]),
    ) as unknown as Mesh; // the operations table types both sides
  }

  async function open(chain: ProcessInfo[]): Promise<WebStandardStreamableHTTPServerTransport> {
    if (sessions.size >= LIMITS.linksMax)
      throw new RepowireError("too_many_links", `${sessions.size} MCP sessions are open, the most there may be.`);
    const peer = await seatOf(chain);
    const pid = chain[0]?.pid ?? 0;
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => crypto.randomUUID(),
      onsessioninitialized: (id) => void sessions.set(id, { transport, peer, pid }),
      onsessionclosed: (id) => void close(id),
      maxRequestBodySize: LIMITS.frameBytesMax,
    });
    const mesh = createMeshServer({
      mesh: meshFor(peer),
      toolNames: { reply: "reply", inbox: "inbox" },
      instructions: INSTRUCTIONS,
      onResultWritten: (messages) => parts.markWritten(peer, messages),
      onFault: (error) => log.error("a tool call failed", { error }),
    });
    await mesh.connect(transport);
    return transport;
  }

  async function close(id: string): Promise<void> {
    const session = sessions.get(id);
    sessions.delete(id);
    if (!session || [...sessions.values()].some((other) => other.peer === session.peer)) return;
    await parts.engine.run((ctx) => {
      const peer = ctx.tx.peers.get(session.peer);
      if (peer?.runtime === "mcp") endSession(ctx, peer.id, "its MCP session ended");
    });
  }

  return {
    async handle(request, chain) {
      if (!chain?.[0])
        throw new RepowireError(
          "unauthorized",
          "The process behind this connection could not be found; the tools need to know who calls.",
        );
      const id = request.headers.get("mcp-session-id");
      if (id === null) return (await open(chain)).handleRequest(request);
      const session = sessions.get(id);
      if (!session)
        return Response.json(
          { jsonrpc: "2.0", id: null, error: { code: -32001, message: "That MCP session is over. Initialize again." } },
          { status: 404 },
        );
      // A session id is no credential: it works for the process tree that opened it.
      if (!chain.some((info) => info.pid === session.pid))
        throw new RepowireError("unauthorized", "That MCP session belongs to another process.");
      return session.transport.handleRequest(request);
    },
    get size() {
      return sessions.size;
    },
  };
}
