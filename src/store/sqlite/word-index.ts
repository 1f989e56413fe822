import type { Database } from "bun:sqlite";
import type { MessageQuery } from "../../core/ports.ts";
import { wordsOf } from "../../core/text-search.ts";
import type { Message, MessageId, PeerId } from "../../protocol/index.ts";
import { recipientsOf } from "../find.ts";

/**
 * The index of words: which messages hold a word, and who sent them to whom, where, in which thread (`about`), so that every filter is
 * looked up and none is looked for. It follows the table of messages later, in parts, from the oldest on; how far it has come is in
 * `meta`. It holds no text (FTS5, contentless): a message is taken out by giving its words once more, and its last trace goes when
 * the index is merged.
 */
export interface WordIndex {
  /** The last place that is in the index. */
  readonly reached: number;
  /** Whether something was taken out since the last merge. */
  readonly needsMerge: boolean;
  /** Takes in up to `rows` messages after the last; returns how many it took. In the transaction that runs, as all that writes here. */
  takeIn(rows: number): number;
  takeOut(place: number, message: Message, delivered: readonly PeerId[]): void;
  /** After messages were removed: their places may be given again. */
  lower(highest: number): void;
  /** One part of the work that leaves nothing of what was taken out; returns whether there is more. */
  merge(isFirst: boolean): boolean;
  /** Places of messages that fit, the newest first; all but the exact time. `undefined`: no index decides. */
  places(query: MessageQuery, range: { from: number; below: number }, limit: number): number[] | undefined;
  /** The places between which messages of that time are; those of one block are in it together. */
  rangeOf(query: MessageQuery): { from: number; below: number };
  /** The first place from `after` on at which a message older than `before` may be. */
  firstOlder(before: number, after: number): number;
}

const REACHED_KEY = "words_reached";
const MERGE_KEY = "words_to_merge";
/** Messages of one block share the bounds of their times. */
const BLOCK_BITS = 10;
/** Pages of the index written in one part of a merge: a few milliseconds. */
const MERGE_PAGES = 64;

interface IndexedRow {
  seq: number;
  id: MessageId;
  created_at: number;
  body: string;
  doc: string;
}

