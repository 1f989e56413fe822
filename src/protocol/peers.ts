import { z } from "zod";
import { PeerId } from "./ids.ts";
import { LIMITS } from "./limits.ts";

/** What a party may do; it follows from the credential, never from a field of a request. */
export const Role = z.enum(["agent", "orchestrator", "human", "service"]);
export type Role = z.infer<typeof Role>;

/** The agent CLIs, and what else can sit at the mesh: a terminal, a script, any MCP client. */
export const Runtime = z.enum(["claude-code", "opencode", "codex", "gemini", "terminal", "script", "mcp", "memory"]);
export type Runtime = z.infer<typeof Runtime>;

/**
 * Letters (of any script), digits, dot, dash and underscore; begins with a letter, digit or underscore. What the filter leaves out
 * (spaces, quotes, `@`, `<`, control characters) would break addresses, frames or terminals.
 */
export const NAME_PATTERN = /^[\p{L}\p{N}_][\p{L}\p{N}._-]*$/u;
export const PeerName = z
  .string()
  .min(1)
  .max(LIMITS.nameCharsMax)
  .regex(NAME_PATTERN, "must begin with a letter or digit and hold only letters, digits, dot, dash and underscore");
export type PeerName = z.infer<typeof PeerName>;
export const CircleName = PeerName;
export type CircleName = z.infer<typeof CircleName>;

/** The names in what a tool or a command was given as `peer`. */
export const namesIn = (peer: string): string[] =>
  peer
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");

export const PresenceState = z.enum(["online", "busy", "waiting", "limited", "offline"]);
export type PresenceState = z.infer<typeof PresenceState>;

/** What repowire is doing with a session's process right now; each has a deadline. */
export const Transition = z.enum(["starting", "stopping", "restarting"]);
export type Transition = z.infer<typeof Transition>;

/** Proven by the life of a connection or process. Instants are epoch milliseconds. */
export const Presence = z.object({
  state: PresenceState,
  since: z.number().int(),
  /** What a waiting session waits for ("Bash"), or why it is limited. */
  detail: z.string().optional(),
  /** Until when a usage limit lasts, where the runtime says it. */
  until: z.number().int().optional(),
  /** Beside the state: a session that is being started is offline, and expected. */
  transition: Transition.optional(),
});
export type Presence = z.infer<typeof Presence>;

/** The ways into a session, best first. Which of them a session has is found by trying, not assumed. */
export const Rung = z.enum(["channel", "inbox_socket", "push", "hook", "pane", "result", "pull"]);
export type Rung = z.infer<typeof Rung>;

/** The rung that serves a peer now and how it was proven: a receipt in this very process, or nothing yet. */
export const DeliveryPath = z.object({
  rung: Rung,
  proven_by: z.string().optional(),
  proven_at: z.number().int().optional(),
  /** From hand-over to the first receipt, in milliseconds. */
  latency_ms: z.number().optional(),
});
export type DeliveryPath = z.infer<typeof DeliveryPath>;

export const Capability = z.enum(["relay_permissions", "mcp_tools", "hooks"]);
export type Capability = z.infer<typeof Capability>;

export const InboundPolicy = z.enum(["accept", "hold", "refuse"]);
export type InboundPolicy = z.infer<typeof InboundPolicy>;

/** A seat of the mesh: a live agent process in a folder, a person, a service. The mailbox belongs to the seat. */
export const Peer = z.object({
  id: PeerId,
  name: PeerName,
  circle: CircleName,
  role: Role,
  runtime: Runtime,
  machine: z.string(),
  path: z.string().max(LIMITS.pathCharsMax).optional(),
  branch: z.string().optional(),
  /** Set when the folder is a linked git worktree: the main checkout's folder. */
  worktree_of: z.string().optional(),
  description: z.string().max(LIMITS.descriptionCharsMax).optional(),
  described_at: z.number().int().optional(),
  presence: Presence,
  delivery: DeliveryPath.optional(),
  capabilities: z.array(Capability),
  /** `asserted` where ownership of the session could not be proven. */
  identity: z.enum(["proven", "asserted"]),
  /** What happens to messages for this peer before any push; unset means the rule for its mode. */
  inbound: InboundPolicy,
  inbound_reason: z.string().optional(),
  unread: z.number().int().nonnegative(),
  /** Questions that it has to answer, and those of its own that are open. */
  open_asks: z.object({ to_answer: z.number().int(), asked: z.number().int() }).optional(),
  last_seen_at: z.number().int(),
  joined_at: z.number().int(),
  /** The session's process on its machine, while it lives. */
  pid: z.number().int().positive().optional(),
  /** The name of the peer that had repowire start it. */
  spawned_by: z.string().optional(),
});
export type Peer = z.infer<typeof Peer>;

/** One running process: a pid alone is reused, its start time is not. `boot` tells machine starts apart. */
export const ProcessInstance = z.object({
  pid: z.number().int().positive(),
  started: z.string().max(64),
  boot: z.string().max(64),
});
export type ProcessInstance = z.infer<typeof ProcessInstance>;

export function sameInstance(a: ProcessInstance | undefined, b: ProcessInstance | undefined): boolean {
  return a !== undefined && b !== undefined && a.pid === b.pid && a.started === b.started && a.boot === b.boot;
}

export const DEFAULT_CIRCLE = "default";
