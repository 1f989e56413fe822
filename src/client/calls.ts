import { newMessageId } from "../platform/ids.ts";
import {
  type CallOptions,
  frameTooLarge,
  isLongerThan,
  LIMITS,
  type MessageId,
  RepowireError,
  type RpcFrame,
} from "../protocol/index.ts";
import type { LinkTime } from "./time.ts";

/** Operations that may be asked again after a lost connection: each is harmless to repeat, by its message id or its nature. */
export interface Calls {
  start(
    name: string,
    input: Record<string, unknown>,
    options: CallOptions,
  ): { promise: Promise<unknown>; message: MessageId | undefined };
  /** The caller waits no more: the call ends, and is not asked again. Whether it was open. */
  withdraw(message: MessageId): boolean;
  /** After a reconnect: asks every open call again, in order. */
  resend(): void;
  progress(message: MessageId, text: string): void;
  fail(error: RepowireError): void;
}

interface OpenCall {
  name: string;
  input: Record<string, unknown>;
  message: MessageId | undefined;
  options: CallOptions;
  startedAt: number;
  settle: { resolve(value: unknown): void; reject(error: unknown): void };
  stopTimer: () => void;
}

/** Operations that make a message: the id chosen here makes a repeat harmless. */
const MAKES_MESSAGE = new Set(["ask", "ask_several", "reply", "notify", "broadcast", "spawn"]);

/** Calls that wait for answers, and take their questions back when they are interrupted. */
export const ASKS: ReadonlySet<string> = new Set(["ask", "ask_several"]);

/** A tool call must not hang because the daemon is gone; an ask gets its own wait on top. */
const PATIENCE_MS = 15_000;
/** What a frame has around its parameters, with room. */
const ENVELOPE_BYTES = 1_024;

export function createCalls(parts: {
  /** Sends at once, or returns undefined while there is no connection. */
  send(method: string, params: Record<string, unknown>, meta: RpcFrame["meta"]): Promise<unknown> | undefined;
  refusal(): RepowireError | undefined;
  time: LinkTime;
}): Calls {
  const open = new Set<OpenCall>();

  function attempt(call: OpenCall): void {
    const sent = parts.send(call.name, remaining(call, parts.time.now()), metaOf(call.options));
    sent?.then(
      (value) => finish(call, () => call.settle.resolve(value)),
      (error) => {
        // The connection went away under the call; it is asked again when there is a new one.
        if (error instanceof RepowireError && error.code === "unavailable") return;
        finish(call, () => call.settle.reject(error));
      },
    );
  }

  function finish(call: OpenCall, settle: () => void): void {
    if (!open.delete(call)) return;
    call.stopTimer();
    settle();
  }

  return {
    start(name, input, options) {
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      const message = MAKES_MESSAGE.has(name)
        ? ((input.message as MessageId | undefined) ?? newMessageId())
        : undefined;
      const refusal = parts.refusal();
      if (refusal) return { promise: Promise.reject(refusal), message };
      // Sent all the same it would end the connection, and again after every reconnect.
      if (isTooLarge(input)) return { promise: Promise.reject(frameTooLarge()), message };
      const call: OpenCall = {
        name,
        input: message ? { ...input, message } : input,
        message,
        options,
        startedAt: parts.time.now(),
        settle: { resolve, reject },
        stopTimer: parts.time.after(PATIENCE_MS + waitMs(name, input), () =>
          finish(call, () => reject(noDaemon(name))),
        ),
      };
      open.add(call);
      attempt(call);
      return { promise, message };
    },
    withdraw(message) {
      for (const call of open) {
        if (call.message !== message) continue;
        finish(call, () => call.settle.reject(withdrawn()));
        return true;
      }
      return false;
    },
    resend() {
      for (const call of open) attempt(call);
    },
    progress(message, text) {
      for (const call of open) if (call.message === message) call.options.onProgress?.(text);
    },
    fail(error) {
      for (const call of open) finish(call, () => call.settle.reject(error));
    },
  };
}

/** Small calls, which most are, are not made into text just to be measured: at worst a character is six bytes (`\\u0007`). */
const BYTES_PER_CHARACTER_MAX = 6;

function isTooLarge(input: Record<string, unknown>): boolean {
  const room = LIMITS.frameBytesMax - ENVELOPE_BYTES;
  let characters = 0;
  for (const [key, value] of Object.entries(input)) {
    if (typeof value === "object" && value !== null) characters = Number.POSITIVE_INFINITY;
    characters += key.length + (typeof value === "string" ? value.length : 0);
  }
  if (characters * BYTES_PER_CHARACTER_MAX < room) return false;
  return isLongerThan(JSON.stringify(input), room);
}

function metaOf({ toolUseId, subagent }: CallOptions): RpcFrame["meta"] {
  return toolUseId === undefined && subagent === undefined ? undefined : { tool_use_id: toolUseId, subagent };
}

/** How long an operation takes by itself, where it does not answer at once. */
const OWN_WAIT_MS: Record<string, number> = {
  ask: LIMITS.waitMsDefault,
  ask_several: LIMITS.waitMsDefault,
  spawn: LIMITS.spawnWaitMs,
  kill: LIMITS.stopMs,
};

const waitMs = (name: string, input: Record<string, unknown>): number =>
  typeof input.wait_seconds === "number" ? input.wait_seconds * 1000 : (OWN_WAIT_MS[name] ?? 0);

/** A repeated ask waits only for what is left of its time. */
function remaining(call: OpenCall, now: number): Record<string, unknown> {
  if (!ASKS.has(call.name)) return call.input;
  const left = waitMs(call.name, call.input) - (now - call.startedAt);
  return { ...call.input, wait_seconds: Math.max(0, left / 1000) };
}

/** What is not known must be said: the request may have been stored before the connection was lost. */
const IS_STORED: Record<string, string> = {
  ask: " It is not known whether the question was stored; asking the same again does no harm.",
  ask_several: " It is not known whether the questions were stored; asking the same again does no harm.",
  reply: " It is not known whether the reply was stored; sending the same again does no harm.",
  notify: " It is not known whether the message was stored; sent again, it may arrive twice.",
  spawn: " It is not known whether a session was started; list_peers shows it.",
  broadcast: " It is not known whether the message was stored; sent again, it may arrive twice.",
};

function withdrawn(): RepowireError {
  return new RepowireError(
    "unavailable",
    "The question was withdrawn while the repowire daemon could not be reached. Ask again if it is still wanted.",
  );
}

function noDaemon(name: string): RepowireError {
  const stored = IS_STORED[name] ?? "";
  return new RepowireError(
    "unavailable",
    `The repowire daemon did not answer.${stored} A person can start it with \`repowire daemon start\`.`,
  );
}
