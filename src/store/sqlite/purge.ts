import type { Database } from "bun:sqlite";
import type { PurgePlace } from "../../core/ports.ts";
import { type Message, OPEN_DELIVERY_STATES, type PeerId } from "../../protocol/index.ts";
import type { WordIndex } from "./word-index.ts";

const OPEN = OPEN_DELIVERY_STATES.map((state) => `'${state}'`).join(", ");

/** What one part of a purge removed. The seats are removed by the caller, who holds them in memory too. */
export interface PurgedPart {
  messages: number;
  events: number;
  peers: PeerId[];
  next?: PurgePlace;
}

interface GoneRow {
  seq: number;
  id: string;
  body: string;
  doc: string;
}

/**
 * Removes what is closed and older than `before` (epoch ms), in parts of about `rows` rows: messages with all that hangs on them, then
 * events, then every trace in the index of words, then seats that nothing names any more.
 */
export function purgePart(db: Database, index: WordIndex, before: number, rows: number, from?: PurgePlace): PurgedPart {
  const { phase, after } = from ?? { phase: "messages", after: 0 };
  const none: PurgedPart = { messages: 0, events: 0, peers: [] };
  switch (phase) {
    case "messages": {
      const part = purgeMessages(db, index, before, rows, after);
      const next: PurgePlace = part.next === undefined ? { phase: "events", after: 0 } : { phase, after: part.next };
      return { ...none, messages: part.count, next };
    }
    case "events": {
      const part = purgeEvents(db, before, rows, after);
      const next: PurgePlace = part.next === undefined ? { phase: "words", after: 0 } : { phase, after: part.next };
      return { ...none, events: part.count, next };
    }
    case "words":
      // Whether a seat is named by any message is looked up in the index, so it has to be complete.
      return { ...none, next: { phase: index.takeIn(rows) > 0 ? "words" : "merge", after: 0 } };
    case "merge": {
      const isMore = index.needsMerge && index.merge(after === 0);
      return { ...none, next: isMore ? { phase, after: 1 } : { phase: "peers", after: 0 } };
    }
    case "peers":
      return { ...none, peers: emptySeats(db, index, before) };
    default:
      return phase satisfies never;
  }
}

/** The place at which a part of the table ends that begins at `start`, and whether rows follow it. */
function endOf(db: Database, table: "messages" | "events", start: number, rows: number): number | undefined {
  return db
    .query<{ seq: number }, [number, number]>(`SELECT seq FROM ${table} WHERE seq >= ?1 ORDER BY seq LIMIT 1 OFFSET ?2`)
    .get(start, rows)?.seq;
}

function purgeMessages(db: Database, index: WordIndex, before: number, rows: number, after: number) {
  const start = index.firstOlder(before, after);
  const end = endOf(db, "messages", start, rows);
  // A question is over with its ask, whatever became of its delivery: not every runtime gives receipts.
  const gone = db
    .query<GoneRow, [number, number, number]>(
      `SELECT seq, id, body, doc FROM messages m WHERE seq >= ?1 AND seq < ?2 AND created_at < ?3
         AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.message = m.id AND d.kind <> 'ask' AND d.state IN (${OPEN}))
         AND NOT EXISTS (SELECT 1 FROM asks a WHERE a.message = m.id AND a.state = 'open')
         AND NOT EXISTS (SELECT 1 FROM approvals p WHERE p.message = m.id AND p.state = 'pending')`,
    )
    .all(start, end ?? Number.MAX_SAFE_INTEGER, before);
  const delivered = db.query<{ peer: PeerId }, [string]>("SELECT peer FROM deliveries WHERE message = ?1");
  const removals = [
    ["messages", "id"],
    ["deliveries", "message"],
    ["asks", "message"],
    ["approvals", "message"],
  ].map(([table, column]) => db.query(`DELETE FROM ${table} WHERE ${column} = ?1`));
  for (const { seq, id, body, doc } of gone) {
    const message = { ...JSON.parse(doc), body } as Message; // written by `messages.insert` from a Message
    index.takeOut(
      seq,
      message,
      delivered.all(id).map(({ peer }) => peer),
    );
    for (const removal of removals) removal.run(id);
  }
  if (gone.length > 0)
    index.lower(db.query<{ n: number | null }, []>("SELECT max(seq) AS n FROM messages").get()?.n ?? 0);
  return { count: gone.length, next: end };
}

/** Ends at the first part without an old event: events are in the order of their times, but for a clock that was set. */
function purgeEvents(db: Database, before: number, rows: number, after: number) {
  const end = endOf(db, "events", after, rows);
  const below = end ?? Number.MAX_SAFE_INTEGER;
  const isOld = db
    .query<{ n: number }, [number, number, number]>(
      "SELECT 1 AS n FROM events WHERE seq >= ?1 AND seq < ?2 AND at < ?3 LIMIT 1",
    )
    .get(after, below, before);
  const { changes } = db
    .query(
      `DELETE FROM events WHERE seq >= ?1 AND seq < ?2 AND at < ?3
         AND (message IS NULL OR NOT EXISTS (SELECT 1 FROM messages m WHERE m.id = events.message))`,
    )
    .run(after, below, before);
  return { count: changes, next: isOld ? end : undefined };
}

function emptySeats(db: Database, index: WordIndex, before: number): PeerId[] {
  const everywhere = { from: 0, below: Number.MAX_SAFE_INTEGER };
  return db
    .query<{ id: PeerId }, [number]>(
      `SELECT id FROM peers WHERE json_extract(doc, '$.role') <> 'human' AND json_extract(doc, '$.presence.state') = 'offline'
         AND json_extract(doc, '$.last_seen_at') < ?1`,
    )
    .all(before)
    .map(({ id }) => id)
    .filter((id) => index.places({ terms: [], parties: [id], limit: 1 }, everywhere, 1)?.length === 0);
}
