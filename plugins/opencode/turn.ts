import type { Envelope, MessageId } from "../../src/protocol/index.ts";

/** One turn that our prompt began in one session; at most one at a time. */
export interface Turn {
  session: string;
  items: Envelope[];
  /** Questions that this turn's end answers: those among its items, and those that an answer among them continues. */
  asks: Map<MessageId, Envelope>;
  /** OpenCode has stored the prompt; before that no idle event is about this turn. */
  isStored: boolean;
  /** OpenCode's ids of the prompt, more than one after a context overflow, and of the model's messages under it. */
  prompts: Set<string>;
  modelMessages: Set<string>;
  isSeen: boolean;
  /** Handles of questions that the session asked in it and that are still open: its final text answers nothing yet. */
  ownOpen: Set<string>;
  error?: { name: string; text: string };
  wasRetrying: boolean;
  refusedPermission: boolean;
  isReminded: boolean;
}

export function newTurn(session: string, items: Envelope[], continued: Envelope[]): Turn {
  const asks = [...items.filter((item) => item.kind === "ask"), ...continued];
  return {
    session,
    items,
    asks: new Map(asks.map((ask) => [ask.message, ask])),
    isStored: false,
    prompts: new Set(),
    modelMessages: new Set(),
    isSeen: false,
    ownOpen: new Set(),
    wasRetrying: false,
    refusedPermission: false,
    isReminded: false,
  };
}

/** What goes into one prompt: everything up to the first question, and that. Answers are told apart by turn, so there is one at most. */
export function nextBatch(waiting: readonly Envelope[]): Envelope[] {
  const at = waiting.findIndex((item) => item.kind === "ask");
  return waiting.slice(0, at < 0 ? waiting.length : at + 1);
}

export const startsTurn = (item: Envelope): boolean => item.urgency !== "fyi" || item.kind === "ask";

/** Questions whose turn ended while the session itself waits for an answer; that answer's turn goes on with them. */
export interface Deferred {
  add(session: string, ownOpen: Iterable<string>, asks: Iterable<Envelope>): void;
  /** The questions that the answers among these items continue; they are not deferred any more. */
  take(items: readonly Envelope[]): Envelope[];
  /** It was answered by the tool. */
  drop(handle: string): void;
  /** Those of one session, which leave with it or with its memory. */
  takeOf(session: string): Envelope[];
  of(session: string): Envelope[];
  readonly size: number;
}

export function createDeferred(): Deferred {
  let kept: { session: string; ownOpen: Set<string>; ask: Envelope }[] = [];
  return {
    add(session, ownOpen, asks) {
      for (const ask of asks) kept.push({ session, ownOpen: new Set(ownOpen), ask });
    },
    take(items) {
      const handles = items.flatMap((item) => item.answer_to?.handle ?? []);
      const continued = kept.filter((entry) => handles.some((handle) => entry.ownOpen.has(handle)));
      kept = kept.filter((entry) => !continued.includes(entry));
      return continued.map((entry) => entry.ask);
    },
    drop(handle) {
      kept = kept.filter((entry) => entry.ask.handle !== handle);
    },
    takeOf(session) {
      const gone = kept.filter((entry) => entry.session === session);
      kept = kept.filter((entry) => entry.session !== session);
      return gone.map((entry) => entry.ask);
    },
    of: (session) => kept.filter((entry) => entry.session === session).map((entry) => entry.ask),
    get size() {
      return kept.length;
    },
  };
}
