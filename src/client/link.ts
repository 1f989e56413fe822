import {
  asRepowireError,
  type CallOptions,
  createRpc,
  DAEMON_METHODS,
  type DaemonMethod,
  type DeliverResult,
  type Envelope,
  fromZod,
  type Hello,
  LIMITS,
  type Mesh,
  type MessageId,
  OPERATION_NAMES,
  type PermissionAsk,
  PROTOCOL_VERSIONS_UNDERSTOOD,
  type RecordedTurns,
  type Report,
  RepowireError,
  type Rpc,
  type SessionClaim,
  staysAway,
  Welcome,
} from "../protocol/index.ts";
import { ASKS, createCalls } from "./calls.ts";
import { createDeliveries } from "./deliveries.ts";
import { createReports, type NumberedReport } from "./reports.ts";
import { type OpenSocket, openWebSocket } from "./socket.ts";
import { type LinkTime, processTime, sleep } from "./time.ts";
import { createTraces } from "./traces.ts";

/**
 * A session's link to the daemon. It reconnects for ever, resumes where it was, asks open calls again under their own ids, drops
 * messages it already has, and keeps its reports until the daemon has acknowledged them.
 */
export interface Link {
  readonly mesh: Mesh;
  readonly state: LinkState;
  /** Resolves with the first welcome. */
  readonly welcomed: Promise<Welcome>;
  readonly welcome: Welcome | undefined;
  /** Pushes can be received from now on. */
  ready(): void;
  report(report: Report): void;
  /** Files that tools are about to write, or have read; dropped where the daemon does not want them. */
  files(used: { writes: string[]; reads: string[] }): void;
  /** Relays a permission request; repeated after a reconnect until withdrawn or decided. */
  requestPermission(request: PermissionAsk): void;
  withdrawPermission(request: string): void;
  close(): void;
}

export type LinkState = "connecting" | "online" | "offline" | "refused" | "closed";

export interface LinkOptions {
  /**
   * Where to connect now. Called for each attempt; may start the daemon, unless it was stopped by somebody who meant it. Rejecting
   * delays the next attempt.
   */
  locate(mayStart: boolean): Promise<{ url: string; token: string }>;
  session(): SessionClaim;
  client: { name: string; version: string };
  capabilities: string[];
  /** Hands messages to the session and says what happened. Never called twice for the same attempt. */
  onDeliver(items: Envelope[]): Promise<DeliverResult[]>;
  /** A message that was not handed to the session yet is wanted no more. */
  onCancel?(message: MessageId): void;
  onVerdict?(verdict: { request: string; behavior: "allow" | "deny"; reason?: string }): void;
  /** A person wants to see what is said in the session beside the mesh; with it belongs the capability `own_turns`. */
  onTurns?(): Promise<RecordedTurns>;
  onState?(state: LinkState, detail?: string): void;
  /** Milliseconds; for tests. */
  timing?: { reconnectMinMs?: number; reconnectMaxMs?: number; pingMs?: number };
  /** The process's own time and a WebSocket, unless a simulation brings others. */
  time?: LinkTime;
  openSocket?: OpenSocket;
}

const RECONNECT_MIN_MS = 100;
const RECONNECT_MAX_MS = 5_000;
const CONNECT_TIMEOUT_MS = 5_000;
const RETRY_MS = 1_000;

