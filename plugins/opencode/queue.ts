import type { DeliverResult, Envelope, MessageId, Report } from "../../src/protocol/index.ts";

/** What the daemon handed over and no session has yet; each is told of exactly once. */
export interface Queue {
  /** Resolves with what became of it. What a session has already is not taken again. */
  add(envelope: Envelope): Promise<DeliverResult>;
  /** Oldest first. */
  readonly items: readonly Envelope[];
  settle(items: readonly Envelope[], result: Told): void;
  /** The session does not have it any more: it may be shown again. */
  forget(message: MessageId): void;
}

type Told = Pick<DeliverResult, "outcome" | "reason">;

/** Messages whose presentation is remembered, so that a repeat after a lost report is not shown twice. */
const SHOWN_MAX = 1_000;

export function createQueue(report: (report: Report) => void): Queue {
  let waiting: { envelope: Envelope; tell(result: Told): void }[] = [];
  const shown = new Set<MessageId>();
  /** How often each was held back here: what was never shown is not "again". */
  const heldTimes = new Map<MessageId, number>();

  function note({ message }: Envelope, outcome: Told["outcome"]): void {
    if (outcome === "held") heldTimes.set(message, (heldTimes.get(message) ?? 0) + 1);
    if (outcome !== "presented") return;
    shown.add(message);
    heldTimes.delete(message);
    for (const old of [...shown].slice(0, Math.max(0, shown.size - SHOWN_MAX))) shown.delete(old);
  }

  return {
    add(envelope) {
      const { message, attempt } = envelope;
      if (shown.has(message)) {
        // OpenCode said that it stored it; an event about that may have been missed.
        report({ type: "entered", message });
        return Promise.resolve({ message, attempt, outcome: "presented" });
      }
      const older = waiting.filter((entry) => entry.envelope.message === message);
      waiting = waiting.filter((entry) => !older.includes(entry));
      for (const entry of older) entry.tell({ outcome: "held", reason: "a newer attempt took its place" });
      const { promise, resolve } = Promise.withResolvers<DeliverResult>();
      waiting.push({
        envelope: { ...envelope, attempt: attempt - (heldTimes.get(message) ?? 0) },
        tell(told) {
          const result = { message, attempt, ...told };
          resolve(result);
          // The connection that asked may be gone by now; a report is kept until it is acknowledged.
          report({ type: "delivered", result });
        },
      });
      return promise;
    },
    get items() {
      return waiting.map((entry) => entry.envelope);
    },
    settle(items, result) {
      const settled = waiting.filter((entry) => items.includes(entry.envelope));
      waiting = waiting.filter((entry) => !settled.includes(entry));
      for (const { envelope, tell } of settled) {
        note(envelope, result.outcome);
        tell(result);
      }
    },
    forget: (message) => void shown.delete(message),
  };
}
