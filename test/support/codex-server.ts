import { mkdirSync } from "node:fs";
import { join } from "node:path";

/** A stand-in for Codex's shared server: JSON-RPC without the `jsonrpc` member, in WebSocket frames over a unix socket. */
export interface CodexServer {
  readonly calls: { method: string; params: unknown }[];
  /** What clients sent as answers to requests of the server. */
  readonly answers: { id: unknown; result: unknown }[];
  /** Sends a notification, or with an id a request, to every client. */
  tell(message: { id?: number; method: string; params: object }): void;
  stop(): Promise<void>;
}

export type CodexAnswers = (method: string, params: unknown) => object | Error;

export function startCodexServer(codexHome: string, answer: CodexAnswers): CodexServer {
  const folder = join(codexHome, "app-server-control");
  mkdirSync(folder, { recursive: true });
  const calls: CodexServer["calls"] = [];
  const answers: CodexServer["answers"] = [];
  const clients = new Set<{ send(text: string): unknown }>();
  const server = Bun.serve({
    unix: join(folder, "app-server-control.sock"),
    fetch: (request, self) => (self.upgrade(request) ? undefined : new Response("no", { status: 400 })),
    websocket: {
      open: (socket) => void clients.add(socket),
      close: (socket) => void clients.delete(socket),
      message(socket, text) {
        const frame = JSON.parse(String(text));
        if (frame.method === undefined) return void answers.push(frame);
        calls.push({ method: frame.method, params: frame.params });
        if (frame.id === undefined) return;
        const given = answer(frame.method, frame.params);
        const body = given instanceof Error ? { error: { code: -32600, message: given.message } } : { result: given };
        socket.send(JSON.stringify({ id: frame.id, ...body }));
      },
    },
  });
  return {
    calls,
    answers,
    tell(message) {
      for (const client of clients) client.send(JSON.stringify(message));
    },
    stop: () => server.stop(true),
  };
}
