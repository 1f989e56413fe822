import { Hono } from "hono";
import type { Caller, LoginRecord } from "../core/index.ts";
import type { Operations } from "../operations/index.ts";
import { logger } from "../platform/log.ts";
import type { LoopbackConnection } from "../platform/process.ts";
import { CODEX_MCP_SCOPE, sameSecret, scopedToken } from "../platform/token.ts";
import {
  asRepowireError,
  carriedMessages,
  ERRORS,
  frameTooLarge,
  HTTP_PATHS,
  isOperation,
  LIMITS,
  type MessageId,
  type OperationName,
  type PeerId,
  RepowireError,
  toProblem,
} from "../protocol/index.ts";
import { addAttachments, type FilesParts } from "./attachments.ts";
import type { Callers } from "./callers.ts";
import type { createEventStream } from "./events-stream.ts";
import { bearerToken } from "./guard.ts";
import type { createHealth } from "./health.ts";
import type { McpEndpoint } from "./mcp.ts";
import type { Metrics } from "./metrics/metrics.ts";
import { openApiDocument } from "./openapi/document.ts";
import { docsPage, PAGE_HEADERS } from "./openapi/page.ts";

/** What Bun's server adds to a request: its connection, the right to take long over it, whether it was sent to `dashboard.public_origin`. */
export interface RequestEnv {
  Bindings: { connection: LoopbackConnection | undefined; keepOpen(): void; isPublic?: boolean };
}

export interface AppParts {
  token: string;
  operations: Operations;
  files: FilesParts;
  callers: Callers;
  health: ReturnType<typeof createHealth>;
  eventStream: ReturnType<typeof createEventStream>;
  mcp: McpEndpoint;
  metrics: Metrics;
  markWritten(peer: PeerId, messages: MessageId[]): void;
  /** The login of a browser that this request carries, whole and right. */
  loginOf(request: Request): LoginRecord | undefined;
  /** Adds the routes that are open to whoever has no credential yet: the dashboard's page and its login. */
  openDoors?(app: Hono<RequestEnv>): void;
  /** Adds the routes of what only some runtimes need (hooks). */
  extend?(app: Hono<RequestEnv>): void;
}

const log = logger("http");
const NOT_FOR_PAGES = {
  "x-content-type-options": "nosniff",
  "cross-origin-resource-policy": "same-origin",
  "x-frame-options": "DENY",
} as const;

/** The HTTP surface: thin skins over the operations, each error a problem document. */
export function createApp(parts: AppParts): Hono<RequestEnv> {
  const app = new Hono<RequestEnv>();

  const isTrusted = (request: Request): boolean => {
    const token = bearerToken(request);
    return token !== undefined && sameSecret(token, parts.token);
  };

  /** Codex's configuration carries a credential of its own, which opens the tools and nothing else. */
  const codexToken = scopedToken(parts.token, CODEX_MCP_SCOPE);
  const isTrustedForMcp = (request: Request): boolean => {
    const token = bearerToken(request);
    return token !== undefined && sameSecret(token, codexToken);
  };

  // No page, of whatever origin, may take an answer for a script, an image or a frame.
  // What every copy of this program says of itself, nothing of this one: open, so that a browser can show it.
  const documentFor = (request: Request) => openApiDocument(Number(new URL(request.url).port));
  app.get(HTTP_PATHS.openApi, (context) => context.json(documentFor(context.req.raw)));
  app.get(HTTP_PATHS.docs, (context) => context.html(docsPage(documentFor(context.req.raw)), 200, PAGE_HEADERS));

  app.use("*", async (context, next) => {
    await next();
    for (const [name, value] of Object.entries(NOT_FOR_PAGES)) context.res.headers.set(name, value);
  });

  app.onError((thrown) => {
    if (!(thrown instanceof RepowireError)) log.error("a request failed", { error: thrown });
    parts.metrics.refused(thrown);
    return problemResponse(asRepowireError(thrown));
  });
  app.notFound((context) =>
    problemResponse(
      new RepowireError(
        "not_found",
        `There is nothing at ${context.req.method} ${context.req.path.slice(0, 100)}. docs/protocol.md lists what there is.`,
      ),
    ),
  );

  app.get(HTTP_PATHS.health, (context) => {
    const isHere = !context.env.isPublic && isTrusted(context.req.raw);
    const isKnown = isHere || parts.loginOf(context.req.raw) !== undefined;
    const health = parts.health(isKnown);
    return context.json(health, health.ok ? 200 : 503);
  });

  parts.openDoors?.(app);

  app.use("*", async (context, next) => {
    if (isForBrowsers(context.req.path) && parts.loginOf(context.req.raw)) return next();
    // From elsewhere only a logged-in browser comes in: the token is for this machine.
    if (context.env.isPublic)
      throw new RepowireError("unauthorized", "Log this browser in with a link of `repowire dashboard --print`.");
    const isMcp = context.req.path === HTTP_PATHS.mcp && isTrustedForMcp(context.req.raw);
    if (!isMcp && !isTrusted(context.req.raw)) {
      throw new RepowireError(
        "unauthorized",
        "Send the token of ~/.repowire/token as `Authorization: Bearer …`; the `repowire` command does that for you, and `repowire dashboard` logs a browser in.",
      );
    }
    await next();
  });

  parts.extend?.(app);

  app.get(HTTP_PATHS.metrics, async () => {
    const { contentType, text } = await parts.metrics.render();
    return new Response(text, { headers: { "content-type": contentType } });
  });

  app.all(HTTP_PATHS.mcp, async (context) => {
    const request = await withBody(context.req.raw);
    context.env.keepOpen();
    return parts.mcp.handle(request, parts.callers.process(request, context.env.connection));
  });

  async function callerOf(request: Request, connection: LoopbackConnection | undefined): Promise<Caller> {
    const login = parts.loginOf(request);
    return login ? parts.callers.loggedIn(login, request, connection) : parts.callers.resolve(request, connection);
  }

  app.get(HTTP_PATHS.events, async (context) => {
    context.env.keepOpen();
    const caller = await callerOf(context.req.raw, context.env.connection);
    if (caller.role === "agent")
      throw new RepowireError(
        "forbidden",
        "The event stream shows all peers' messages; agents see their own with trace and inbox.",
      );
    const { raw } = context.req;
    const { login } = caller;
    return parts.eventStream.serve(context, () => login === undefined || parts.loginOf(raw)?.id === login);
  });

  addAttachments(app, parts.files, (context) => callerOf(context.req.raw, context.env.connection));

  app.post("/v1/:operation", async (context) => {
    const name = context.req.param("operation");
    if (!isOperation(name))
      throw new RepowireError(
        "unknown_operation",
        `There is no operation "${name.slice(0, 60)}". docs/protocol.md lists them.`,
      );
    const caller = await callerOf(context.req.raw, context.env.connection);
    const input = await readJson(context.req.raw);
    context.env.keepOpen();
    const output = await call(name, input, caller, context.req.raw.signal);
    return context.json(output);
  });

  async function call(name: OperationName, input: unknown, caller: Caller, signal: AbortSignal): Promise<object> {
    if (caller.isHuman && !(caller.login === undefined ? name === "peers" : PAGE_READS.has(name)))
      log.info("a person's call", { operation: name, chain: caller.chain });
    const output = await parts.operations.call(name, input, caller, { signal });
    const carried = carriedMessages(name, output);
    if (carried.length > 0 && !signal.aborted) parts.markWritten(caller.peer, carried);
    return output;
  }

  return app;
}

