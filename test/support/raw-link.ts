import { linkUrl } from "../../src/client/index.ts";
import type { DaemonAddress } from "../../src/client/locate.ts";
import {
  type Hello,
  PROTOCOL_VERSIONS_UNDERSTOOD,
  type RpcFrame,
  type SessionClaim,
} from "../../src/protocol/index.ts";

/** A WebSocket to the link's address, spoken to in single frames: what no proper client would send. */
export interface RawLink extends Disposable {
  /** Sends this text as it is. */
  send(text: string): void;
  /** Sends a request and resolves with its response. */
  request(method: string, params?: Record<string, unknown>): Promise<RpcFrame>;
  /** The next response whose id is null: nobody's. */
  stray(): Promise<RpcFrame>;
  /** The requests that the daemon made, in order. */
  readonly asked: RpcFrame[];
  readonly closed: Promise<{ code: number; reason: string }>;
}

export function helloOf(token: string, session: SessionClaim, more: Partial<Hello> = {}): Hello {
  return {
    token,
    protocol: [...PROTOCOL_VERSIONS_UNDERSTOOD],
    client: { name: "raw", version: "1" },
    session,
    receives: false,
    capabilities: [],
    ...more,
  };
}

export async function rawLink(address: DaemonAddress, headers: Record<string, string> = {}): Promise<RawLink> {
  const socket = new WebSocket(linkUrl(address), { headers } as unknown as string[]); // Bun's own second form
  const waiting = new Map<unknown, (frame: RpcFrame) => void>();
  const strays: RpcFrame[] = [];
  const asked: RpcFrame[] = [];
  let onStray = () => {};
  let nextId = 1;
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.addEventListener("close", (event) => resolve({ code: event.code, reason: event.reason }));
  });
  socket.addEventListener("message", (event) => {
    const frame = JSON.parse(String(event.data)) as RpcFrame; // the daemon's own frames
    if (frame.method !== undefined) asked.push(frame);
    else if (frame.id === null) {
      strays.push(frame);
      onStray();
    } else waiting.get(frame.id)?.(frame);
  });
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener("open", () => resolve());
    socket.addEventListener("close", (event) => reject(new Error(`not opened: ${event.code} ${event.reason}`)));
  });
  return {
    send: (text) => socket.send(text),
    request(method, params = {}) {
      const id = nextId++;
      const response = new Promise<RpcFrame>((resolve) => waiting.set(id, resolve));
      socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
      return response;
    },
    async stray() {
      while (strays.length === 0) {
        const next = new Promise<"stray">((resolve) => {
          onStray = () => resolve("stray");
        });
        const event = await Promise.race([next, closed]);
        if (event !== "stray") throw new Error(`the link was closed: ${event.code} ${event.reason}`);
      }
      return strays.shift() as RpcFrame; // just seen to be there
    },
    asked,
    closed,
    [Symbol.dispose]: () => socket.close(),
  };
}
