import { z } from "zod";
import { MessageId } from "./ids.ts";
import { LIMITS } from "./limits.ts";
import { Envelope } from "./messages.ts";
import { FailReason } from "./moves.ts";
import { RecordedTurns } from "./own-turns.ts";
import { CircleName, Peer, PeerName, ProcessInstance, Runtime } from "./peers.ts";
import { SessionSpans } from "./tracing.ts";

/**
 * The link joins one session to the daemon: JSON-RPC 2.0 over a WebSocket at `/v1/link`, requests both ways. Unknown fields are
 * ignored, so that an older side understands a newer one; what cannot be understood is refused with what to do about it.
 */
export const PROTOCOL_VERSION = 1;
export const PROTOCOL_VERSIONS_UNDERSTOOD = [1] as const;

/** Close codes: 44xx stay away, 45xx come back. */
export const CLOSE = {
  unauthorized: 4401,
  notAPeer: 4403,
  protocolUnsupported: 4426,
  helloTimeout: 4408,
  replaced: 4409,
  frameTooLarge: 4413,
  shuttingDown: 4503,
  slowReader: 4504,
} as const;

/** A client that is told one of these must not try again by itself. */
export const staysAway = (code: number): boolean => code >= 4400 && code < 4500 && code !== CLOSE.helloTimeout;

/** How the session was started, as far as the link's own process knows it; the daemon checks what can be checked. */
export const SessionClaim = z.object({
  runtime: Runtime,
  /** The process of the agent CLI. */
  process: ProcessInstance,
  /** Tells the seats of one process apart, where it has several (a folder, a thread). */
  key: z.string().max(LIMITS.pathCharsMax).optional(),
  /** The process that holds the link: the same, or a descendant of it. */
  link_pid: z.number().int().positive(),
  /** The runtime's own session id at this moment. */
  conversation: z.string().max(200).optional(),
  path: z.string().max(LIMITS.pathCharsMax),
  branch: z.string().max(300).optional(),
  worktree_of: z.string().max(LIMITS.pathCharsMax).optional(),
  /** Wishes from flag, environment or project file; the daemon decides. */
  name: PeerName.optional(),
  circle: CircleName.optional(),
  /** The configuration folder of the runtime, where it has one. */
  config_dir: z.string().max(LIMITS.pathCharsMax).optional(),
  /** The seat is for this session alone and disappears with it: a self-test, a one-off script. */
  temporary: z.boolean().optional(),
});
export type SessionClaim = z.infer<typeof SessionClaim>;

export const Hello = z.object({
  token: z.string().max(200),
  protocol: z.array(z.number().int()).min(1),
  client: z.object({ name: z.string().max(100), version: z.string().max(50) }),
  session: SessionClaim,
  /** Proof of the same instance after a reconnect; given by `welcome`. */
  resume: z.string().max(200).optional(),
  /** The last `cursor` this link received in a `deliver`, and the epoch it belongs to. */
  cursor: z.number().int().nonnegative().optional(),
  epoch: z.string().max(64).optional(),
  /** Whether pushes can be received now; otherwise `ready` follows. */
  receives: z.boolean(),
  /** What the link can carry beyond messages. */
  capabilities: z.array(z.string().max(50)).max(20),
});
export type Hello = z.infer<typeof Hello>;

export const Welcome = z.object({
  protocol: z.number().int(),
  peer: Peer,
  /** Identity of the database: a different one makes every cursor void. */
  epoch: z.string(),
  cursor: z.number().int(),
  resume: z.string(),
  daemon: z.object({ version: z.string(), instance: z.string() }),
  /** The daemon exports traces: it wants to be told of spans. */
  tracing: z.boolean().optional(),
  /** The daemon wants to be told of files that tools write and read. */
  files: z.boolean().optional(),
  mesh: z.object({
    online: z.array(z.object({ name: z.string(), runtime: Runtime, description: z.string().optional() })),
    total: z.number().int(),
  }),
});
export type Welcome = z.infer<typeof Welcome>;

/** What became of one message of a `deliver`. */
export const DeliverResult = z.object({
  message: MessageId,
  attempt: z.number().int(),
  outcome: z.enum(["presented", "held", "refused", "unreachable"]),
  reason: z.string().max(LIMITS.reasonCharsMax).optional(),
});
export type DeliverResult = z.infer<typeof DeliverResult>;

/** What a link tells about its session, kept until the daemon has acknowledged it. */
export const Report = z.discriminatedUnion("type", [
  z.object({ type: z.literal("delivered"), result: DeliverResult }),
  /** The result of an operation that carried this message was written to the runtime. */
  z.object({ type: z.literal("result_written"), message: MessageId }),
  z.object({ type: z.literal("entered"), message: MessageId }),
  z.object({ type: z.literal("seen"), message: MessageId, by: z.string().max(60) }),
  z.object({ type: z.literal("turn_started") }),
  z.object({ type: z.literal("turn_ended") }),
  z.object({ type: z.literal("waiting"), detail: z.string().max(200).optional() }),
  /** The runtime ties turns to ids: this is the exact answer of the turn that took the question in. */
  z.object({ type: z.literal("answer"), message: MessageId, text: z.string().max(LIMITS.bodyBytesMax) }),
  /** The turn that took the question in ended without an answer. */
  z.object({
    type: z.literal("failed"),
    message: MessageId,
    reason: FailReason,
    text: z.string().max(LIMITS.reasonCharsMax),
  }),
  /** A usage limit; epoch milliseconds until when, where the runtime says it. */
  z.object({
    type: z.literal("limited"),
    until: z.number().int().optional(),
    text: z.string().max(LIMITS.reasonCharsMax).optional(),
  }),
  /** What was handed over is not with the session any more, though nothing was answered: it may be handed over again. */
  z.object({ type: z.literal("lost"), message: MessageId, why: z.string().max(LIMITS.reasonCharsMax) }),
  /** What the session's side held back may be handed over now. */
  z.object({ type: z.literal("released") }),
  z.object({ type: z.literal("conversation"), conversation: z.string().max(200) }),
]);
export type Report = z.infer<typeof Report>;

