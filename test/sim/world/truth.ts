import type { AskOutcome, MessageId, PeerId, Schedule } from "../../../src/protocol/index.ts";

/** What really happened, as nobody inside the world can know it: the simulation writes it down, checkers hold the product against it. */

/** How something came into a session. */
export type Way = "push" | "result" | "pull" | "hook";

export interface Landing {
  message: MessageId;
  attempt: number;
  peer: PeerId;
  /** The running process of the session; a restart is another. */
  instance: number;
  /** Grows whenever the session forgets what it held: a cleared, compacted or resumed conversation, a turn cut off by a limit. */
  memory: number;
  way: Way;
  /** Whether it came into the model's context at all; pushes may vanish without a word. */
  isReal: boolean;
  order: number;
}

/** One call of a peer that makes a message, or asks for one. */
export interface Call {
  what: "ask" | "notify" | "broadcast" | "reply" | "inbox" | "forge";
  caller: PeerId;
  message?: MessageId;
  /** For replies: the question that was meant. */
  question?: MessageId;
  text: string;
  to?: string;
  startedAt: number;
  /** Longest time it may take, in ms. */
  patienceMs: number;
  /** Set when the caller was told something. */
  settled?: { at: number; ok: boolean; code?: string; outcome?: AskOutcome };
  /** The caller's process died, or its turn was interrupted: nobody is told any more. */
  isOrphan: boolean;
}

/** A turn's end as the session itself knows it. */
export interface TurnEnded {
  peer: PeerId;
  text: string;
  /** Messages that went in by a push or hook; `user` when a person began or joined it. */
  inputs: (MessageId | "user")[];
}

/** A message for later, whose maker was told that it is planned. */
export interface Planned {
  schedule: Schedule;
  /** Its maker was told that it is removed. */
  isRemoved: boolean;
}

export interface Truth {
  readonly landings: Landing[];
  readonly planned: Planned[];
  readonly calls: Call[];
  readonly turns: TurnEnded[];
  /** `MESSAGE PEER` of all that a model has really read. */
  readonly read: Set<string>;
  /** What was said against a promise, as it happened. */
  readonly violations: string[];
  readonly log: string[];
  note(line: string): void;
  violate(promise: string, what: string): void;
}

const LOG_MAX = 4_000;

export function createTruth(now: () => number): Truth {
  const truth: Truth = {
    landings: [],
    planned: [],
    calls: [],
    turns: [],
    read: new Set(),
    violations: [],
    log: [],
    note(line) {
      if (truth.log.length < LOG_MAX) truth.log.push(`${(now() / 1000).toFixed(3)} ${line}`);
    },
    violate(promise, what) {
      truth.note(`!! ${promise}: ${what}`);
      if (truth.violations.length < 20) truth.violations.push(`${promise}: ${what}`);
    },
  };
  return truth;
}

export const key = (message: MessageId, peer: PeerId): string => `${message} ${peer}`;
