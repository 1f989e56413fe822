import type {
  Approval,
  Ask,
  AskOutcome,
  Attachment,
  Delivery,
  Envelope,
  InboundPolicy,
  MeshEvent,
  Message,
  MessageId,
  NightCommit,
  OpenDeliveryState,
  Pause,
  Peer,
  PeerId,
  ProcessInstance,
  Rung,
  Runtime,
  Schedule,
  SpawnRuntime,
} from "../protocol/index.ts";
import type { SearchTerm } from "./text-search.ts";

/** What core needs from outside. It does no I/O itself: it reads and writes through `Tx`, and names what must happen in `Effect`s. */

/**
 * Two clocks at one instant. `wall` (epoch ms) is what people read. `awake` (ms, only ever growing) stands still while the machine
 * sleeps and does not jump when somebody sets the clock: every deadline is kept on it.
 */
export interface Now {
  wall: number;
  awake: number;
}

export interface Clock {
  now(): Now;
  /** Calls back once after `ms` of the running process; the returned function calls it off. */
  after(ms: number, run: () => void): () => void;
}

export interface Ids {
  peer(): PeerId;
  message(): MessageId;
  handle(): string;
  /** An unguessable name for waits, leases and sessions. */
  secret(): string;
}

/** One input of the turn that a session is in. */
export type TurnInput = { type: "delivery"; message: MessageId } | { type: "user" } | { type: "other" };

export interface Turn {
  /** Epoch ms; absent where an older daemon stored it. */
  started_at?: number;
  inputs: TurnInput[];
}

export interface RungProof {
  by: string;
  at: number;
  latency_ms?: number;
}

/** The pane that a session was started in, and the process that it was opened with. */
export interface PaneRecord {
  socket: string;
  /** tmux's own id: `%3`. */
  pane: string;
  /** As people name it. */
  label: string;
  root: ProcessInstance;
}

/** How a session was started, kept with its seat so that it can be started the same way again. */
export interface LaunchRecord {
  /** The request that made it: repeating that is harmless. */
  request: MessageId;
  runtime: SpawnRuntime;
  profile?: string;
  /** A person's own arguments, beyond those of the profile. */
  args: string[];
  spawner: PeerId;
  /** 1: started by a session or person that was not started itself. */
  depth: number;
  /** The seat was made for it, and goes if it never comes up. */
  madeSeat: boolean;
  phase: "starting" | "running" | "stopping" | "restarting" | "ended";
  /** When a phase that should pass is given up. */
  until_awake?: number;
  pane?: PaneRecord;
  /** It was started again in its seat: whether with the conversation that was there. */
  continues?: boolean;
}

/** A peer as stored: the public shape, and what only the daemon needs to know. */
export interface PeerRecord
  extends Omit<Peer, "unread" | "open_asks" | "inbound" | "inbound_reason" | "delivery" | "spawned_by"> {
  /** Order of creation; a folder's lowest free seat is taken first. */
  seat: number;
  instance?: ProcessInstance;
  /** Tells the seats of one process apart, where it has several (a folder, a thread). */
  key?: string;
  conversation?: string;
  config_dir?: string;
  transcript?: string;
  /** The user's own decision; unset means the rule for the mode. */
  inbound_policy?: InboundPolicy;
  /** Epoch ms until which its user wants quiet. */
  quiet_until?: number;
  permission_mode?: string;
  /** Rungs that gave a receipt in this very process. */
  proofs: Partial<Record<Rung, RungProof>>;
  turn?: Turn;
  /** Whether this instance has held a link, so that after a restart of the daemon its return is waited for. */
  had_link: boolean;
  resume_hash?: string;
  /** The seat is for one session and is removed with it. */
  temporary?: boolean;
  launch?: LaunchRecord;
}

/** A delivery as stored, with the bookkeeping of hand-overs. */
export interface DeliveryRecord extends Delivery {
  /** Acceptance order, over all messages. */
  seq: number;
  kind: Message["kind"];
  from: PeerId;
  urgency: Message["urgency"];
  expires_awake_ms?: number;
  /** Until when the hand-over in flight may be reported. */
  lease_until?: number;
  /** On which route the hand-over in flight went; void after a restart. */
  lease_route?: string;
  /** Rungs on which a push of this delivery is known to be dead. */
  dead_rungs: Rung[];
  presented_awake?: number;
  /** Repeats that the recipient may have read twice. */
  possible_duplicates: number;
  /** Who let it through the gate that held it: a process chain. */
  released_by?: string;
}

