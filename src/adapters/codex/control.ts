import { existsSync } from "node:fs";
import { join } from "node:path";
import type { z } from "zod";
import { logger } from "../../platform/log.ts";
import { RepowireError, VERSION } from "../../protocol/index.ts";
import { codexIsGone, createCodexRpc } from "./rpc.ts";
import { Diagnostics, Nothing, QueuePage } from "./wire.ts";

/**
 * A client of the shared server that Codex runs for each CODEX_HOME (0.169.0): JSON-RPC in WebSocket text frames over a unix
 * socket. It comes back by itself whenever the server does.
 */
export interface ControlClient {
  readonly isUp: boolean;
  /** The server's process, while connected. */
  readonly serverPid: number | undefined;
  /** Whether messages can be queued (the queue needs the experimental API; older servers have none). */
  readonly canQueue: boolean;
  /** Throws `RepowireError` `unavailable` when the connection is or gets lost, `refused_by_peer` with the server's words else. */
  call<Schema extends z.ZodType>(method: string, params: object, result: Schema): Promise<z.infer<Schema>>;
  /** Answers a request that the server made on this very connection. */
  answer(id: number | string, result: object): void;
  start(): void;
  stop(): void;
}

export interface ControlEvents {
  onUp(): void;
  onDown(): void;
  onNotice(method: string, params: unknown): void;
  /** The server asks; ids are small numbers shared by all its clients, so only those that came here may be answered. */
  onRequest(id: number | string, method: string, params: unknown): void;
}

const log = logger("codex");
const LOOK_MS = 500;
const NO_THREAD = "00000000-0000-7000-8000-000000000000";

export const controlSocket = (codexHome: string): string =>
  join(codexHome, "app-server-control", "app-server-control.sock");

export function createControlClient(codexHome: string, events: ControlEvents): ControlClient {
  const path = controlSocket(codexHome);
  let socket: WebSocket | undefined;
  let isUp = false;
  let serverPid: number | undefined;
  let canQueue = false;
  let timer: ReturnType<typeof setInterval> | undefined;
  const { request, take, failAll } = createCodexRpc({
    send(text) {
      if (socket?.readyState !== WebSocket.OPEN) return false;
      socket.send(text);
      return true;
    },
    onNotice: events.onNotice,
    onRequest: events.onRequest,
  });

  function look(): void {
    if (socket || !existsSync(path)) return;
    const dialed = new WebSocket(`ws+unix://${path}:/`);
    socket = dialed;
    dialed.onopen = () => void greet(dialed).catch((error) => lose(dialed, error));
    dialed.onmessage = (message) => {
      if (socket === dialed) take(String(message.data));
    };
    dialed.onerror = () => lose(dialed);
    dialed.onclose = () => lose(dialed);
  }

  async function greet(dialed: WebSocket): Promise<void> {
    const clientInfo = { name: "repowire", title: "repowire", version: VERSION };
    await request("initialize", { clientInfo, capabilities: { experimentalApi: true } }, Nothing);
    dialed.send(JSON.stringify({ method: "initialized" }));
    canQueue = await knows("thread/queue/list", { threadId: NO_THREAD });
    serverPid = await request("server/diagnostics", {}, Diagnostics).then(
      (found) => found.process.id,
      () => undefined,
    );
    if (socket !== dialed) return;
    isUp = true;
    log.info("joined Codex's server", { codex_home: codexHome, pid: serverPid, queue: canQueue });
    events.onUp();
  }

  /** Whether the server has that method: an unknown one is refused as such, a known one answers something else. */
  async function knows(method: string, params: object): Promise<boolean> {
    try {
      await request(method, params, QueuePage);
      return true;
    } catch (error) {
      if (error instanceof RepowireError && error.code === "unavailable") throw error;
      return !/unknown variant|method not found|requires experimentalApi/i.test(String(error));
    }
  }

  function lose(dialed: WebSocket, error?: unknown): void {
    if (socket !== dialed) return;
    if (error) log.warning("Codex's server could not be joined", { codex_home: codexHome, error });
    const was = isUp;
    [socket, isUp, serverPid] = [undefined, false, undefined];
    dialed.close();
    failAll();
    if (was) events.onDown();
  }

  return {
    get isUp() {
      return isUp;
    },
    get serverPid() {
      return serverPid;
    },
    get canQueue() {
      return canQueue;
    },
    call: (method, params, result) => (isUp ? request(method, params, result) : Promise.reject(codexIsGone())),
    answer: (id, result) => socket?.send(JSON.stringify({ id, result })),
    start() {
      timer ??= setInterval(look, LOOK_MS);
      look();
    },
    stop() {
      clearInterval(timer);
      timer = undefined;
      const last = socket;
      socket = undefined;
      isUp = false;
      last?.close();
    },
  };
}
