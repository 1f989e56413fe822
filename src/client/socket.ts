import ReconnectingWebSocket from "partysocket/ws";

/** A socket that opens itself again after every loss, until it is closed here or told to stay away. */
export interface LinkSocket {
  /** While there is no connection, what is sent is gone. */
  send(text: string): void;
  /** Gives this connection up and makes a new one. */
  reconnect(code: number, reason: string): void;
  close(): void;
}

export interface LinkSocketOptions {
  /** Where to connect now; asked before each attempt, and must not reject. */
  url(): Promise<string>;
  delayMinMs: number;
  delayMaxMs: number;
  connectTimeoutMs: number;
  comesBack(code: number): boolean;
  onOpen(): void;
  onMessage(text: string): void;
  onClose(code: number, reason: string): void;
  onError(): void;
}

export type OpenSocket = (options: LinkSocketOptions) => LinkSocket;

export const openWebSocket: OpenSocket = (options) => {
  const socket = new ReconnectingWebSocket(() => options.url(), undefined, {
    maxEnqueuedMessages: 0,
    minReconnectionDelay: options.delayMinMs,
    maxReconnectionDelay: options.delayMaxMs,
    connectionTimeout: options.connectTimeoutMs,
    minUptime: 1_000,
    shouldReconnectOnClose: (event) => options.comesBack(event.code),
  });
  socket.addEventListener("open", () => options.onOpen());
  socket.addEventListener("message", (event) => options.onMessage(String(event.data)));
  socket.addEventListener("close", (event) => options.onClose(event.code, event.reason));
  socket.addEventListener("error", () => options.onError());
  return {
    send: (text) => socket.send(text),
    reconnect: (code, reason) => socket.reconnect(code, reason),
    close: () => socket.close(),
  };
};