export interface AskRecord extends Ask {
  /** The turn that overlooked it held something else, too: what the session says after a reminder may be about that. */
  overlooked_beside?: boolean;
  expires_awake_ms: number;
}

export interface ApprovalRecord extends Approval {
  /** The runtime's own names for the request, by the path on which it came. */
  requests: { via: "hook" | "link" | "operation"; request: string }[];
  conversation?: string;
  expires_awake_ms: number;
}

/** Which messages are wanted; all that is given must fit. */
export interface MessageQuery {
  /** Must all be in the body; none: any body fits. */
  terms: readonly SearchTerm[];
  /** Each of them sent the message or is one of its recipients. */
  parties?: readonly PeerId[];
  /** Who sent it. */
  sender?: PeerId;
  /** From one of the two to the other. */
  between?: readonly [PeerId, PeerId];
  /** The sender's circle, as it was then. */
  circle?: string;
  kind?: Message["kind"];
  thread?: MessageId;
  /** When it was accepted, epoch ms: from `since` on, before `until`. */
  since?: number;
  until?: number;
  /** Only what was accepted before the message at this place. */
  before?: number;
  limit: number;
}

export interface FoundMessages {
  /** The newest first. `place` is the message's place in acceptance order. */
  found: { place: number; message: Message }[];
  /**
   * Where to go on; absent when nothing older is left to look at. There may be more with fewer than `limit` found, or none: the
   * work of one call is bounded.
   */
  next?: number;
}

/** How far a purge has come that is done in parts. */
export interface PurgePlace {
  phase: "messages" | "events" | "words" | "merge" | "peers";
  after: number;
}

export type NewEvent = Omit<MeshEvent, "seq" | "at">;

/** Messages between peers that were stopped because they came too many, too fast or too deep, until a person lifts it. */
export interface PauseRecord extends Omit<Pause, "peers"> {
  peers: PeerId[];
  /** For a thread that was lifted: how deep it was then, from where its depth counts anew. */
  lifted_at_hops?: number;
}

/** A worktree that repowire made. Paths are real paths. */
export interface WorktreeRecord {
  folder: string;
  repository: string;
  branch: string;
  /** The branch was made for it, and goes with it. */
  madeBranch: boolean;
  made_at: number;
  /** The name of whoever asked for it. */
  made_by: string;
}

/** What a person has trusted a repository with: exactly what had this hash. */
export interface TrustRecord {
  hash: string;
  at: number;
}

/** A browser that a person has logged in. Neither secret is kept: only what tells that one is right. Instants are epoch ms. */
export interface LoginRecord {
  id: string;
  /** SHA-256 of what the cookie carries, and of what the page itself keeps. */
  cookie_hash: string;
  page_hash: string;
  /** The process chain of whoever made the link. */
  made_by: string;
  created_at: number;
  expires_at: number;
}

/** A delivery whose record differed from what its recipient's session shows. */
export interface MismatchRecord {
  id: string;
  kind: "claimed" | "hidden";
  handle: string;
  message: MessageId;
  peer: PeerId;
  /** When it was found, epoch ms. */
  at: number;
}

/** What a person decided for everybody in a circle. */
export interface GateRecord {
  /** The circle's name. */
  id: string;
  policy: Exclude<InboundPolicy, "accept">;
  at: number;
}

/** An answer whose asker is told when what it was read from changes. Instants are epoch ms. */
export interface WatchedAnswer {
  /** The answer's message. */
  id: MessageId;
  ask: MessageId;
  asker: PeerId;
  askee: PeerId;
  /** Real path of the checkout that was read, and the commit that it was at. */
  root: string;
  head?: string;
  /** Files that were read from when the question came until it was answered; absent: not known yet. */
  files?: { file: string; mtime?: number; size?: number }[];
  read_from: number;
  answered_at: number;
}

/** A file that goes with messages, or waits for its first. Its bytes are kept by hash (`Blobs`). */
export interface AttachmentRecord extends Attachment {
  /** Who brought it. */
  owner: PeerId;
  /** Epoch ms. */
  at: number;
  messages: MessageId[];
  /** How much of its text each reader's model was shown, in bytes. */
  shown: Record<PeerId, number>;
}

