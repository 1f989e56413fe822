import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import { LATEST_PROTOCOL_VERSION } from "@modelcontextprotocol/sdk/types.js";
import type { SharedServer } from "../adapters/adapter.ts";
import { type Caller, claimSeat, type Engine, endSession } from "../core/index.ts";
import { createMeshServer } from "../mcp/index.ts";
import type { Operations } from "../operations/index.ts";
import { realPath } from "../platform/checkout.ts";
import { logger } from "../platform/log.ts";
import { bootId, type ProcessInfo, processCwd, processInfo } from "../platform/process.ts";
import {
  type CallOptions,
  carriedMessages,
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
const SESSION_ID = /^[0-9a-f-]{36}$/;
const INSTRUCTIONS =
  "Other agent sessions on this machine are peers: ask_peer instead of guessing about their code. Mail for you waits in inbox.";

export function createMcpEndpoint(parts: {
  engine: Engine;
  operations: Operations;
  markWritten(peer: PeerId, messages: MessageId[]): void;
  /** The runtime whose process this is, where it carries several sessions: then each call says whose it is. */
  sharedBy(process: ProcessInfo): SharedServer | undefined;
}): McpEndpoint {
  const sessions = new Map<
    string,
    { transport: WebStandardStreamableHTTPServerTransport; peer?: PeerId; pid: number }
  >();

  async function seatOf(chain: ProcessInfo[]): Promise<PeerId> {
    const known = peerOfChain(parts.engine, chain);
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

  function meshFor(peer: PeerId, mayBeSubagent = false, onCarried?: (messages: MessageId[]) => void): Mesh {
    const caller = (): Caller => {
      const record = parts.engine.read((ctx) => ctx.tx.peers.get(peer));
      return { peer, role: record?.role ?? "agent", isHuman: false, mayBeSubagent };
    };
    return Object.fromEntries(
      OPERATION_NAMES.map((name) => [
        name,
        async (input: unknown, options?: CallOptions) => {
          const output = await parts.operations.call(name, input, caller(), options);
          onCarried?.(carriedMessages(name, output));
          return output;
        },
      ]),
    ) as unknown as Mesh; // the operations table types both sides
  }

  /** `resumed`: the id of a session from before this daemon, which goes on as if nothing had happened. */
  async function open(chain: ProcessInfo[], resumed?: string): Promise<WebStandardStreamableHTTPServerTransport> {
    if (sessions.size >= LIMITS.linksMax) await closeEnded();
    if (sessions.size >= LIMITS.linksMax)
      throw new RepowireError("too_many_links", `${sessions.size} MCP sessions are open, the most there may be.`);
    const [process] = chain;
    const server = process && parts.sharedBy(process);
    const peer = server ? undefined : await seatOf(chain);
    const pid = process?.pid ?? 0;
    const carriedFor = new Map<MessageId, PeerId>();
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => resumed ?? crypto.randomUUID(),
      onsessioninitialized: (id) => void sessions.set(id, { transport, peer, pid }),
      onsessionclosed: (id) => void close(id),
      maxRequestBodySize: LIMITS.frameBytesMax,
    });
    const mesh = createMeshServer({
      mesh: peer ? meshFor(peer) : (meta) => meshOfCall(server, process, meta, carriedFor),
      toolNames: { reply: "reply", inbox: "inbox" },
      instructions: INSTRUCTIONS,
      onResultWritten: (messages) => {
        if (peer) return parts.markWritten(peer, messages);
        for (const message of messages) {
          const owner = carriedFor.get(message);
          carriedFor.delete(message);
          if (owner) parts.markWritten(owner, [message]);
        }
      },
      onFault: (error) => log.error("a tool call failed", { error }),
    });
    await mesh.connect(transport);
    return transport;
  }

  async function meshOfCall(
    server: SharedServer | undefined,
    process: ProcessInfo | undefined,
    meta: Record<string, unknown> | undefined,
    carriedFor: Map<MessageId, PeerId>,
  ): Promise<Mesh> {
    if (!server || !process) throw new RepowireError("unauthorized", "The process behind this connection is gone.");
    const { peer, isSubagent } = await server.caller(process, server.sessionOfCall(meta));
    return meshFor(peer, isSubagent, (messages) => {
      for (const message of messages) carriedFor.set(message, peer);
    });
  }

  /** Clients that keep their session over a restart of this daemon do not initialize again: it is done for them. */
  async function resume(chain: ProcessInfo[], id: string, request: Request): Promise<Response> {
    const transport = await open(chain, id);
    const hello = {
      jsonrpc: "2.0",
      id: "resume",
      method: "initialize",
      params: {
        protocolVersion: request.headers.get("mcp-protocol-version") ?? LATEST_PROTOCOL_VERSION,
        capabilities: {},
        clientInfo: { name: "resumed", version: "1" },
      },
    };
    const headers = { "content-type": "application/json", accept: "application/json, text/event-stream" };
    const reply = await transport.handleRequest(
      new Request(request.url, { method: "POST", headers, body: JSON.stringify(hello) }),
    );
    await reply.text();
    return transport.handleRequest(request);
  }

  /** Clients that end without a word leave their sessions behind. */
  async function closeEnded(): Promise<void> {
    for (const [id, { pid }] of [...sessions]) if (processInfo(pid) === undefined) await close(id);
  }

  async function close(id: string): Promise<void> {
    const session = sessions.get(id);
    sessions.delete(id);
    if (!session?.peer || [...sessions.values()].some((other) => other.peer === session.peer)) return;
    const own = session.peer;
    await parts.engine.run((ctx) => {
      const peer = ctx.tx.peers.get(own);
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
      const isResumable = SESSION_ID.test(id) && request.method === "POST" && parts.sharedBy(chain[0]) !== undefined;
      if (!session && isResumable) return resume(chain, id, request);
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