export function createWordIndex(db: Database): WordIndex {
  const getMeta = db.query<{ value: string }, [string]>("SELECT value FROM meta WHERE key = ?1");
  const setMeta = db.query("INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2");
  const insert = db.query("INSERT INTO message_words (rowid, words, about) VALUES (?1, ?2, ?3)");
  const remove = db.query(
    "INSERT INTO message_words (message_words, rowid, words, about) VALUES ('delete', ?1, ?2, ?3)",
  );
  const merge = db.query("INSERT INTO message_words (message_words, rank) VALUES ('merge', ?1)");
  const changes = db.query<{ n: number }, []>("SELECT total_changes() AS n");
  const waiting = db.query<IndexedRow, [number, number]>(
    "SELECT seq, id, created_at, body, doc FROM messages WHERE seq > ?1 ORDER BY seq LIMIT ?2",
  );
  const deliveredTo = db.query<{ peer: PeerId }, [string]>("SELECT peer FROM deliveries WHERE message = ?1");
  const widen = db.query(
    `INSERT INTO message_times (block, oldest, newest) VALUES (?1, ?2, ?2)
     ON CONFLICT (block) DO UPDATE SET oldest = min(oldest, ?2), newest = max(newest, ?2)`,
  );
  const matching = db.query<{ rowid: number }, [string, number, number, number]>(
    "SELECT rowid FROM message_words WHERE message_words MATCH ?1 AND rowid >= ?2 AND rowid < ?3 ORDER BY rowid DESC LIMIT ?4",
  );
  const firstBlock = db.query<{ block: number | null }, [number]>(
    "SELECT min(block) AS block FROM message_times WHERE newest >= ?1",
  );
  const lastBlock = db.query<{ block: number | null }, [number]>(
    "SELECT max(block) AS block FROM message_times WHERE oldest < ?1",
  );
  const olderBlock = db.query<{ block: number | null }, [number, number]>(
    "SELECT min(block) AS block FROM message_times WHERE block >= ?1 AND oldest < ?2",
  );

  const reached = () => Number(getMeta.get(REACHED_KEY)?.value ?? 0);

  return {
    get reached() {
      return reached();
    },
    get needsMerge() {
      return getMeta.get(MERGE_KEY)?.value === "1";
    },
    takeIn(rows) {
      const taken = waiting.all(reached(), rows);
      for (const row of taken) {
        // Written by `messages.insert` from a Message without its body.
        const message = JSON.parse(row.doc) as Message;
        const delivered = deliveredTo.all(row.id).map(({ peer }) => peer);
        insert.run(row.seq, wordsText(row.body), aboutText(message, delivered));
        widen.run(row.seq >> BLOCK_BITS, row.created_at);
      }
      const last = taken.at(-1);
      if (last) setMeta.run(REACHED_KEY, String(last.seq));
      return taken.length;
    },
    takeOut(place, message, delivered) {
      if (place > reached()) return;
      remove.run(place, wordsText(message.body), aboutText(message, delivered));
      setMeta.run(MERGE_KEY, "1");
    },
    lower(highest) {
      if (highest < reached()) setMeta.run(REACHED_KEY, String(highest));
    },
    merge(isFirst) {
      const before = changes.get()?.n ?? 0;
      // A negative number puts all parts of the index into one merge; a positive one goes on with it.
      merge.run(isFirst ? -MERGE_PAGES : MERGE_PAGES);
      // As FTS5's documentation has it: fewer than two changes mean that there was nothing to do.
      const isMore = (changes.get()?.n ?? 0) - before >= 2;
      if (!isMore) setMeta.run(MERGE_KEY, "0");
      return isMore;
    },
    places(query, range, limit) {
      const match = matchText(query);
      if (match === undefined) return undefined;
      return matching.all(match, range.from, range.below, limit).map(({ rowid }) => rowid);
    },
    rangeOf({ since, until }) {
      const from = since === undefined ? 0 : firstBlock.get(since)?.block;
      const last = until === undefined ? undefined : lastBlock.get(until)?.block;
      if (from === null || last === null) return { from: 0, below: 0 };
      return {
        from: (from ?? 0) * 2 ** BLOCK_BITS,
        below: last === undefined ? Number.MAX_SAFE_INTEGER : (last + 1) * 2 ** BLOCK_BITS,
      };
    },
    firstOlder(before, after) {
      const done = reached();
      if (after > done) return after;
      const block = olderBlock.get(after >> BLOCK_BITS, before)?.block;
      return block === null || block === undefined ? done + 1 : Math.max(after, block * 2 ** BLOCK_BITS);
    },
  };
}

const wordsText = (body: string): string =>
  wordsOf(body)
    .map((word) => word.text)
    .join(" ");

const idWord = (prefix: string, id: string): string => prefix + id.replace(/^[a-z]+_/, "").replaceAll("-", "");
const circleWord = (circle: string): string => `c${Buffer.from(circle).toString("hex")}`;

function aboutText(message: Message, delivered: readonly PeerId[]): string {
  return [
    idWord("s", message.from),
    ...recipientsOf(message, delivered).map((peer) => idWord("r", peer)),
    `k${message.kind}`,
    circleWord(message.from_circle),
    idWord("t", message.thread),
  ].join(" ");
}

/** The query in FTS5's own language. Every word in it is made of letters and digits only, and quoted all the same. */
function matchText(query: MessageQuery): string | undefined {
  const quoted = (text: string) => `"${text}"`;
  const words = query.terms.map((term) => `${quoted(term.words.join(" "))}${term.isPrefix ? "*" : ""}`);
  const sender = (peer: PeerId) => quoted(idWord("s", peer));
  const recipient = (peer: PeerId) => quoted(idWord("r", peer));
  const about = (query.parties ?? []).map((peer) => `(${sender(peer)} OR ${recipient(peer)})`);
  if (query.sender !== undefined) about.push(sender(query.sender));
  if (query.between) {
    const [one, other] = query.between;
    about.push(`((${sender(one)} AND ${recipient(other)}) OR (${sender(other)} AND ${recipient(one)}))`);
  }
  if (query.kind !== undefined) about.push(quoted(`k${query.kind}`));
  if (query.circle !== undefined) about.push(quoted(circleWord(query.circle)));
  if (query.thread !== undefined) about.push(quoted(idWord("t", query.thread)));
  const parts = [
    ...(words.length > 0 ? [`words : (${words.join(" AND ")})`] : []),
    ...(about.length > 0 ? [`about : (${about.join(" AND ")})`] : []),
  ];
  return parts.length > 0 ? parts.join(" AND ") : undefined;
}