/** A message that waits for its time, or for a peer. */
export interface ScheduleRecord extends Omit<Schedule, "from" | "from_id" | "to" | "to_id" | "state"> {
  from: PeerId;
  to: PeerId;
  /** The chain in which it was made: sending later is no way round the guard against talk in circles. */
  thread?: MessageId;
  hops: number;
  /** For what waits for a peer. */
  expires_awake_ms?: number;
  /** The session that it waits for ended; whoever sits there since is another. */
  has_ended?: boolean;
  /** It came to nothing at this instant (epoch ms). */
  over_at?: number;
}

/** What repowire keeps of other kinds, by id: few and small, so all of it is held in memory beside its table. */
export interface Shelves {
  pause: PauseRecord;
  /** By folder. */
  worktree: WorktreeRecord;
  /** By folder of the repository. */
  trust: TrustRecord;
  login: LoginRecord;
  mismatch: MismatchRecord;
  gate: GateRecord;
  answer: WatchedAnswer;
  schedule: ScheduleRecord;
  attachment: AttachmentRecord;
}
export type ShelfName = keyof Shelves;

export interface Shelf<T> {
  get(id: string): T | undefined;
  /** In the order in which they were put first. */
  all(): readonly T[];
  put(id: string, value: T): void;
  remove(id: string): void;
}

/**
 * One transaction. Reads see the writes before them; nothing is durable until the surrounding `transaction` returns. Records
 * handed out are snapshots: changing one changes nothing until it is given back to `put`.
 */
export interface Tx {
  readonly peers: {
    get(id: PeerId): PeerRecord | undefined;
    all(): readonly PeerRecord[];
    put(peer: PeerRecord): void;
    remove(id: PeerId): void;
    nextSeat(): number;
  };
  readonly messages: {
    get(id: MessageId): Message | undefined;
    insert(message: Message): void;
    /** The newest message, for `trace last`. */
    last(): Message | undefined;
    ofThread(thread: MessageId): Message[];
    /** Reads with bounded work, however many messages there are and fit. */
    find(query: MessageQuery): FoundMessages;
  };
  readonly deliveries: {
    get(message: MessageId, peer: PeerId): DeliveryRecord | undefined;
    ofMessage(message: MessageId): DeliveryRecord[];
    byHandle(handle: string): DeliveryRecord | undefined;
    /** Whether a delivery has this handle; for new ones, so it is quick for those that nobody has. */
    isHandleTaken(handle: string): boolean;
    /** Of one peer, in acceptance order. */
    inStates(peer: PeerId, states: readonly OpenDeliveryState[]): DeliveryRecord[];
    /** Of all peers, in acceptance order. */
    allInStates(states: readonly OpenDeliveryState[]): DeliveryRecord[];
    count(peer: PeerId, states: readonly OpenDeliveryState[]): number;
    /** Open deliveries whose time has run out, but for those of asks, which end with their ask. */
    due(awake: number, limit: number): DeliveryRecord[];
    put(delivery: DeliveryRecord): void;
    nextSeq(): number;
  };
  readonly asks: {
    get(message: MessageId): AskRecord | undefined;
    openTo(askee: PeerId): AskRecord[];
    openFrom(asker: PeerId): AskRecord[];
    /** Open asks whose time has run out. */
    due(awake: number, limit: number): AskRecord[];
    put(ask: AskRecord): void;
  };
  readonly approvals: {
    get(message: MessageId): ApprovalRecord | undefined;
    byHandle(handle: string): ApprovalRecord | undefined;
    pending(peer?: PeerId): ApprovalRecord[];
    all(limit: number): ApprovalRecord[];
    put(approval: ApprovalRecord): void;
  };
  readonly events: {
    append(event: NewEvent, at: number): MeshEvent;
    after(seq: number, limit: number): MeshEvent[];
    ofMessages(messages: readonly MessageId[]): MeshEvent[];
    last(): number;
  };
  readonly shelves: { readonly [Name in ShelfName]: Shelf<Shelves[Name]> };
  readonly meta: {
    get(key: string): string | undefined;
    set(key: string, value: string): void;
  };
  /**
   * Removes what is closed and older than `before` (epoch ms). With `part`, only a bounded part of the work is done, from the place
   * where the part before ended; `next` says where to go on, in a transaction of its own.
   */
  purge(
    before: number,
    part?: { rows: number; from?: PurgePlace },
  ): { messages: number; events: number; peers: number; next?: PurgePlace };
  /** Runs `body`; if it throws, undoes what it wrote, here and outside the store, and throws on. The rest of the transaction stays. */
  isolated<T>(body: () => T): T;
  /** Undoes a change outside the store (presence, waits) if this transaction does not commit. */
  onRollback(undo: () => void): void;
}

