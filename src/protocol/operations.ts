import { z } from "zod";
import { Attachment } from "./attachments.ts";
import { PlaceVariable, UnreachableSession } from "./discovery.ts";
import { MeshEvent } from "./events.ts";
import { ExportPage } from "./export.ts";
import { Finding, LoggedLine, Sample } from "./findings.ts";
import { Pause } from "./guard.ts";
import { Handle, MessageId, PeerId } from "./ids.ts";
import { LIMITS } from "./limits.ts";
import { Approval, Ask, CheckoutState, Delivery, Envelope, MessageKind } from "./messages.ts";
import { AskState, DeliveryState } from "./moves.ts";
import { Night } from "./night.ts";
import {
  askTool,
  attached,
  broadcastTool,
  describeTool,
  EndedProcess,
  idempotency,
  inboxTool,
  killTool,
  messageFilters,
  NeedsApproval,
  notifyTool,
  page,
  peerField,
  peersTool,
  RepositorySetup,
  Restarted,
  replyTool,
  Started,
  scheduleInput,
  spawnTool,
  WorktreeState,
  whoamiTool,
  worktreeOptions,
} from "./operation-shapes.ts";
import { AskOutcome, FoundMessage, RecipientTruth, RollUp, TraceStep } from "./outcomes.ts";
import { OwnTurn } from "./own-turns.ts";
import { CircleName, InboundPolicy, Peer, PeerName, Presence, Role, Rung, Runtime } from "./peers.ts";
import { SpawnRuntime } from "./runtimes.ts";
import { Schedule } from "./schedules.ts";

interface ToolShape {
  name: string;
  /** Starts or ends something: setup never allows it by itself, each CLI asks its user. */
  isGuarded?: boolean;
  /** What the model reads: when to use it and when not. Its tokens are paid in every session. */
  description: string;
  input: z.ZodObject;
}

interface OperationShape {
  purpose: string;
  input: z.ZodObject;
  output: z.ZodType;
  /** Roles that may call it; `decide` and its like also need a person's own credential (`human`). */
  callers: readonly Role[];
  human?: boolean;
  tool?: ToolShape;
}

const EVERYONE = ["agent", "orchestrator", "human", "service"] as const;
const PEOPLE = ["human"] as const;

/**
 * Every operation, once. The link, the HTTP API, the MCP tools and the CLI are typed by this table, and `Mesh` is derived from
 * it, so they cannot drift apart.
 */
