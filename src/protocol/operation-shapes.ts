import { z } from "zod";
import { AttachmentIds } from "./attachments.ts";
import { Handle, MessageId } from "./ids.ts";
import { LIMITS } from "./limits.ts";
import { Body, LaterBody, MessageKind, Urgency } from "./messages.ts";
import { RecipientTruth } from "./outcomes.ts";
import { CircleName, Peer, PeerName } from "./peers.ts";
import { SpawnRuntime } from "./runtimes.ts";
import { MissedPolicy, ScheduledKind } from "./schedules.ts";
import { TraceParent } from "./tracing.ts";

/** Inputs and results that the table of operations is made of: what a tool takes, what several rows share. */

/** Read by the session's own side, in the session's folder; the daemon opens no path that a peer names. */
const filesField = z
  .array(z.string().min(1).max(LIMITS.pathCharsMax))
  .min(1)
  .max(LIMITS.attachmentsPerMessageMax)
  .optional()
  .describe("files of your checkout to attach");

const waitSeconds = (described: string) => z.number().min(0).max(86_400).optional().describe(described);
export const peerField = z.string().min(1).max(200);

/** Several names on one line. No name of a peer, circle or machine holds a comma. */
const peersField = z.string().min(1).max(4_096).describe('name, or several: "backend, api"');

export const askTool = z.strictObject({
  peer: peersField,
  question: Body,
  wait_seconds: waitSeconds("default 90"),
  urgency: Urgency.optional(),
  files: filesField,
});
export const replyTool = z.strictObject({
  id: Handle,
  text: Body,
  outcome: z.enum(["answer", "decline", "progress"]).optional(),
  files: filesField,
});
export const notifyTool = z.strictObject({
  peer: peerField.describe('with when, "self" is you'),
  text: Body,
  urgency: Urgency.optional(),
  when: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe('send later: "30m", "2026-12-02 09:00", "cron 0 9 * * 1-5", "backend idle" (or waits, ends)'),
  files: filesField,
});
/** A message for later. */
export const scheduleInput = z.strictObject({
  peer: peerField,
  text: LaterBody,
  when: z.string().min(1).max(200),
  kind: ScheduledKind.optional(),
  urgency: Urgency.optional(),
  missed: MissedPolicy.optional(),
  /** An IANA name; this machine's zone otherwise. */
  zone: z.string().min(1).max(64).optional(),
});
export const broadcastTool = z.strictObject({ text: Body, circle: CircleName.optional() });
export const peersTool = z.strictObject({ circle: CircleName.optional(), include_offline: z.boolean().optional() });
export const describeTool = z.strictObject({ text: z.string().trim().max(LIMITS.descriptionCharsMax) });
export const whoamiTool = z.strictObject({ id: Handle.optional() });
export const inboxTool = z.strictObject({
  id: Handle.optional(),
  cancel: z.boolean().optional(),
  wait_seconds: waitSeconds("with id: wait for that answer"),
});

/** What git allows beyond this it decides itself; none of these is an option, or more than one name. */
export const BranchName = z
  .string()
  .min(1)
  .max(200)
  .regex(/^(?!-)[^\s\p{Cc}\p{Cf}~^:?*[\\]+$/u, "is no name for a branch");
const GitRef = z
  .string()
  .min(1)
  .max(200)
  .regex(/^(?!-)[^\s\p{Cc}\p{Cf}]+$/u, "is no name of a commit");
export const worktreeOptions = {
  /** Where a new branch begins; the checkout's own commit otherwise. */
  base: GitRef.optional(),
  /** `false`: without what the repository's `.repowire.yaml` asks for. */
  setup: z.boolean().optional(),
};

/** What a repository wants done in a new worktree, and whether a person has trusted exactly that. */
export const RepositorySetup = z.object({
  copy: z.array(z.string()),
  command: z.array(z.string()).optional(),
  hash: z.string(),
  trusted: z.boolean(),
});

export const WorktreeState = z.object({
  path: z.string(),
  repository: z.string(),
  branch: z.string(),
  /** The branch was made for it, and goes with it. */
  made_branch: z.boolean(),
  made_at: z.number().int(),
  made_by: z.string(),
  /** The sessions that sit in it; those that live first. */
  peers: z.array(z.object({ name: z.string(), presence: z.string() })),
  /** The folder is gone. */
  missing: z.boolean(),
  /** Not committed; absent where git did not tell. */
  files: z.array(z.string()).optional(),
  /** On no other branch, tag or remote. */
  commits: z.array(z.string()).optional(),
});

export const spawnTool = z.strictObject({
  path: z.string().min(1).max(LIMITS.pathCharsMax),
  runtime: SpawnRuntime.optional(),
  name: PeerName.optional(),
  circle: CircleName.optional(),
  prompt: Body.optional(),
  profile: z.string().min(1).max(64).optional(),
  worktree: BranchName.optional(),
});
export const killTool = z.strictObject({ peer: peerField, restart: z.boolean().optional() });

/** A session that was started, and is there. */
export const Started = z.object({
  state: z.literal("started"),
  peer: Peer,
  took_ms: z.number().int(),
  /** Whether a push reaches it when idle; else mail comes with its next turn. */
  can_receive: z.boolean(),
  /** As people name its pane: `repowire:3.0`. */
  pane: z.string(),
  /** Where it works apart; `made` now, with the log of its set-up where there was one. */
  worktree: z
    .object({ path: z.string(), branch: z.string(), made: z.boolean(), log: z.string().optional() })
    .optional(),
  prompt: z.object({ id: z.string(), recipient: RecipientTruth }).optional(),
});
/** A session that is not started without a person's word, which was asked for. */
export const NeedsApproval = z.object({
  state: z.literal("needs_approval"),
  id: z.string(),
  /** Why it is not allowed without a person. */
  why: z.string(),
});

export const EndedProcess = z.object({ pid: z.number().int(), command: z.string(), by: z.enum(["TERM", "KILL"]) });

/** A session that was started again in its seat, or waits for a person's word. */
export const Restarted = z.discriminatedUnion("state", [
  Started.extend({
    /** Whether it goes on with its conversation, or begins a new one. */
    continues: z.boolean(),
    ended: z.array(EndedProcess),
  }),
  NeedsApproval,
]);

export const messageFilters = {
  /** Who sent it or is one of its recipients. */
  peer: peerField.optional(),
  /** Who sent it. */
  from: peerField.optional(),
  /** The circle of its sender, as it was then. */
  circle: CircleName.optional(),
  kind: MessageKind.optional(),
  /** Accepted from `since` on, before `until`. */
  since: z.number().int().nonnegative().optional(),
  until: z.number().int().nonnegative().optional(),
  /** Any message of the thread. */
  thread: z.union([MessageId, Handle]).optional(),
};
export const page = {
  limit: z.number().int().positive().max(LIMITS.findPageMax).optional(),
  cursor: z.number().int().positive().optional(),
};

/** Files that were brought before, by id. */
export const attached = { attachments: AttachmentIds.optional() };

/** A message id chosen by the caller: repeating a request with it is harmless. */
export const idempotency = { message: MessageId.optional(), traceparent: TraceParent.optional() };
