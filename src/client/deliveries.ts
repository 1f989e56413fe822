import {
  asRepowireError,
  type DeliverResult,
  type Envelope,
  LIMITS,
  type MessageId,
  type Report,
} from "../protocol/index.ts";

/** What this link received: each attempt is handed to the session once, however often it arrives. */
export interface Deliveries {
  take(items: Envelope[]): Promise<DeliverResult[]>;
  /** The last position received; a reconnect resumes from it. */
  readonly cursor: number;
  /** Results whose arrival at the daemon is not certain, to be reported again after a reconnect. */
  recentResults(): Report[];
  /** The daemon has another database: positions mean nothing any more. */
  forget(): void;
}

const REMEMBERED_MAX = 512;
/** All that a full mailbox can have in flight: what is not reported again would be handed over a second time. */
const RECENT_MAX = 512;

export function createDeliveries(handOver: (items: Envelope[]) => Promise<DeliverResult[]>): Deliveries {
  const known = new Map<MessageId, { attempt: number; result: Promise<DeliverResult> }>();
  let recent: DeliverResult[] = [];
  let cursor = 0;

  function remember(given: DeliverResult): DeliverResult {
    // A reason of any length comes from the runtime; one that is too long would have the whole batch refused.
    const result = { ...given, reason: given.reason?.slice(0, LIMITS.reasonCharsMax) };
    recent = [...recent, result].slice(-RECENT_MAX);
    return result;
  }

  async function handOverOne(batch: Promise<DeliverResult[]>, item: Envelope): Promise<DeliverResult> {
    try {
      const result = (await batch).find((candidate) => candidate.message === item.message);
      return remember(
        result ?? {
          message: item.message,
          attempt: item.attempt,
          outcome: "unreachable",
          reason: "the session's side gave no result",
        },
      );
    } catch (error) {
      return remember({
        message: item.message,
        attempt: item.attempt,
        outcome: "unreachable",
        reason: asRepowireError(error).message,
      });
    }
  }

  return {
    take(items) {
      const fresh = items.filter((item) => (known.get(item.message)?.attempt ?? 0) < item.attempt);
      const batch = fresh.length > 0 ? handOver(fresh) : Promise.resolve([]);
      for (const item of fresh) {
        known.delete(item.message);
        known.set(item.message, { attempt: item.attempt, result: handOverOne(batch, item) });
        cursor = Math.max(cursor, item.cursor);
      }
      for (const oldest of [...known.keys()].slice(0, Math.max(0, known.size - REMEMBERED_MAX))) known.delete(oldest);
      return Promise.all(items.flatMap((item) => known.get(item.message)?.result ?? []));
    },
    get cursor() {
      return cursor;
    },
    recentResults: () => recent.map((result) => ({ type: "delivered", result })),
    forget() {
      cursor = 0;
      recent = [];
    },
  };
}