export function connectLink(options: LinkOptions): Link {
  const time = options.time ?? processTime;
  const reports = createReports();
  const traces = createTraces({
    isOn: () => welcome?.tracing === true,
    tell: (spans) => {
      if (rpc && state === "online") rpc.notify("spans", { spans });
    },
  });
  const deliveries = createDeliveries((items) => traces.present(items, options.onDeliver));
  const permissions = new Map<string, PermissionAsk>();
  const unsaid = new Set<{ method: string; params: Record<string, unknown> }>();
  /** Questions whose caller was interrupted, as long as the daemon may not know it. */
  const abandoned = new Set<MessageId>();
  const firstWelcome = Promise.withResolvers<Welcome>();
  // Nobody may be waiting for it when the link is refused; the state says so too.
  firstWelcome.promise.catch(() => {});
  let state: LinkState = "connecting";
  let token = "";
  let welcome: Welcome | undefined;
  let refusal: RepowireError | undefined;
  let wantsReady = false;
  let backAt = 0;
  let mayStart = true;
  let rpc: Rpc | undefined;
  let stopPinging = () => {};

  const calls = createCalls({
    send: (method, params, meta) => (rpc && state === "online" ? rpc.request(method, params, meta) : undefined),
    refusal: () => refusal,
    time,
  });

  const socket = (options.openSocket ?? openWebSocket)({
    url: resolveUrl,
    // A little different for each session, so that twenty of them do not come back in the same instant.
    delayMinMs: (options.timing?.reconnectMinMs ?? RECONNECT_MIN_MS) * (0.5 + time.random()),
    delayMaxMs: options.timing?.reconnectMaxMs ?? RECONNECT_MAX_MS,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    comesBack: (code) => !staysAway(code),
    onOpen() {
      const connection = createRpc({
        send: (text) => socket.send(text),
        handle: (method, params) => serve(method, params),
        onFault: (error) => options.onState?.(state, error instanceof Error ? error.message : String(error)),
      });
      rpc = connection;
      void greet(connection);
    },
    onMessage: (text) => rpc?.receive(text),
    onClose: lost,
    onError: () => setState(state === "refused" ? "refused" : "offline"),
  });

  /** Tries until there is an address: the provider of a reconnecting socket must not reject. */
  async function resolveUrl(): Promise<string> {
    for (let pause = RECONNECT_MIN_MS; ; pause = Math.min(pause * 2, RECONNECT_MAX_MS)) {
      await sleep(time, Math.max(0, backAt - time.now()));
      try {
        const address = await options.locate(mayStart);
        token = address.token;
        return address.url;
      } catch (error) {
        setState("offline", asRepowireError(error).message);
        await sleep(time, pause * (0.5 + time.random()));
      }
    }
  }

  function setState(next: LinkState, detail?: string): void {
    if (state === next || state === "closed") return;
    state = next;
    options.onState?.(next, detail);
  }

  function hello(): Hello {
    return {
      token,
      protocol: [...PROTOCOL_VERSIONS_UNDERSTOOD],
      client: options.client,
      session: options.session(),
      resume: welcome?.resume,
      cursor: deliveries.cursor,
      epoch: welcome?.epoch,
      receives: false,
      capabilities: options.capabilities,
    };
  }

  async function greet(connection: Rpc): Promise<void> {
    try {
      const answer = Welcome.parse(await connection.request("hello", { ...hello() }));
      if (rpc !== connection) return;
      if (welcome && welcome.epoch !== answer.epoch) deliveries.forget();
      welcome = answer;
      refusal = undefined;
      mayStart = true;
      setState("online");
      catchUp(connection);
      firstWelcome.resolve(answer);
    } catch (error) {
      if (rpc === connection) refuse(asRepowireError(error));
    }
  }

  /** Order matters: open calls first, so that their answers come as results and not as messages; then what happened; then `ready`. */
  function catchUp(connection: Rpc): void {
    for (const message of abandoned) {
      calls.withdraw(message);
      giveUp(connection, message);
    }
    calls.resend();
    for (const word of unsaid) insist(connection, word.method, word.params, () => unsaid.delete(word));
    reports.repeat(deliveries.recentResults());
    sendReports();
    for (const request of permissions.values()) insist(connection, "permission_request", { ...request });
    if (wantsReady) insist(connection, "ready", {});
    stopPinging();
    pingLater(connection);
  }

  /** Says it until the daemon has taken it: a full disk may refuse it now. After a reconnect `catchUp` says it anew. */
  function insist(
    connection: Rpc,
    method: string,
    params: Record<string, unknown>,
    onSaid: () => void = () => {},
  ): void {
    connection.request(method, params).then(onSaid, (error) => {
      if (rpc !== connection) return;
      if (!asRepowireError(error).retryable) return onSaid();
      time.after(RETRY_MS, () => {
        if (rpc === connection) insist(connection, method, params, onSaid);
      });
    });
  }

  /** What has to be said once, kept while there is no link: before its hello a link takes nothing else, and is closed for good. */
  function say(method: "permission_withdrawn", params: Record<string, unknown>): void {
    const word = { method, params };
    unsaid.add(word);
    if (rpc && state === "online") insist(rpc, method, params, () => unsaid.delete(word));
  }

  function pingLater(connection: Rpc): void {
    stopPinging = time.after(options.timing?.pingMs ?? LIMITS.pingMs, () => {
      pingLater(connection);
      void ping(connection);
    });
  }

  async function ping(connection: Rpc): Promise<void> {
    const lateMs = (options.timing?.pingMs ?? LIMITS.pingMs) * 3;
    const answered = await Promise.race([
      connection.request("ping", {}).then(
        () => true,
        () => true,
      ),
      sleep(time, lateMs).then(() => false),
    ]);
    if (!answered && rpc === connection) socket.reconnect(4_508, "no answer to pings");
  }

  function refuse(error: RepowireError): void {
    if (error.code === "unavailable" || error.retryable) return;
    refusal = error;
    setState("refused", error.message);
    firstWelcome.reject(error);
    calls.fail(error);
    socket.close();
  }

  function lost(code: number, reason: string): void {
    stopPinging();
    const connection = rpc;
    rpc = undefined;
    connection?.close();
    if (staysAway(code)) {
      refuse(new RepowireError("forbidden", reason || "The daemon closed this link for good."));
    }
    if (state === "online" || state === "connecting") setState("offline");
  }

  async function serve(method: string, params: Record<string, unknown>): Promise<unknown> {
    if (!isDaemonMethod(method)) throw unknownMethod(method);
    const parsed = DAEMON_METHODS[method].params.safeParse(params);
    if (!parsed.success) throw fromZod(parsed.error, method);
    switch (method) {
      case "deliver": {
        const { items } = parsed.data as DaemonParams<"deliver">;
        return { results: await deliveries.take(items) };
      }
      case "progress": {
        const { message, text } = parsed.data as DaemonParams<"progress">;
        calls.progress(message, text);
        return {};
      }
      case "verdict": {
        const verdict = parsed.data as DaemonParams<"verdict">;
        if (permissions.delete(verdict.request)) options.onVerdict?.(verdict);
        return {};
      }
      case "shutdown": {
        const { back_in_ms: backInMs } = parsed.data as DaemonParams<"shutdown">;
        backAt = time.now() + (backInMs ?? 0);
        mayStart = backInMs !== undefined;
        return {};
      }
      case "cancel":
        // What was handed over cannot be taken back, and the daemon knows by the result what was.
        options.onCancel?.((parsed.data as DaemonParams<"cancel">).message);
        return {};
      case "turns": {
        if (!options.onTurns) throw unknownMethod(method);
        return options.onTurns();
      }
      case "ping":
        return {};
      default:
        return method satisfies never;
    }
  }

  function sendReports(): void {
    if (!rpc || state !== "online") return;
    const connection = rpc;
    const batch = reports.next(LIMITS.batchMax);
    if (batch.length === 0) return;
    connection.request("report", { reports: batch }).then(
      () => {
        reports.acknowledge(batch);
        sendReports();
      },
      (error) => notTaken(connection, batch, asRepowireError(error)),
    );
  }

  function notTaken(connection: Rpc, batch: NumberedReport[], refusal: RepowireError): void {
    // A lost connection: kept, and sent again after the reconnect.
    if (rpc !== connection) return;
    reports.refused(batch, refusal.retryable);
    if (refusal.retryable) time.after(RETRY_MS, sendReports);
    else {
      options.onState?.(state, `a report was not taken: ${refusal.message}`);
      sendReports();
    }
  }

  /** Until the daemon has acknowledged it, a lost connection means that it is said again. */
  function giveUp(connection: Rpc, message: MessageId): void {
    abandoned.add(message);
    insist(connection, "abandon", { message }, () => abandoned.delete(message));
  }

  async function call(name: string, input: Record<string, unknown>, callOptions: CallOptions = {}): Promise<unknown> {
    const { signal } = callOptions;
    const { promise, message } = calls.start(name, input, callOptions);
    if (!ASKS.has(name) || !signal || !message) return promise;
    const abandon = () => {
      if (rpc && state === "online") return giveUp(rpc, message);
      // The daemon may have stored it before it went away: it is told when it is back, and never asked again.
      if (calls.withdraw(message)) abandoned.add(message);
    };
    signal.addEventListener("abort", abandon, { once: true });
    try {
      return await promise;
    } finally {
      signal.removeEventListener("abort", abandon);
    }
  }

  const mesh = Object.fromEntries(
    OPERATION_NAMES.map((name) => [
      name,
      (input: Record<string, unknown>, callOptions?: CallOptions) =>
        traces.call(name, input, (traced) => call(name, traced, callOptions)),
    ]),
  ) as unknown as Mesh; // one generic caller stands behind every name; the daemon holds it to the table

  return {
    mesh,
    get state() {
      return state;
    },
    get welcome() {
      return welcome;
    },
    welcomed: firstWelcome.promise,
    ready() {
      wantsReady = true;
      if (rpc && state === "online") insist(rpc, "ready", {});
    },
    report(report) {
      reports.add(report);
      sendReports();
    },
    files(used) {
      if (rpc && state === "online" && welcome?.files === true) rpc.notify("files", used);
    },
    requestPermission(request) {
      permissions.set(request.request, request);
      if (rpc && state === "online") insist(rpc, "permission_request", { ...request });
    },
    withdrawPermission(request) {
      if (permissions.delete(request)) say("permission_withdrawn", { request });
    },
    close() {
      stopPinging();
      setState("closed");
      calls.fail(new RepowireError("unavailable", "The link was closed."));
      socket.close();
      rpc?.close();
    },
  };
}

const unknownMethod = (method: string): RepowireError =>
  new RepowireError("unknown_operation", `This link does not know "${method}". Update repowire on this side.`);

/** `safeParse` of a table's row gives the union over all rows; the method selects the one. */
type DaemonParams<Method extends DaemonMethod> = (typeof DAEMON_METHODS)[Method]["params"]["_output"];

const isDaemonMethod = (method: string): method is DaemonMethod => Object.hasOwn(DAEMON_METHODS, method);