/** Thrown by `transaction` when nothing of it was stored. */
export class StorageError extends Error {
  readonly kind: "full" | "failed";

  constructor(kind: "full" | "failed", message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "StorageError";
    this.kind = kind;
  }
}

export interface MessageStore {
  /** Identity of the database: changes when it is made anew, which makes all cursors void. */
  readonly epoch: string;
  /**
   * Runs `body` and commits. If `body` throws, or the commit fails, nothing of it is stored and the error is thrown on
   * (`StorageError` for the disk's part).
   */
  transaction<T>(body: (tx: Tx) => T): T;
  /** Reads a consistent state without writing. */
  read<T>(body: (tx: Tx) => T): T;
  close(): void;
}

/** A live way into a session, offered by an adapter. */
export interface Route {
  /** Unique among the live routes; a lease remembers it. */
  id: string;
  peer: PeerId;
  rung: Rung;
  /**
   * Preference among the routes of a peer for a session in that state, lowest first; absent: it cannot serve that state.
   * `notes`: into a busy session goes a note beside the running turn, which starts nothing, so fyi may come along by itself.
   * This is all that the router knows about runtimes.
   */
  serves: { idle?: number; busy?: number; notes?: boolean };
  /** Whether it may be used now (a link that is still starting may not). */
  ready: boolean;
  /** Whether pushes may vanish here without a word, so that only a receipt in this process makes it trusted. */
  needsProof: boolean;
  /** A push was dead here before any was proven: not used again while another rung serves. */
  suspect: boolean;
}

/** What must happen after the commit. */
export type Effect =
  | { type: "deliver"; route: string; peer: PeerId; items: Envelope[] }
  | { type: "cancel"; route: string; peer: PeerId; message: MessageId }
  | { type: "settle"; wait: string; outcome: AskOutcome }
  | { type: "progress"; wait: string; text: string }
  | { type: "verdict"; approval: ApprovalRecord; verdict: "allow" | "deny" | "withdrawn"; reason?: string }
  | { type: "watch"; peer: PeerId }
  | { type: "event"; event: MeshEvent };

export interface CoreConfig {
  machine: string;
  /** The rule for sessions that run without permission prompts. */
  inboundWithoutPrompts: InboundPolicy;
  budgets: Budgets;
}

/** How much agents may write before a person is asked; 0 is without a limit. */
export interface Budgets {
  pairPerMinute: number;
  pairPerNight: number;
  circlePerMinute: number;
  threadDepth: number;
}

/** The bytes of attachments, by their hash. Rejections are `RepowireError`s. */
export interface Blobs {
  /** Begins a file; its parts are appended until it is finished or dropped. */
  begin(): Promise<BlobDraft>;
  /** At most `length` bytes from `offset`; fewer at the end. */
  read(sha256: string, offset: number, length: number): Promise<Uint8Array>;
  /** Removes all files but those named, and drafts that nobody writes; what this process finished lately stays, whoever it is for. */
  keepOnly(known: ReadonlySet<string>): Promise<void>;
}

export interface BlobDraft {
  append(bytes: Uint8Array): Promise<void>;
  /** Durable from here on. Resolves to the hash. */
  finish(): Promise<string>;
  drop(): Promise<void>;
}

/** Times as people write them. Pure: the same text at the same instant gives the same. */
export interface Calendar {
  /** The zone of this machine. */
  readonly zone: string;
  /** Whether there is such a zone. */
  isZone(zone: string): boolean;
  /** The first instant (epoch ms) after `after` that fits the cron pattern, undefined when none ever does. Throws where it is no pattern. */
  next(pattern: string, zone: string, after: number): number | undefined;
  /** The instant of a date and time of day in a zone: `2026-12-02T09:00`. Undefined where it is none. */
  at(local: string, zone: string): number | undefined;
}

