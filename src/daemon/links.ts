import { createHash } from "node:crypto";
import type { LinkProfile, Transport, Verdict } from "../adapters/adapter.ts";
import type { OwnTurns } from "../adapters/own-turns.ts";
import {
  type Caller,
  type Clock,
  type Context,
  changeConversation,
  claimSeat,
  type Engine,
  endDeadSessions,
  humanSeat,
  loseLink,
  mustGet,
  openRoute,
  othersOnline,
  type PeerRecord,
  publicPeer,
  type Route,
  requestApproval,
  resumeLink,
  setRouteReady,
  withdrawApprovals,
} from "../core/index.ts";
import { type Operations, withdrawCall } from "../operations/index.ts";
import { newSecret } from "../platform/ids.ts";
import { logger } from "../platform/log.ts";
import { ancestors, type LoopbackConnection } from "../platform/process.ts";
import { sameSecret } from "../platform/token.ts";
import {
  asRepowireError,
  CLOSE,
  createRpc,
  DAEMON_METHODS,
  ERRORS,
  frameTooLarge,
  fromZod,
  type Hello,
  isLongerThan,
  isOperation,
  LIMITS,
  LINK_METHODS,
  type LinkMethod,
  PROTOCOL_VERSION,
  PROTOCOL_VERSIONS_UNDERSTOOD,
  type ProcessInstance,
  RepowireError,
  type Rpc,
  type RpcFrame,
  type SessionSpan,
  VERSION,
  type Welcome,
} from "../protocol/index.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { applyReport } from "./link-reports.ts";
import { record } from "./record.ts";

/** State of one socket; Bun keeps it with the connection. */
export interface LinkSocketData {
  connection: LoopbackConnection | undefined;
  link?: LinkSession;
}

/** What this uses of a server's WebSocket. */
export interface LinkSocket {
  readonly data: LinkSocketData;
  send(text: string): unknown;
  close(code: number, reason: string): void;
}

export interface LinkSession {
  receive(text: string): void;
  closed(): void;
}

export interface LinkServerParts {
  token: string;
  instance: string;
  epoch: string;
  humanName: string;
  engine: Engine;
  clock: Clock;
  operations: Operations;
  dispatcher: Dispatcher;
  /** Checks what a session says of its process; throws the refusal. */
  checkClaim(claim: Hello["session"], connection: LoopbackConnection | undefined): "proven" | "asserted";
  /** Whether that very process still runs. */
  isAlive(instance: ProcessInstance): boolean;
  /** Whether a tool call may come from a subagent of the session. */
  mayBeSubagent(peer: PeerRecord, toolUseId: string | undefined): boolean;
  /** How messages go down this link, or undefined when it cannot push (its tools still work). */
  profile(hello: Hello): LinkProfile | undefined;
  /** A session joined or came back. */
  onSession(peer: PeerRecord): void;
  /** Told of the spans of a session's process; absent: nobody wants them, and sessions are told so. */
  onSpans?(peer: PeerRecord["id"], spans: SessionSpan[]): void;
  /** Told of files that a session uses; absent: nobody wants to know. */
  onFiles?(peer: PeerRecord["id"], files: { writes: string[]; reads: string[] }): Promise<unknown>;
  /** A link said hello: whether it is one that came back. */
  onJoined?(kind: "new" | "resumed"): void;
  onRefused?(error: unknown): void;
  /** A session's link is gone; its process may be, too. */
  onLost(): void;
  /** How long a new connection may take to say hello; milliseconds. */
  helloTimeoutMs?: number;
}

export interface LinkServer {
  open(socket: LinkSocket): void;
  /** Tells all links when to come back, and closes them. */
  shutdown(backInMs: number): Promise<void>;
  readonly size: number;
}

const log = logger("links");
const HELLO_TIMEOUT_MS = 5_000;
const hash = (secret: string): string => createHash("sha256").update(secret).digest("hex");

