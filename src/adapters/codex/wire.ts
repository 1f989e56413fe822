import { z } from "zod";

/**
 * The shapes of Codex's app-server protocol that are read, as far as they are read (codex-cli 0.169.0; the schema that the CLI
 * generates calls most of it experimental). Unknown fields are ignored, unknown kinds of items pass as they are.
 */

export const ThreadStatus = z.object({
  type: z.enum(["notLoaded", "idle", "systemError", "active"]),
  activeFlags: z.array(z.string()).optional(),
});
export type ThreadStatus = z.infer<typeof ThreadStatus>;

export const Thread = z.object({
  id: z.string(),
  cwd: z.string(),
  status: ThreadStatus,
  ephemeral: z.boolean().catch(false),
  parentThreadId: z.string().nullish(),
  originator: z.string().nullish(),
  /** `vscode` for a TUI on the shared server, `cli` for one that runs its agent itself, `exec` for headless runs. */
  source: z.unknown().optional(),
  threadSource: z.string().nullish(),
  path: z.string().nullish(),
  cliVersion: z.string().nullish(),
  /** Unix seconds. */
  createdAt: z.number().catch(0),
  recencyAt: z.number().nullish(),
});
export type Thread = z.infer<typeof Thread>;

export const ThreadItem = z.looseObject({
  type: z.string(),
  id: z.string().optional(),
  /** The id that whoever sent a user message gave it: ours, or a random one for what was typed in the TUI. */
  clientId: z.string().nullish(),
  /** Of an agent message. */
  text: z.string().nullish(),
  /** Of a user message. */
  content: z
    .array(z.looseObject({ type: z.string(), text: z.string().optional() }))
    .nullish()
    .catch(undefined),
  status: z.unknown().optional(),
  /** Of a tool call over MCP (0.169.0): `error` is set where the server was not reached, not where it refused. */
  server: z.string().nullish().catch(undefined),
  tool: z.string().nullish().catch(undefined),
  arguments: z.unknown().optional(),
  error: z.looseObject({ message: z.string() }).nullish().catch(undefined),
  /** Of a patch. */
  changes: z.unknown().optional(),
});
export type ThreadItem = z.infer<typeof ThreadItem>;

export const TurnError = z.object({ message: z.string(), codexErrorInfo: z.unknown().optional() });
export type TurnError = z.infer<typeof TurnError>;

export const Turn = z.object({
  id: z.string(),
  status: z.enum(["completed", "interrupted", "failed", "inProgress"]),
  error: TurnError.nullish(),
  items: z.array(ThreadItem),
});
export type Turn = z.infer<typeof Turn>;

export const QueuedSubmission = z.object({
  id: z.string(),
  clientUserMessageId: z.string(),
  input: z.array(z.looseObject({ text: z.string().optional() })).catch([]),
});
export type QueuedSubmission = z.infer<typeof QueuedSubmission>;

export const LoadedThreads = z.object({ data: z.array(z.string()) });
export const ReadThread = z.object({ thread: Thread });
export const TurnsPage = z.object({ data: z.array(Turn), nextCursor: z.string().nullish() });
export const QueuePage = z.object({ data: z.array(QueuedSubmission) });
export const Queued = z.object({ queuedSubmission: QueuedSubmission });
export const Diagnostics = z.object({ process: z.object({ id: z.number().int() }) });
export const McpStatus = z.object({
  data: z.array(
    z.object({
      name: z.string(),
      httpOrigin: z.string().nullish(),
      runtimeStatus: z.string().nullish().catch(undefined),
    }),
  ),
});
export const Nothing = z.unknown();

/** Notifications; those about a thread's items come to subscribers only. */
export const StatusChanged = z.object({ threadId: z.string(), status: ThreadStatus });
export type StatusChanged = z.infer<typeof StatusChanged>;
export const ThreadStarted = z.object({ thread: Thread });
export const ThreadClosed = z.object({ threadId: z.string() });

/** One frame: no `jsonrpc` member. */
export const Frame = z.object({
  id: z.union([z.number(), z.string()]).optional(),
  method: z.string().optional(),
  params: z.unknown().optional(),
  result: z.unknown().optional(),
  error: z.object({ code: z.number().optional(), message: z.string() }).nullish(),
});
export type Frame = z.infer<typeof Frame>;

/** What the TUI's dialog asks; the params of the three kinds of requests, merged. */
export const ApprovalParams = z.looseObject({
  threadId: z.string(),
  command: z.string().nullish(),
  reason: z.string().nullish(),
  message: z.string().nullish(),
  _meta: z.looseObject({ codex_approval_kind: z.string().optional(), tool_name: z.string().optional() }).nullish(),
});
export type ApprovalParams = z.infer<typeof ApprovalParams>;