export const PermissionAsk = z.object({
  request: z.string().max(200),
  tool: z.string().max(200),
  description: z.string().max(2_000).optional(),
  preview: z.string().max(20_000),
});
export type PermissionAsk = z.infer<typeof PermissionAsk>;

const ok = z.object({});

const FileNames = z.array(z.string().max(LIMITS.pathCharsMax)).max(LIMITS.filesPerReportMax);

/** Link → daemon, beside every operation of the operations table under its own name. */
export const LINK_METHODS = {
  hello: {
    params: Hello,
    result: Welcome,
    purpose: "Exchange the user's token for a session credential; the first request on every link.",
  },
  ready: { params: z.object({}), result: ok, purpose: "Pushes can be received from now on." },
  report: {
    params: z.object({ reports: z.array(z.object({ id: z.number().int(), report: Report })).max(LIMITS.batchMax) }),
    result: z.object({ acknowledged: z.number().int() }),
    purpose: "What happened in the session; repeated until acknowledged.",
  },
  abandon: {
    params: z.object({ message: MessageId }),
    result: ok,
    purpose:
      "The asker's call was interrupted: withdraw the question if nobody has it yet, else let its answer come as fyi.",
  },
  permission_request: {
    params: PermissionAsk,
    result: z.object({ id: z.string() }),
    purpose: "A tool call waits for a person.",
  },
  ping: { params: z.object({}), result: ok, purpose: "Both ends ask whether the other still answers." },
  permission_withdrawn: {
    params: z.object({ request: z.string().max(200) }),
    result: ok,
    purpose: "That call waits no more.",
  },
  files: {
    params: z.object({ writes: FileNames, reads: FileNames }),
    result: ok,
    purpose:
      "Files that the session's tools are about to write, or have read, where `welcome` says that the daemon wants them; said once, not repeated.",
  },
  spans: {
    params: SessionSpans,
    result: ok,
    purpose:
      "The session's part of traces, where `welcome` says that the daemon exports them; said once, not repeated.",
  },
} as const;

/** Daemon → link. */
export const DAEMON_METHODS = {
  deliver: {
    params: z.object({ items: z.array(Envelope).min(1).max(LIMITS.deliverItemsMax) }),
    result: z.object({ results: z.array(DeliverResult) }),
    purpose: "Hand these to the session; the result says for each what happened.",
  },
  cancel: {
    params: z.object({ message: MessageId }),
    result: ok,
    purpose: "Drop this message if it was not handed over yet.",
  },
  progress: {
    params: z.object({ message: MessageId, text: z.string() }),
    result: ok,
    purpose: "An interim line for a waiting ask.",
  },
  verdict: {
    params: z.object({ request: z.string(), behavior: z.enum(["allow", "deny"]), reason: z.string().optional() }),
    result: ok,
    purpose: "A person decided a permission request.",
  },
  turns: {
    params: z.object({}),
    result: RecordedTurns,
    purpose:
      "What the session's user and its model said there, read at this moment from the runtime's own store; asked when a person looks, of links whose hello names the capability `own_turns`, and kept nowhere.",
  },
  ping: { params: z.object({}), result: ok, purpose: "As above." },
  shutdown: {
    params: z.object({ back_in_ms: z.number().int().optional() }),
    result: ok,
    purpose:
      "The daemon stops; come back after so long, or, without a time, wait until somebody starts it. Open calls are asked again after the reconnect.",
  },
} as const;

export type LinkMethod = keyof typeof LINK_METHODS;
export type DaemonMethod = keyof typeof DAEMON_METHODS;

/** JSON-RPC 2.0 frames, parsed leniently: one of request, notification, result or error. */
export const RpcFrame = z.object({
  jsonrpc: z.literal("2.0"),
  id: z.union([z.string().max(100), z.number(), z.null()]).optional(),
  method: z.string().max(100).optional(),
  params: z.record(z.string(), z.unknown()).optional(),
  result: z.unknown().optional(),
  error: z
    .object({ code: z.number(), message: z.string(), data: z.record(z.string(), z.unknown()).optional() })
    .optional(),
  /** Beside the parameters: what the runtime says of the call, not of the operation. */
  meta: z
    .object({
      tool_use_id: z.string().max(200).optional(),
      /** Made by a subagent: it acts for the seat, but proves nothing about the main conversation. */
      subagent: z.boolean().optional(),
    })
    .optional(),
});
export type RpcFrame = z.infer<typeof RpcFrame>;