export function createLinkServer(parts: LinkServerParts): LinkServer {
  const live = new Map<string, { socket: LinkSocket; rpc: Rpc; peer?: PeerRecord["id"]; instance?: string }>();

  parts.dispatcher.onVerdict((verdict) => passVerdict(verdict));

  function passVerdict({ approval, verdict, reason }: Verdict): void {
    for (const { rpc, peer } of live.values()) {
      if (peer !== approval.peer) continue;
      for (const request of approval.requests.filter((known) => known.via === "link")) {
        if (verdict === "withdrawn") continue;
        rpc.request("verdict", { request: request.request, behavior: verdict, reason }).catch(() => {});
      }
    }
  }

  /** Connections that have not said who they are make room for others: whoever opens many of them keeps no session out. */
  function dropOldestStranger(): void {
    for (const [id, { socket, peer }] of live) {
      if (peer !== undefined) continue;
      live.delete(id);
      return socket.close(CLOSE.helloTimeout, "no hello, and no room to wait for it");
    }
  }

  function open(socket: LinkSocket): void {
    const id = newSecret();
    if (live.size >= LIMITS.linksMax) dropOldestStranger();
    if (live.size >= LIMITS.linksMax) {
      socket.close(CLOSE.shuttingDown, ERRORS.too_many_links.title);
      return;
    }
    const rpc = createRpc({
      send: (text) => void socket.send(text),
      handle,
      onFault: (error) => log.error("a request failed", { error }),
      onRefused: parts.onRefused,
    });
    live.set(id, { socket, rpc });
    const stopHelloTimer = parts.clock.after(parts.helloTimeoutMs ?? HELLO_TIMEOUT_MS, () =>
      socket.close(CLOSE.helloTimeout, "no hello"),
    );
    let session: { peer: PeerRecord["id"]; route?: Route } | undefined;
    let isGreeting = false;
    const gone = new AbortController();

    async function handle(method: string, params: Record<string, unknown>, meta: RpcFrame["meta"]): Promise<unknown> {
      if (method === "hello") return greetOnce(parse("hello", params));
      if (method === "ping") return {};
      if (!session)
        throw refuse(new RepowireError("unauthorized", "The first request on a link is hello."), CLOSE.unauthorized);
      if (isOperation(method))
        return parts.operations.call(method, params, callerOf(session.peer, meta), callOptions(params));
      if (!isLinkMethod(method))
        throw new RepowireError(
          "unknown_operation",
          `There is no method "${method.slice(0, 60)}". docs/protocol.md lists them.`,
        );
      return serve(method, params, session);
    }

    function callOptions(params: Record<string, unknown>) {
      const { message } = params;
      return {
        signal: gone.signal,
        onProgress: (text: string) => {
          if (typeof message === "string") rpc.request("progress", { message, text }).catch(() => {});
        },
      };
    }

    function callerOf(peerId: PeerRecord["id"], meta: RpcFrame["meta"]): Caller {
      const peer = parts.engine.read((ctx) => mustGet(ctx, peerId));
      return {
        peer: peer.id,
        role: peer.role,
        isHuman: false,
        mayBeSubagent: meta?.subagent ?? parts.mayBeSubagent(peer, meta?.tool_use_id),
      };
    }

    /** A second hello that comes while the first is under way is one too many, too. */
    async function greetOnce(hello: Hello): Promise<Welcome> {
      if (session || isGreeting) throw new RepowireError("invalid_input", "This link already said hello.");
      isGreeting = true;
      try {
        return await greet(hello);
      } finally {
        isGreeting = false;
      }
    }

    async function greet(hello: Hello): Promise<Welcome> {
      checkHello(hello);
      const identity = checkClaim(hello);
      const profile = parts.profile(hello);
      const { peer, resume, isBack } = await parts.engine.run((ctx) => {
        endDeadSessions(ctx, hello.session, parts.isAlive);
        return join(ctx, hello, identity, profile);
      });
      stopHelloTimer();
      const entry = live.get(id);
      if (!entry) {
        await loseRoute();
        throw new RepowireError("unavailable", "The link was closed during hello.");
      }
      replaceOthers(peer);
      entry.peer = peer.id;
      session = { peer: peer.id, route: profile && parts.engine.read((ctx) => ctx.live.route(id)) };
      if (profile) parts.dispatcher.addTransport(id, transportOf(rpc, hello.capabilities));
      log.info("session joined", { peer: peer.id, name: peer.name, runtime: peer.runtime, pid: peer.instance?.pid });
      parts.onSession(peer);
      parts.onJoined?.(isBack ? "resumed" : "new");
      return parts.engine.read((ctx) => welcome(ctx, peer, resume));
    }

    function checkHello(hello: Hello): void {
      if (!sameSecret(hello.token, parts.token)) {
        throw refuse(
          new RepowireError(
            "unauthorized",
            "That token is not this daemon's. Restart the session; it reads the token file anew.",
          ),
          CLOSE.unauthorized,
        );
      }
      if (!hello.protocol.some((version) => (PROTOCOL_VERSIONS_UNDERSTOOD as readonly number[]).includes(version))) {
        const sentence = `This daemon (repowire ${VERSION}) speaks protocol ${PROTOCOL_VERSIONS_UNDERSTOOD.join(", ")}, the session's side (${hello.client.name} ${hello.client.version}) ${hello.protocol.join(", ")}. Restart the session to get the installed version; if that does not help, run \`repowire setup\` again.`;
        throw refuse(new RepowireError("protocol_unsupported", sentence), CLOSE.protocolUnsupported);
      }
    }

    function checkClaim(hello: Hello): "proven" | "asserted" {
      try {
        return parts.checkClaim(hello.session, socket.data.connection);
      } catch (error) {
        throw refuse(asRepowireError(error), CLOSE.unauthorized);
      }
    }

    /** The refusal goes out as the response; then the connection ends with a code that says whether to come back. */
    function refuse(error: RepowireError, code: number): RepowireError {
      log.warning("link refused", { code: error.code, reason: error.message });
      parts.clock.after(10, () => socket.close(code, error.message.slice(0, 120)));
      return error;
    }

    function join(
      ctx: Context,
      hello: Hello,
      identity: "proven" | "asserted",
      profile: LinkProfile | undefined,
    ): { peer: PeerRecord; resume: string; isBack: boolean } {
      const { session: claim } = hello;
      const claimed = claimSeat(ctx, {
        runtime: claim.runtime,
        role: "agent",
        instance: claim.process,
        key: claim.key,
        conversation: claim.conversation,
        path: claim.path,
        branch: claim.branch,
        worktree_of: claim.worktree_of,
        name: claim.name,
        circle: claim.circle,
        config_dir: claim.config_dir,
        temporary: claim.temporary,
        ancestors: ancestors(claim.process.pid),
        capabilities: [
          "mcp_tools",
          ...(hello.capabilities.includes("relay_permissions") ? (["relay_permissions"] as const) : []),
        ],
        identity,
      });
      if (claim.conversation) changeConversation(ctx, claimed.id, claim.conversation, "change");
      const known = hello.resume !== undefined && claimed.resume_hash === hash(hello.resume);
      const resume = known && hello.resume ? hello.resume : newSecret();
      ctx.tx.peers.put({ ...mustGet(ctx, claimed.id), had_link: true, resume_hash: hash(resume) });
      for (const route of ctx.live.routes(claimed.id)) if (route.rung === profile?.rung) loseLink(ctx, route);
      // A cursor of another database, or of another process, says nothing about what this one received.
      resumeLink(
        ctx,
        claimed.id,
        known && hello.epoch === parts.epoch ? (hello.cursor ?? 0) : Number.POSITIVE_INFINITY,
      );
      if (profile)
        openRoute(ctx, {
          id,
          peer: claimed.id,
          rung: profile.rung,
          serves: profile.serves,
          needsProof: profile.needsProof,
          suspect: false,
          ready: hello.receives,
        });
      return { peer: mustGet(ctx, claimed.id), resume, isBack: known };
    }

    /** One process has one link: a second one of the same session takes over, and the first must not fight for it. */
    function replaceOthers(peer: PeerRecord): void {
      for (const [otherId, other] of live) {
        if (otherId !== id && other.peer === peer.id)
          other.socket.close(CLOSE.replaced, "another link of this session took over");
      }
    }

    function welcome(ctx: Context, peer: PeerRecord, resume: string): Welcome {
      const others = othersOnline(ctx, peer);
      return {
        protocol: PROTOCOL_VERSION,
        peer: publicPeer(ctx, mustGet(ctx, peer.id)),
        epoch: parts.epoch,
        cursor: ctx.tx.events.last(),
        resume,
        daemon: { version: VERSION, instance: parts.instance },
        tracing: parts.onSpans ? true : undefined,
        files: parts.onFiles ? true : undefined,
        mesh: {
          online: others
            .slice(0, 6)
            .map((other) => ({ name: other.name, runtime: other.runtime, description: other.description })),
          total: others.length,
        },
      };
    }

    async function serve(
      method: Exclude<LinkMethod, "hello" | "ping">,
      params: Record<string, unknown>,
      own: { peer: PeerRecord["id"] },
    ): Promise<unknown> {
      switch (method) {
        case "ready":
          await parts.engine.run((ctx) => setRouteReady(ctx, id));
          return {};
        case "report": {
          const { reports } = parse("report", params);
          await parts.engine.run((ctx) => {
            for (const { report } of reports) applyReport(ctx, own.peer, report, ctx.live.route(id)?.rung ?? "push");
          });
          return { acknowledged: reports.length };
        }
        case "abandon": {
          const { message } = parse("abandon", params);
          await parts.engine.run((ctx) => withdrawCall(ctx, own.peer, message));
          return {};
        }
        case "permission_request": {
          const request = parse("permission_request", params);
          const approval = await parts.engine.run((ctx) =>
            requestApproval(ctx, mustGet(ctx, own.peer), humanSeat(ctx, parts.humanName), { via: "link", ...request }),
          );
          return { id: approval.handle };
        }
        case "permission_withdrawn": {
          const { request } = parse("permission_withdrawn", params);
          await parts.engine.run((ctx) =>
            withdrawApprovals(ctx, own.peer, "decided in the session's own terminal", (approval) =>
              approval.requests.some((known) => known.via === "link" && known.request === request),
            ),
          );
          return {};
        }
        case "files":
          await parts.onFiles?.(own.peer, parse("files", params));
          return {};
        case "spans":
          parts.onSpans?.(own.peer, parse("spans", params).spans);
          return {};
        default:
          return method satisfies never;
      }
    }

    function loseRoute(): Promise<void> {
      return record(parts.engine, parts.clock, (ctx) => {
        const route = ctx.live.route(id);
        if (route) loseLink(ctx, route);
      });
    }

    socket.data.link = {
      receive(text) {
        if (isLongerThan(text, LIMITS.frameBytesMax)) rpc.refuseFrame(frameTooLarge());
        else rpc.receive(text);
      },
      closed() {
        stopHelloTimer();
        gone.abort();
        rpc.close();
        live.delete(id);
        parts.dispatcher.removeTransport(id);
        if (!session) return;
        parts.onLost();
        loseRoute().catch((error) => log.error("a lost link could not be recorded", { error }));
      },
    };
  }

  return {
    open,
    async shutdown(backInMs) {
      for (const { rpc } of live.values()) rpc.notify("shutdown", backInMs > 0 ? { back_in_ms: backInMs } : {});
      await new Promise<void>((resolve) => parts.clock.after(20, resolve));
      for (const { socket } of live.values()) socket.close(CLOSE.shuttingDown, "the daemon stops");
    },
    get size() {
      return live.size;
    },
  };
}