/** What an open page asks again and again to stay true; a line for each would bury what the person did. */
const PAGE_READS: ReadonlySet<OperationName> = new Set<OperationName>([
  "peers",
  "whoami",
  "events",
  "history",
  "approvals",
  "pauses",
  "held",
  "mismatches",
  "worktrees",
  "examine",
  "samples",
  "daemon_log",
  "trace",
  "spawn_options",
]);

/** What a logged-in browser may come to: the operations, the events, and how the daemon is. Sessions' doors are none of its own. */
const isForBrowsers = (path: string): boolean =>
  path === HTTP_PATHS.events ||
  path === HTTP_PATHS.metrics ||
  path === HTTP_PATHS.logout ||
  /^\/v1\/(?:attachments\/)?\w+$/.test(path);

/** Reads a body within the limits of size and time, whatever its headers promise. */
async function readText(request: Request): Promise<string> {
  if (Number(request.headers.get("content-length") ?? 0) > LIMITS.frameBytesMax) throw frameTooLarge();
  const reader = request.body?.getReader();
  if (!reader) return "";
  const chunks: Uint8Array[] = [];
  let size = 0;
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new RepowireError("too_slow", `The body did not come within ${LIMITS.bodyWaitMs / 1_000} s.`)),
    LIMITS.bodyWaitMs,
  );
  try {
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), late.promise]);
      if (done) return Buffer.concat(chunks).toString("utf8");
      size += value.byteLength;
      if (size > LIMITS.frameBytesMax) throw frameTooLarge();
      chunks.push(value);
    }
  } catch (error) {
    // Whoever sent it is told; that the rest is not read is all that is left to do.
    void reader.cancel().catch(() => {});
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** The same request with its body at hand, for a reader that has no limit of time. */
async function withBody(request: Request): Promise<Request> {
  if (request.method !== "POST") return request;
  const { url, method, headers, signal } = request;
  return new Request(url, { method, headers, signal, body: await readText(request) });
}

/** A JSON body; none is an empty object. */
export async function readJson(request: Request): Promise<unknown> {
  const text = await readText(request);
  if (text.trim() === "") return {};
  try {
    return JSON.parse(text);
  } catch {
    throw new RepowireError("invalid_json", "The request's body is not JSON. Send one JSON object.");
  }
}

export function problemResponse(error: RepowireError): Response {
  return new Response(JSON.stringify(toProblem(error)), {
    status: ERRORS[error.code].status,
    headers: { "content-type": "application/problem+json", ...NOT_FOR_PAGES },
  });
}
