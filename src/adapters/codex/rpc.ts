import type { z } from "zod";
import { RepowireError } from "../../protocol/index.ts";
import { Frame } from "./wire.ts";

/** JSON-RPC as Codex's app-server speaks it: without the `jsonrpc` member, one message a frame or line. */
export interface CodexRpc {
  /** Throws `RepowireError`: `unavailable` when nobody answers, `refused_by_peer` with Codex's own words. */
  request<Schema extends z.ZodType>(method: string, params: object, result: Schema): Promise<z.infer<Schema>>;
  take(text: string): void;
  /** The connection is gone: nothing that is open will be answered. */
  failAll(): void;
}

const CALL_TIMEOUT_MS = 10_000;

export const codexIsGone = () => new RepowireError("unavailable", "Codex's background server does not answer.");

export function createCodexRpc(parts: {
  /** False when it could not be sent. */
  send(text: string): boolean;
  onNotice(method: string, params: unknown): void;
  onRequest(id: number | string, method: string, params: unknown): void;
}): CodexRpc {
  const open = new Map<number, (frame: Frame | undefined) => void>();
  let next = 1;

  function request<Schema extends z.ZodType>(method: string, params: object, result: Schema): Promise<z.infer<Schema>> {
    const id = next++;
    const { promise, resolve, reject } = Promise.withResolvers<z.infer<Schema>>();
    const timeout = setTimeout(() => settle(undefined), CALL_TIMEOUT_MS);
    const settle = (frame: Frame | undefined) => {
      clearTimeout(timeout);
      open.delete(id);
      if (!frame) return reject(codexIsGone());
      if (frame.error)
        return reject(new RepowireError("refused_by_peer", `Codex refused ${method}: ${frame.error.message}`));
      const parsed = result.safeParse(frame.result);
      if (parsed.success) resolve(parsed.data);
      else
        reject(
          new RepowireError(
            "protocol_unsupported",
            `This Codex answers ${method} in a form that repowire does not know. Update repowire.`,
          ),
        );
    };
    open.set(id, settle);
    if (!parts.send(JSON.stringify({ id, method, params }))) settle(undefined);
    return promise;
  }

  return {
    request,
    take(text) {
      const frame = parseFrame(text);
      if (!frame) return;
      if (frame.method === undefined) {
        if (typeof frame.id === "number") open.get(frame.id)?.(frame);
      } else if (frame.id !== undefined) parts.onRequest(frame.id, frame.method, frame.params);
      else parts.onNotice(frame.method, frame.params);
    },
    failAll() {
      for (const settle of [...open.values()]) settle(undefined);
    },
  };
}

function parseFrame(text: string): Frame | undefined {
  try {
    const parsed = Frame.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    // Not JSON: nothing that this client could have asked for.
    return undefined;
  }
}