function transportOf(rpc: Rpc, capabilities: readonly string[]): Transport {
  return {
    async deliver(items) {
      const result = await rpc.request("deliver", { items });
      return DAEMON_METHODS.deliver.result.parse(result).results;
    },
    cancel: (message) => void rpc.request("cancel", { message }).catch(() => {}),
    async probe() {
      await rpc.request("ping", {});
    },
    ...(capabilities.includes("own_turns") ? { ownTurns: () => turnsOf(rpc) } : {}),
  };
}

async function turnsOf(rpc: Rpc): Promise<OwnTurns> {
  const { data: read } = DAEMON_METHODS.turns.result.safeParse(await rpc.request("turns", {}));
  if (!read) return { reason: "what its own side sent cannot be understood" };
  if ("why" in read) return { reason: read.why };
  const turns = read.turns.map(({ rest_chars: restChars, is_open: isOpen, ...turn }) => ({
    ...turn,
    restChars,
    isOpen,
  }));
  return { turns, isWhole: read.is_whole };
}

const isLinkMethod = (method: string): method is Exclude<LinkMethod, "hello" | "ping"> =>
  Object.hasOwn(LINK_METHODS, method) && method !== "hello";

function parse<Method extends LinkMethod>(
  method: Method,
  params: Record<string, unknown>,
): (typeof LINK_METHODS)[Method]["params"]["_output"] {
  const parsed = LINK_METHODS[method].params.safeParse(params);
  if (!parsed.success) throw fromZod(parsed.error, method);
  // safeParse of a table's row gives the union over all rows.
  return parsed.data as (typeof LINK_METHODS)[Method]["params"]["_output"];
}
