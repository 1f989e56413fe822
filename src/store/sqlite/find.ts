import type { Database } from "bun:sqlite";
import type { FoundMessages, MessageQuery } from "../../core/ports.ts";
import { fitsSearch } from "../../core/text-search.ts";
import { LIMITS, type Message, type PeerId } from "../../protocol/index.ts";
import { fitsFacts, isWithin, recipientsOf } from "../find.ts";
import type { Dirty } from "./dirty.ts";
import type { WordIndex } from "./word-index.ts";

interface PlacedRow {
  seq: number;
  body: string;
  doc: string;
}

/**
 * Messages that fit, the newest first, from the three places where they are: committed and in no table yet, in the table and not in the
 * index yet, in the index. The first two are read one by one, up to a limit; so nothing that was accepted is ever missed.
 */
export function createFinder(db: Database, index: WordIndex) {
  const lastSeq = db.query<{ n: number | null }, []>("SELECT max(seq) AS n FROM messages");
  const bySeq = db.query<PlacedRow, [number]>("SELECT seq, body, doc FROM messages WHERE seq = ?1");
  const between = db.query<PlacedRow, [number, number, number]>(
    "SELECT seq, body, doc FROM messages WHERE seq > ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3",
  );

  return function find(query: MessageQuery, dirty: Dirty, delivered: (message: string) => PeerId[]): FoundMessages {
    const found: FoundMessages["found"] = [];
    const { limit } = query;
    let below = query.before ?? Number.MAX_SAFE_INTEGER;
    let read = 0;

    /** Reads one message; the work ends when the page is full or has cost enough. Returns whether to go on. */
    function look(place: number, message: Message): boolean {
      const fits =
        fitsFacts(query, message, () => recipientsOf(message, delivered(message.id))) &&
        fitsSearch(message.body, query.terms);
      return take(place, fits ? message : undefined);
    }

    function take(place: number, message: Message | undefined): boolean {
      if (message) found.push({ place, message });
      below = place;
      read++;
      return found.length < limit && read < LIMITS.searchScanMax;
    }

    const inTable = lastSeq.get()?.n ?? 0;
    const waiting = [...dirty.messages.values()];
    for (let at = waiting.length - 1; at >= 0; at--) {
      // The table gives these places when it takes them in.
      const place = inTable + 1 + at;
      const message = waiting[at];
      if (message && place < below && !look(place, message)) return { found, next: below };
    }
    const { reached } = index;
    for (const row of between.iterate(reached, below, LIMITS.searchScanMax)) {
      if (!look(row.seq, messageOf(row))) return { found, next: below };
    }
    const range = index.rangeOf(query);
    below = Math.min(below, reached + 1, range.below);
    for (;;) {
      const wanted = limit - found.length;
      const places = index.places(query, { from: range.from, below }, wanted);
      const rows = places
        ? places.flatMap((place) => bySeq.get(place) ?? [])
        : between.all(range.from - 1, below, wanted);
      for (const row of rows) {
        const message = messageOf(row);
        if (!take(row.seq, isWithin(query, message.created_at) ? message : undefined)) return { found, next: below };
      }
      if (rows.length < wanted) return { found };
    }
  };
}

/** Written by `messages.insert` from a Message. */
const messageOf = (row: PlacedRow): Message => ({ ...JSON.parse(row.doc), body: row.body }) as Message;