/** What is to be started, as a caller wishes it. */
export interface LaunchWish {
  /** Real path of the folder. */
  path: string;
  runtime?: SpawnRuntime;
  profile?: string;
  args: string[];
}

export interface LaunchOrder {
  path: string;
  name: string;
  circle: string;
  runtime: SpawnRuntime;
  profile?: string;
  args: string[];
  /** It runs once more in its seat: with the conversation of that id where it has one, and without what its first start alone was for. */
  again?: { conversation?: string };
}

/** What a session that comes up looks like now. */
export interface LaunchLook {
  isAlive: boolean;
  /** Its screen's last lines, without escapes. */
  tail: string[];
  /** Only a person can go on from here: what it asks, and what to do. */
  blockedBy?: string;
  /** Its runtime has no such conversation to continue. */
  hasNothingToContinue?: boolean;
}

export interface Stopped {
  ended: { pid: number; command: string; by: "TERM" | "KILL" }[];
  left: { pid: number; command: string }[];
  pane_gone?: boolean;
}

/** What a repository wants done in a new worktree; its paths are checked, and nothing else. */
export interface WorktreeSetup {
  copy: string[];
  command?: string[];
  /** Of both: what was trusted is known by it. */
  hash: string;
}

/** A worktree as it would be made, or as it is there. */
export interface WorktreePlan {
  /** Real path of the main checkout. */
  repository: string;
  folder: string;
  isThere: boolean;
  branch: string;
  /** The commit that a new branch begins at; absent: the branch is there. */
  base?: string;
  /** Where in the checkout the session starts: as deep as the folder that was asked for. */
  inside: string;
  setup?: WorktreeSetup;
}

/** Makes and removes git worktrees, with nothing of the repository run but a set-up that is passed in. Rejections are `RepowireError`s. */
export interface Worktrees {
  plan(wish: { path: string; branch: string; base?: string }): Promise<WorktreePlan>;
  /** Resolves to the set-up's log. When it rejects, nothing is left of it. */
  make(plan: WorktreePlan, options: { setup?: WorktreeSetup }): Promise<{ log?: string }>;
  /** What would be lost with it, in lines for people. */
  look(
    record: WorktreeRecord,
    options: { keepsBranch: boolean },
  ): Promise<{ isMissing: boolean; files: string[]; commits: string[] }>;
  remove(
    record: WorktreeRecord,
    options: { force: boolean; keepsBranch: boolean },
  ): Promise<{ branchRemoved: boolean }>;
  repository(path: string): Promise<{ repository: string; setup?: WorktreeSetup }>;
}

/** What was committed in a repository, with nothing of it run. */
export interface Commits {
  /** The repository that a folder is a checkout of; undefined where it is none. */
  repositoryOf(folder: string): string | undefined;
  /** Of the newest, and of how many in all: on its local branches, from `since` on, before `until` (epoch ms); none where git does not tell. */
  made(repository: string, since: number, until: number): Promise<{ commits: NightCommit[]; total: number }>;
}

/** Starts and ends sessions. Rejections are `RepowireError`s. */
export interface Launcher {
  /** The real path of an existing folder; a relative one is seen from `from`. */
  folder(path: string, from: string | undefined): string;
  /** Which runtime is meant, and why a person must allow it; without a reason it is on the user's lists. */
  judge(wish: LaunchWish): { runtime: SpawnRuntime; why?: string };
  /** Whether its command can go on with a conversation of that id. */
  canContinue(runtime: SpawnRuntime, conversation: string): boolean;
  /** The command as it would run, for the person who decides. */
  preview(order: LaunchOrder): string;
  start(order: LaunchOrder): Promise<PaneRecord>;
  look(pane: PaneRecord, runtime: SpawnRuntime): Promise<LaunchLook>;
  /** It is up: from now on the pane closes with its program. */
  settle(pane: PaneRecord): Promise<void>;
  /** Ends a process, what it started, and its pane. Only that very process, never another with its pid. */
  stop(process: ProcessInstance | undefined, pane: PaneRecord | undefined): Promise<Stopped>;
  /** The commands with which a person opens a pane; undefined when it is gone, or another's now. */
  doors(pane: PaneRecord): Promise<{ attach: string[]; switchTo: string[] } | undefined>;
  /** Files of a checkout that are not committed, new ones too. */
  uncommitted(path: string): Promise<{ branch?: string; files: number } | undefined>;
}

export type { Runtime };
