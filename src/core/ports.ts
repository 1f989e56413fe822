import type {
  Approval,
  Ask,
  AskOutcome,
  Delivery,
  Envelope,
  InboundPolicy,
  MeshEvent,
  Message,
  MessageId,
  OpenDeliveryState,
  Pause,
  Peer,
  PeerId,
  ProcessInstance,
  Rung,
  Runtime,
} from "../protocol/index.ts";

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
  started_awake: number;
  inputs: TurnInput[];
}

export interface RungProof {
  by: string;
  at: number;
  latency_ms?: number;
}

/** A peer as stored: the public shape, and what only the daemon needs to know. */
export interface PeerRecord extends Omit<Peer, "unread" | "inbound" | "inbound_reason" | "delivery"> {
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
  permission_mode?: string;
  /** Rungs that gave a receipt in this very process. */
  proofs: Partial<Record<Rung, RungProof>>;
  turn?: Turn;
  /** Whether this instance has held a link, so that after a restart of the daemon its return is waited for. */
  had_link: boolean;
  resume_hash?: string;
  /** The seat is for one session and is removed with it. */
  temporary?: boolean;
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
}

export interface AskRecord extends Ask {
  expires_awake_ms: number;
}

export interface ApprovalRecord extends Approval {
  /** The runtime's own names for the request, by the path on which it came. */
  requests: { via: "hook" | "link"; request: string }[];
  conversation?: string;
  expires_awake_ms: number;
}

export type NewEvent = Omit<MeshEvent, "seq" | "at">;

/** Messages between peers that were stopped because they came too many, too fast or too deep, until a person lifts it. */
export interface PauseRecord extends Omit<Pause, "peers"> {
  peers: PeerId[];
  /** For a thread that was lifted: how deep it was then, from where its depth counts anew. */
  lifted_at_hops?: number;
}

/** What repowire keeps of other kinds, by id: few and small, so all of it is held in memory beside its table. */
export interface Shelves {
  pause: PauseRecord;
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
  };
  readonly deliveries: {
    get(message: MessageId, peer: PeerId): DeliveryRecord | undefined;
    ofMessage(message: MessageId): DeliveryRecord[];
    byHandle(handle: string): DeliveryRecord | undefined;
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
  /** Removes what is closed and older than `before` (epoch ms). */
  purge(before: number): { messages: number; events: number; peers: number };
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

export type { Runtime };
