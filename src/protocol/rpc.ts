import { asRepowireError, ERRORS, type ErrorCode, RepowireError, RPC_ERROR } from "./errors.ts";
import { RpcFrame } from "./link.ts";

/**
 * JSON-RPC 2.0, requests both ways over any ordered text transport. It does no I/O: frames go out through `send` and come in
 * through `receive`. Both ends of a link use it.
 */
export interface Rpc {
  /** Resolves with the other side's result; rejects with its error as `RepowireError`, or `unavailable` when the transport ends. */
  request(method: string, params: Record<string, unknown>, meta?: RpcFrame["meta"]): Promise<unknown>;
  notify(method: string, params: Record<string, unknown>): void;
  receive(text: string): void;
  /** Says why a frame was not read; whose request it was is not known. */
  refuseFrame(error: RepowireError): void;
  /** The transport is gone: every open request fails with `unavailable`. */
  close(): void;
  readonly pending: number;
}

export interface RpcParts {
  send(text: string): void;
  /** Answers a request; what it throws becomes the error response. Notifications come here too, their result is dropped. */
  handle(method: string, params: Record<string, unknown>, meta: RpcFrame["meta"]): Promise<unknown>;
  /** Faults that are not refusals. */
  onFault(error: unknown): void;
  /** Told of everything that is answered with an error, faults too. */
  onRefused?(error: unknown): void;
}

interface Pending {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

export function createRpc(parts: RpcParts): Rpc {
  const open = new Map<number, Pending>();
  let nextId = 1;

  function respond(id: RpcFrame["id"], body: { result: unknown } | { error: RpcFrame["error"] }): void {
    parts.send(JSON.stringify({ jsonrpc: "2.0", id: id ?? null, ...body }));
  }

  function refuse(id: RpcFrame["id"], thrown: unknown): void {
    if (!(thrown instanceof RepowireError)) parts.onFault(thrown);
    parts.onRefused?.(thrown);
    const error = asRepowireError(thrown);
    const code =
      error.code === "unknown_operation"
        ? RPC_ERROR.methodNotFound
        : error.code === "invalid_input"
          ? RPC_ERROR.invalidParams
          : RPC_ERROR.repowire;
    respond(id, { error: { code, message: error.message, data: { code: error.code, retryable: error.retryable } } });
  }

  async function serve(frame: RpcFrame, method: string): Promise<void> {
    const isRequest = frame.id !== undefined;
    try {
      const result = await parts.handle(method, frame.params ?? {}, frame.meta);
      if (isRequest) respond(frame.id, { result: result ?? {} });
    } catch (error) {
      if (isRequest) refuse(frame.id, error);
      else if (!(error instanceof RepowireError)) parts.onFault(error);
    }
  }

  function settle(frame: RpcFrame): void {
    const pending = typeof frame.id === "number" ? open.get(frame.id) : undefined;
    if (!pending || typeof frame.id !== "number") return;
    open.delete(frame.id);
    if (frame.error) pending.reject(toError(frame.error));
    else pending.resolve(frame.result);
  }

  return {
    request(method, params, meta) {
      const id = nextId++;
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      open.set(id, { resolve, reject });
      parts.send(JSON.stringify({ jsonrpc: "2.0", id, method, params, ...(meta ? { meta } : {}) }));
      return promise;
    },
    notify: (method, params) => parts.send(JSON.stringify({ jsonrpc: "2.0", method, params })),
    receive(text) {
      let json: unknown;
      try {
        json = JSON.parse(text);
      } catch {
        respond(null, {
          error: {
            code: RPC_ERROR.parse,
            message: "That is not JSON. Send one JSON-RPC 2.0 object per frame.",
            data: { code: "invalid_json" },
          },
        });
        return;
      }
      const parsed = RpcFrame.safeParse(json);
      if (!parsed.success) {
        const message =
          "That is not a JSON-RPC 2.0 request, response or notification. docs/protocol.md shows the frames.";
        respond(null, { error: { code: RPC_ERROR.invalidRequest, message, data: { code: "invalid_input" } } });
        return;
      }
      const frame = parsed.data;
      if (frame.method !== undefined) void serve(frame, frame.method);
      else settle(frame);
    },
    refuseFrame: (error) => refuse(null, error),
    close() {
      const lost = [...open.values()];
      open.clear();
      for (const pending of lost)
        pending.reject(new RepowireError("unavailable", "The connection to the daemon was lost."));
    },
    get pending() {
      return open.size;
    },
  };
}

function toError(error: NonNullable<RpcFrame["error"]>): RepowireError {
  const code = error.data?.code;
  return new RepowireError(isErrorCode(code) ? code : "internal", error.message);
}

const isErrorCode = (code: unknown): code is ErrorCode => typeof code === "string" && Object.hasOwn(ERRORS, code);