export const OPERATIONS = {
  ask: {
    purpose: "Ask a peer a question and wait for its answer; the question lives on when the wait ends.",
    input: askTool.omit({ files: true }).extend({ peer: peerField, ...attached, ...idempotency }),
    output: AskOutcome,
    callers: EVERYONE,
    tool: {
      name: "ask_peer",
      description:
        'Ask another agent session; it reads its own checkout. Use instead of guessing about code outside yours. It cannot see your conversation: send one self-contained question. Returns the answer, or "pending" and an id: then go on, the answer arrives by itself. Never ask twice.',
      input: askTool,
    },
  },
  ask_several: {
    purpose:
      "Ask several peers the same question, each by an ask of its own, and wait for all of them together. Whoever cannot be asked is named with the reason; `ask_peer` with several names is this.",
    input: askTool
      .omit({ peer: true, files: true })
      .extend({ peers: z.array(peerField).min(1), ...attached, ...idempotency }),
    output: RollUp,
    callers: EVERYONE,
  },
  reply: {
    purpose: "Answer or decline a question by its id, or report progress on it.",
    input: replyTool.omit({ files: true }).extend({ ...attached, ...idempotency, checkout: CheckoutState.optional() }),
    output: z.object({
      id: z.string(),
      peer: z.string(),
      outcome: z.enum(["answer", "decline", "progress"]),
      /** The same reply was already stored: nothing new happened. */
      repeated: z.boolean(),
      /** Whether the asker's call was waiting and takes it as its result. */
      awaited: z.boolean(),
      /** That call waits for others as well: it brings this once they have answered, or its time is over. */
      with_others: z.boolean().optional(),
      asker: Presence,
    }),
    callers: EVERYONE,
    tool: {
      name: "reply",
      description:
        "Answer a question that came with an id. Cite file:line. outcome decline: say why. progress: one interim line.",
      input: replyTool,
    },
  },
  notify: {
    purpose: "Tell a peer something, one way; returns the state reached.",
    input: notifyTool.omit({ when: true, files: true }).extend({ ...attached, ...idempotency }),
    output: z.object({ id: z.string(), message: MessageId, peer: z.string(), recipient: RecipientTruth }),
    callers: EVERYONE,
    tool: {
      name: "notify_peer",
      description:
        "One-way: a changed contract, a task, a status. Not for questions, thanks or acknowledgements. fyi starts no turn.",
      input: notifyTool,
    },
  },
  broadcast: {
    purpose: "Tell all online peers of a circle something, as fyi.",
    input: broadcastTool.extend({ ...attached, ...idempotency }),
    output: z.object({
      message: MessageId,
      circle: z.string(),
      recipients: z.array(z.object({ id: z.string(), peer: z.string(), recipient: RecipientTruth })),
      /** Online, but not written to, and why. */
      left_out: z.array(z.object({ peer: z.string(), reason: z.string() })),
      /** An estimate of what it costs its recipients together: their contexts hold it from their next turn on. */
      estimated_tokens: z.number().int(),
    }),
    callers: EVERYONE,
    tool: {
      name: "broadcast",
      description: "Tell all online peers of your circle. Costs context in each and starts no turn. Rarely right.",
      input: broadcastTool,
    },
  },
  peers: {
    purpose: "List the peers that the caller can reach.",
    input: peersTool,
    output: z.object({ you: z.string().optional(), circle: z.string(), peers: z.array(Peer) }),
    callers: EVERYONE,
    tool: {
      name: "list_peers",
      description:
        "Names for `peer`, what each does, who is busy or waits for a human. Listed at start; call when stale.",
      input: peersTool,
    },
  },
  describe: {
    purpose: "Set the line that peers see about the caller's current task.",
    input: describeTool,
    output: z.object({ peer: Peer }),
    callers: EVERYONE,
    tool: {
      name: "set_description",
      description: "One line on your current task, shown to peers. Once per task.",
      input: describeTool,
    },
  },
  whoami: {
    purpose: "Who the caller is; with an id, who really sent that message.",
    input: whoamiTool,
    output: z.object({
      peer: Peer,
      message: z
        .object({
          id: z.string(),
          kind: MessageKind,
          from: Peer,
          from_role: Role,
          sent_at: z.number().int(),
          identity: z.enum(["proven", "asserted"]),
        })
        .optional(),
    }),
    callers: EVERYONE,
    tool: {
      name: "whoami",
      description: "You: name, circle, role, delivery. With id: who really sent that message and on whose behalf.",
      input: whoamiTool,
    },
  },
  inbox: {
    purpose:
      "Unread mail and open questions; with an id, the rest of a long message, or the state or withdrawal of one's own question.",
    input: inboxTool,
    output: z.discriminatedUnion("type", [
      z.object({
        type: z.literal("mail"),
        items: z.array(Envelope),
        /** Unread messages beyond those shown. */
        more: z.number().int(),
        /** Questions to the caller that are open, shown or not. */
        to_answer: z.array(
          z.object({ id: z.string(), from: z.string(), question: z.string(), asked_at: z.number().int() }),
        ),
        /** The caller's own open questions. */
        asked: z.array(z.object({ id: z.string(), to: z.string(), question: z.string(), recipient: RecipientTruth })),
      }),
      z.object({
        type: z.literal("message"),
        envelope: Envelope,
        /** Where in the body this part starts, in bytes. */
        offset: z.number().int(),
        part: z.string(),
        rest_bytes: z.number().int(),
      }),
      z.object({ type: z.literal("ask"), outcome: AskOutcome }),
      z.object({
        type: z.literal("withdrawn"),
        id: z.string(),
        peer: z.string(),
        /** Whether the recipient had it already; then its answer may still come, as fyi. */
        was_presented: z.boolean(),
      }),
      z.object({ type: z.literal("schedule"), schedule: Schedule, removed: z.boolean() }),
      z.object({
        type: z.literal("attachment"),
        attachment: Attachment,
        /** The part from byte `offset`; absent for a file that is no text. */
        part: z.string().optional(),
        offset: z.number().int(),
        rest_bytes: z.number().int(),
      }),
    ]),
    callers: EVERYONE,
    tool: {
      name: "inbox",
      description:
        "Unread mail and open questions. Mail arrives by itself: do not poll. id: the rest of a long message, or the state of your own question; cancel withdraws it.",
      input: inboxTool,
    },
  },
  spawn: {
    purpose: "Start an agent session in a folder, and wait until messages reach it.",
    input: spawnTool.extend({
      /** For the runtime's own command; a person's choice alone. */
      args: z.array(z.string().max(LIMITS.launchArgCharsMax)).max(LIMITS.launchArgsMax).optional(),
      ...worktreeOptions,
      /** Repeating a request with its id is harmless. */
      message: MessageId.optional(),
    }),
    output: z.discriminatedUnion("state", [Started, NeedsApproval]),
    callers: EVERYONE,
    tool: {
      name: "spawn_peer",
      isGuarded: true,
      description:
        "Start an agent when no listed peer owns that folder. prompt: its first message. worktree: a branch, checked out apart for isolated work. May need approval.",
      input: spawnTool,
    },
  },
  kill: {
    purpose: "End a session, with what it started; says what really ended. `restart`: as the operation of that name.",
    input: killTool,
    output: z.object({
      peer: z.string(),
      /** Nothing ran any more. */
      already: z.boolean(),
      ended: z.array(EndedProcess),
      /** Still running, against expectation. */
      left: z.array(z.object({ pid: z.number().int(), command: z.string() })),
      /** Whether its pane is gone; absent where it had none of ours. */
      pane_gone: z.boolean().optional(),
      /** Open questions to it, whose askers were told. */
      failed_asks: z.number().int(),
      uncommitted: z.object({ path: z.string(), branch: z.string().optional(), files: z.number().int() }).optional(),
      /** With `restart`: its next process, or what it waits for. */
      restarted: Restarted.optional(),
    }),
    callers: EVERYONE,
    tool: {
      name: "kill_peer",
      isGuarded: true,
      description:
        "End a session you spawned. Says what ended and what was uncommitted. restart: start it again, also a dead one, with its conversation.",
      input: killTool,
    },
  },
  restart: {
    purpose:
      "Start a session again in its seat, with its mailbox, its open questions and its conversation; what runs of it is ended first.",
    input: z.strictObject({
      peer: peerField,
      /** Only one that has ended; what runs is left alone. */
      ended_only: z.boolean().optional(),
      /** Without its conversation. */
      fresh: z.boolean().optional(),
      /** Repeating a request with its id is harmless. */
      message: MessageId.optional(),
    }),
    output: Restarted,
    callers: EVERYONE,
  },
  worktrees: {
    purpose:
      "List the worktrees that repowire made, with what is not saved in each; with a path, also what that repository wants done in a new one.",
    input: z.strictObject({ path: z.string().min(1).max(LIMITS.pathCharsMax).optional() }),
    output: z.object({
      worktrees: z.array(WorktreeState),
      repository: z.object({ path: z.string(), setup: RepositorySetup.optional() }).optional(),
    }),
    callers: ["human", "orchestrator", "service"],
  },
  remove_worktree: {
    purpose:
      "Remove a worktree that repowire made, with the branch that was made for it; refuses to lose work unless a person says `force`.",
    input: z.strictObject({
      /** Its folder or its name, its branch, or a session that sits in it. */
      worktree: z.string().min(1).max(LIMITS.pathCharsMax),
      force: z.boolean().optional(),
      keep_branch: z.boolean().optional(),
    }),
    output: z.object({
      path: z.string(),
      branch: z.string(),
      branch_removed: z.boolean(),
      lost: z.object({ files: z.array(z.string()), commits: z.array(z.string()) }),
    }),
    callers: ["human", "orchestrator"],
  },
  trust_repository: {
    purpose: "A person trusts what a repository wants done in its worktrees, exactly as it is now.",
    input: z.strictObject({ path: z.string().min(1).max(LIMITS.pathCharsMax), hash: z.string().length(64) }),
    output: z.object({ path: z.string(), setup: RepositorySetup }),
    callers: PEOPLE,
    human: true,
  },
  pane: {
    purpose: "Where the screen of a started session is, and the commands that open it.",
    input: z.strictObject({ peer: peerField }),
    output: z.object({
      peer: z.string(),
      /** As people name it: `repowire:3.0`. */
      label: z.string(),
      /** The tmux server that holds it. */
      socket: z.string(),
      /** Argument arrays: for a terminal outside that server, and for one inside it. */
      attach: z.array(z.string()),
      switch_to: z.array(z.string()),
    }),
    callers: PEOPLE,
    human: true,
  },
  move: {
    purpose: "Put a peer into another circle; it keeps its id, mailbox and open questions.",
    input: z.strictObject({ peer: peerField, circle: CircleName }),
    output: z.object({ peer: Peer, was: z.string() }),
    callers: PEOPLE,
    human: true,
  },
  login_link: {
    purpose:
      "Make a link that logs one browser in to the dashboard, once; whoever opens it acts with a person's rights.",
    input: z.strictObject({}),
    output: z.object({
      url: z.string(),
      /** The same for another device, where `dashboard.public_origin` says how one reaches this machine. */
      public_url: z.string().optional(),
      expires_at: z.number().int(),
    }),
    callers: PEOPLE,
    human: true,
  },
  spawn_options: {
    purpose: "What config.yaml lists for starting sessions: folders, runtimes and profiles.",
    input: z.strictObject({}),
    output: z.object({
      folders: z.array(z.string()),
      runtimes: z.array(SpawnRuntime),
      profiles: z.array(z.object({ name: z.string(), runtime: SpawnRuntime })),
    }),
    callers: PEOPLE,
    human: true,
  },
  set_role: {
    purpose:
      "Appoint a session as orchestrator, whose messages are tasks and who reaches all circles, or take that back; it holds for the life of that session.",
    input: z.strictObject({ peer: peerField, role: z.enum(["agent", "orchestrator"]) }),
    output: z.object({ peer: Peer, was: Role }),
    callers: PEOPLE,
    human: true,
  },
  rename: {
    purpose: "Give a peer another name; it keeps its id, mailbox and open questions.",
    input: z.strictObject({ peer: peerField, name: PeerName }),
    output: z.object({ peer: Peer, was: z.string() }),
    callers: PEOPLE,
    human: true,
  },
  set_inbound: {
    purpose:
      "Decide what happens to messages for a peer: accept, hold or refuse; `auto` returns to the rule for its mode.",
    input: z.strictObject({ peer: peerField, policy: z.enum([...InboundPolicy.options, "auto"]) }),
    output: z.object({ peer: Peer, released: z.number().int() }),
    callers: PEOPLE,
    human: true,
  },
  circle_inbound: {
    purpose:
      "Decide what happens to messages for everybody in a circle who has no policy of their own; `accept` takes that away.",
    input: z.strictObject({ circle: CircleName, policy: InboundPolicy }),
    output: z.object({ circle: CircleName, policy: InboundPolicy, members: z.array(z.string()) }),
    callers: PEOPLE,
    human: true,
  },
  quiet: {
    purpose: "Hand nothing to a peer for a while; what comes meanwhile is held, and follows then. 0 seconds end it.",
    input: z.strictObject({
      peer: peerField,
      seconds: z
        .number()
        .int()
        .min(0)
        .max(LIMITS.quietMsMax / 1_000),
    }),
    output: z.object({ peer: Peer, until: z.number().int().optional(), waiting: z.number().int() }),
    callers: PEOPLE,
    human: true,
  },
  held: {
    purpose: "List the messages that are held before they reach their recipients.",
    input: z.strictObject({}),
    output: z.object({
      held: z.array(
        z.object({
          id: Handle,
          message: MessageId,
          kind: MessageKind,
          from: z.string(),
          to: z.string(),
          to_id: PeerId,
          excerpt: z.string(),
          /** Its beginning as it was written, and what was left out at its end, in UTF-16 units. */
          text: z.string(),
          rest_chars: z.number().int(),
          queued_at: z.number().int(),
          reason: z.string(),
          /** Held by the gate, so that a person can decide it here; else by the recipient's own runtime. */
          can_decide: z.boolean(),
        }),
      ),
      /** Held beyond those listed, which are the oldest. */
      more: z.number().int(),
    }),
    callers: PEOPLE,
    human: true,
  },
  decide_held: {
    purpose: "Let one held message through, or send it back with a reason for its sender.",
    input: z.strictObject({
      id: Handle,
      verdict: z.enum(["release", "refuse"]),
      reason: z.string().max(LIMITS.reasonCharsMax).optional(),
    }),
    output: z.object({ id: Handle, to: z.string(), state: DeliveryState }),
    callers: PEOPLE,
    human: true,
  },
  mismatches: {
    purpose:
      "List the deliveries of which the recipient's own record shows something else than what was recorded, the newest first.",
    input: z.strictObject({}),
    output: z.object({
      mismatches: z.array(
        z.object({
          id: Handle,
          message: MessageId,
          thread: MessageId,
          kind: MessageKind,
          from: z.string(),
          to: z.string(),
          to_id: PeerId,
          /** What was recorded of it when it was found, and by which proof. */
          ledger: z.object({ state: DeliveryState, proof: z.string().optional() }),
          /** What the session's own record showed then. */
          record: z.enum(["shown", "not_shown"]),
          /** Both in one sentence. */
          why: z.string(),
          /** What is recorded now: a receipt that was missed is made up for. */
          state: DeliveryState,
          /** Epoch milliseconds: since when that was recorded, and when it was found to differ. */
          recorded_at: z.number().int().optional(),
          found_at: z.number().int(),
        }),
      ),
    }),
    callers: ["human", "orchestrator", "service"],
  },
  attach: {
    purpose:
      "Bring a file that is to go with a message, in parts: the first names it and its size, the others the upload. With the last part it has its id.",
    input: z.strictObject({
      /** Continues the upload that the first part began. */
      upload: z.string().max(64).optional(),
      name: z.string().min(1).max(255).optional(),
      size: z.number().int().nonnegative().max(LIMITS.attachmentBytesMax).optional(),
      data: z.base64().max(Math.ceil(LIMITS.attachmentChunkBytesMax / 3) * 4),
    }),
    output: z.object({
      upload: z.string(),
      /** Bytes so far. */
      received: z.number().int(),
      attachment: Attachment.optional(),
    }),
    callers: EVERYONE,
  },
  attachment: {
    purpose: "Read a part of a file that came with a message, or that one brought oneself.",
    input: z.strictObject({
      id: Handle,
      offset: z.number().int().nonnegative().max(LIMITS.attachmentBytesMax).optional(),
      length: z.number().int().positive().max(LIMITS.attachmentChunkBytesMax).optional(),
    }),
    output: z.object({
      attachment: Attachment,
      offset: z.number().int(),
      data: z.base64(),
      rest_bytes: z.number().int(),
    }),
    callers: EVERYONE,
  },
  schedule: {
    purpose:
      "Send a message later: at a time, again and again, or when a peer is idle, waits for its human, or ends. `notify_peer` with `when` is this.",
    input: scheduleInput,
    output: z.object({ schedule: Schedule }),
    callers: EVERYONE,
  },
  schedules: {
    purpose: "List the messages that wait for a time or a peer: one's own; all of them for people and orchestrators.",
    input: z.strictObject({}),
    output: z.object({ schedules: z.array(Schedule) }),
    callers: EVERYONE,
  },
  unschedule: {
    purpose: "Remove a message that waits for a time or a peer: one's own; any of them for people and orchestrators.",
    input: z.strictObject({ id: Handle }),
    output: z.object({ schedule: Schedule }),
    callers: EVERYONE,
  },
  pauses: {
    purpose: "List the messages that the loop guard has stopped.",
    input: z.strictObject({}),
    output: z.object({ pauses: z.array(Pause) }),
    callers: ["human", "orchestrator", "service"],
  },
  resume: {
    purpose: "Lift what the loop guard has stopped: by the id of the pause, a message of the thread, or a peer.",
    input: z.strictObject({ what: peerField }),
    output: z.object({ resumed: z.array(Pause) }),
    callers: PEOPLE,
    human: true,
  },
  approvals: {
    purpose: "List the tool calls that wait for a person.",
    input: z.strictObject({ all: z.boolean().optional() }),
    output: z.object({ approvals: z.array(Approval) }),
    callers: ["human", "orchestrator", "service"],
  },
  decide: {
    purpose: "Allow or deny a tool call that waits for a person; the first verdict wins.",
    input: z.strictObject({
      id: Handle,
      verdict: z.enum(["allow", "deny"]),
      reason: z.string().max(LIMITS.reasonCharsMax).optional(),
    }),
    output: z.object({ approval: Approval }),
    callers: PEOPLE,
    human: true,
  },
  trace: {
    purpose: "Everything that is known about one message, step by step.",
    input: z.strictObject({ id: z.union([z.literal("last"), MessageId, Handle]) }),
    output: z.object({
      id: z.string(),
      message: MessageId,
      kind: MessageKind,
      from: z.string(),
      to: z.array(z.string()),
      excerpt: z.string(),
      ask: Ask.optional(),
      deliveries: z.array(Delivery),
      steps: z.array(TraceStep),
    }),
    callers: EVERYONE,
  },
  events: {
    purpose: "A page of the event log after a cursor.",
    input: z.strictObject({
      after: z.number().int().nonnegative().optional(),
      limit: z.number().int().positive().max(LIMITS.pageMax).optional(),
    }),
    output: z.object({
      events: z.array(MeshEvent),
      cursor: z.number().int(),
      newest: z.number().int(),
      epoch: z.string(),
    }),
    callers: ["human", "orchestrator", "service"],
  },
  search: {
    purpose:
      'Find messages by words of their text. People see all, everybody else what they sent or received. Every word must be there, the last one as a beginning; "in quotes": an exact phrase. A page may end early, even empty, with a cursor to go on.',
    input: z.strictObject({
      words: z.string().max(LIMITS.searchCharsMax),
      ...messageFilters,
      /** By how well they fit instead of by time: among the newest that fit, on one page. */
      relevance: z.boolean().optional(),
      ...page,
    }),
    output: z.object({
      messages: z.array(
        FoundMessage.extend({
          /** The text around the first hit, on one line; `marks` are start and end of each hit in it, in UTF-16 units. */
          snippet: z.object({ text: z.string(), marks: z.array(z.tuple([z.number().int(), z.number().int()])) }),
        }),
      ),
      cursor: z.number().int().optional(),
    }),
    callers: EVERYONE,
  },
  history: {
    purpose:
      "Messages of a peer, of a pair or of a thread, the newest last; `cursor` leads to older ones. People see all, everybody else what they sent or received.",
    input: z.strictObject({
      ...messageFilters,
      /** With `peer`: only what these two sent each other. */
      with: peerField.optional(),
      ...page,
    }),
    output: z.object({
      messages: z.array(
        FoundMessage.extend({
          text: z.string(),
          /** What was left out at the end of the text, in UTF-16 units. */
          rest_chars: z.number().int(),
        }),
      ),
      cursor: z.number().int().optional(),
    }),
    callers: EVERYONE,
  },
  night: {
    purpose:
      "What happened in a span of time (epoch milliseconds), counted from the record: who asked whom and what came of it, commits, who was stuck and why.",
    input: z.strictObject({ since: z.number().int().nonnegative(), until: z.number().int().nonnegative().optional() }),
    output: Night,
    callers: PEOPLE,
    human: true,
  },
  export: {
    purpose:
      "A page of whole records, for a file of a run: messages with their deliveries, questions and events. With `since`, the conversations that began since (epoch milliseconds); with `thread`, the one of that message.",
    input: z.strictObject({
      after: z.number().int().nonnegative().optional(),
      since: z.number().int().nonnegative().optional(),
      thread: z.union([MessageId, Handle]).optional(),
      /** Without: no bodies, and nothing else that quotes them. */
      bodies: z.boolean().optional(),
    }),
    output: ExportPage,
    callers: PEOPLE,
    human: true,
  },
  discover: {
    purpose:
      "Find agent sessions that already run and can be reached without any setup, and let them join. The variables say where their CLIs keep their files.",
    input: z.strictObject({ env: z.partialRecord(PlaceVariable, z.string().max(LIMITS.pathCharsMax)).optional() }),
    output: z.object({
      found: z.array(z.object({ peer: Peer, is_new: z.boolean(), can: z.array(z.string()) })),
      unreachable: z.array(UnreachableSession),
    }),
    callers: ["human", "orchestrator", "service"],
  },
  probe: {
    purpose:
      "Ask the other end of every way into a live session (or into one peer's) for a sign of life. Nothing is shown there, and no model hears of it.",
    input: z.strictObject({ peer: peerField.optional() }),
    output: z.object({
      probes: z.array(
        z.object({
          peer: z.string(),
          peer_id: PeerId,
          runtime: Runtime,
          rung: Rung,
          ok: z.boolean(),
          latency_ms: z.number().optional(),
          /** Whether the session's hooks or record have told the daemon anything since it started. */
          gives_receipts: z.boolean(),
          /** Why there was none. */
          reason: z.string().optional(),
        }),
      ),
    }),
    callers: ["human", "orchestrator", "service"],
  },
  try_notifier: {
    purpose: "Run `on_waiting` of config.yaml once, as a trial, and say how it went.",
    input: z.strictObject({}),
    output: z.object({
      ms: z.number(),
      /** Absent when it ended well. */
      failure: z.string().optional(),
    }),
    callers: PEOPLE,
    human: true,
  },
  turns: {
    purpose:
      "The newest that a session's user and its model said there, read from the session's own record where its runtime keeps one; messages of the mesh are left out.",
    input: z.strictObject({
      peer: peerField,
      limit: z.number().int().positive().max(LIMITS.ownTurnsMax).optional(),
    }),
    output: z.object({
      peer: z.string(),
      /** The newest last. */
      turns: z.array(OwnTurn),
      /** There is more in the record, before these. */
      is_cut: z.boolean(),
      /** Why nothing can be read. */
      why: z.string().optional(),
    }),
    callers: PEOPLE,
    human: true,
  },
  examine: {
    purpose:
      "Try what the daemon itself can try (its files, disk, database, log, tmux, the ways into live sessions), and say of each part how it is and the one next step.",
    input: z.strictObject({}),
    output: z.object({ findings: z.array(Finding) }),
    callers: PEOPLE,
    human: true,
  },
  samples: {
    purpose: "How busy the daemon was, in short stretches, back to its start or for an hour.",
    input: z.strictObject({}),
    output: z.object({
      /** The length of a stretch. */
      every_ms: z.number().int(),
      /** The newest last. */
      samples: z.array(Sample),
    }),
    callers: ["human", "orchestrator", "service"],
  },
  daemon_log: {
    purpose: "The end of the daemon's own log, or what was written to it behind a cursor.",
    input: z.strictObject({ cursor: z.string().max(LIMITS.logCursorCharsMax).optional() }),
    output: z.object({
      /** The newest last. */
      lines: z.array(LoggedLine),
      /** Where to go on. */
      cursor: z.string(),
      /** Lines before those shown were left out: there were too many at once. */
      is_cut: z.boolean(),
    }),
    callers: PEOPLE,
    human: true,
  },
  purge: {
    purpose: "Remove closed messages, events and empty seats older than some days.",
    input: z.strictObject({ older_than_days: z.number().min(0).max(3_650).optional() }),
    output: z.object({ messages: z.number().int(), events: z.number().int(), peers: z.number().int() }),
    callers: PEOPLE,
    human: true,
  },
} as const satisfies Record<string, OperationShape>;

export type OperationName = keyof typeof OPERATIONS;
export const OPERATION_NAMES = Object.keys(OPERATIONS) as OperationName[];
export const isOperation = (name: string): name is OperationName => Object.hasOwn(OPERATIONS, name);

export type OperationInput<Name extends OperationName> = z.input<(typeof OPERATIONS)[Name]["input"]>;
export type OperationParams<Name extends OperationName> = z.output<(typeof OPERATIONS)[Name]["input"]>;
export type OperationOutput<Name extends OperationName> = z.output<(typeof OPERATIONS)[Name]["output"]>;

/** Names of the operations that models see as tools. */
export type ToolOperation = {
  [Name in OperationName]: (typeof OPERATIONS)[Name] extends { tool: ToolShape } ? Name : never;
}[OperationName];
export const TOOL_OPERATIONS = OPERATION_NAMES.filter((name): name is ToolOperation => "tool" in OPERATIONS[name]);

export interface CallOptions {
  /** Ends the caller's wait; the ask lives on. (A link's caller that is interrupted also withdraws it.) */
  signal?: AbortSignal;
  /** One interim line of the recipient while an ask waits. */
  onProgress?: (text: string) => void;
  /** The runtime's own id of the tool call, where it has one. */
  toolUseId?: string;
  /** The runtime says that a subagent makes this call (`true`) or that the session itself does (`false`). */
  subagent?: boolean;
}

/** The one driving port: everything a peer can do. The client implements it over a link or HTTP, the daemon in process. */
export type Mesh = {
  [Name in OperationName]: (input: OperationInput<Name>, options?: CallOptions) => Promise<OperationOutput<Name>>;
};

/** Keeps ids referenced from the docs generator. */
export const ID_SCHEMAS = { peer: PeerId, message: MessageId, handle: Handle, ask_state: AskState } as const;
