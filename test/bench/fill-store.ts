import { Database } from "bun:sqlite";
import type { DeliveryRecord } from "../../src/core/ports.ts";
import { byteLength, handleSource, type MeshEvent, type Message, type PeerId } from "../../src/protocol/index.ts";
import { prepareStatements } from "../../src/store/sqlite/statements.ts";
import { LAST_DELIVERY_KEY, sqliteStore } from "../../src/store/sqlite/store.ts";
import { createWordIndex } from "../../src/store/sqlite/word-index.ts";
import { type Language, seeded } from "./words.ts";

const PEERS_USUAL = 200;
const BODY_CHARS = 500;
/** Of the days that a store keeps: a start must find nothing to purge. */
const DAYS = 20;
const BATCH = 20_000;
/** FTS5's own. */
const USUAL_HASH_BYTES = 1024 * 1024;
const DAY_MS = 86_400_000;

const uuidOf = (at: number, n: number): string => {
  const time = at.toString(16).padStart(12, "0");
  const count = n.toString(16).padStart(18, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${count.slice(0, 3)}-8${count.slice(3, 6)}-${count.slice(6)}`;
};

/** A store with so many closed messages: half of them questions with their answers, each with its delivery and an event; all indexed. Between so many peers. */
export function fillStore(file: string, count: number, language: Language, peerCount = PEERS_USUAL): void {
  const now = Date.now();
  const random = seeded(7);
  const peers = Array.from({ length: peerCount }, (_, n) => `peer_${uuidOf(now - 30 * DAY_MS, n)}` as PeerId);
  const store = sqliteStore(file, { synchronous: "normal" });
  store.transaction((tx) => {
    peers.forEach((id, n) => {
      tx.peers.put({
        id,
        seat: tx.peers.nextSeat(),
        name: `stored-${n}`,
        circle: n % 4 === 0 ? "red" : "default",
        role: "agent",
        runtime: "memory",
        machine: "bench",
        path: `/stored/${n}`,
        presence: { state: "offline", since: now - DAY_MS },
        capabilities: [],
        identity: "proven",
        proofs: {},
        had_link: false,
        last_seen_at: now - DAY_MS,
        joined_at: now - 30 * DAY_MS,
      });
    });
  });
  store.close();

  const db = new Database(file, { strict: true });
  db.run("PRAGMA journal_mode = WAL");
  db.run("PRAGMA synchronous = OFF");
  db.run("PRAGMA cache_size = -200000");
  // Larger parts of the index at once, which then need less merging; put back below.
  const hashBytes = (bytes: number) =>
    db.run(`INSERT INTO message_words (message_words, rank) VALUES ('hashsize', ${bytes})`);
  hashBytes(32 * USUAL_HASH_BYTES);
  const sql = prepareStatements(db);
  const index = createWordIndex(db);
  const draw = handleSource(random);
  const handles = new Set<string>();
  const nextHandle = (): string => {
    for (;;) {
      const handle = draw();
      if (!handles.has(handle)) {
        handles.add(handle);
        return handle;
      }
    }
  };

  let question: Message | undefined;
  for (let from = 0; from < count; from += BATCH) {
    db.run("BEGIN");
    for (let n = from; n < Math.min(count, from + BATCH); n++) {
      const at = now - DAYS * DAY_MS + Math.floor((n / count) * (DAYS - 1) * DAY_MS);
      const answers: Message | undefined = question;
      const kind = answers ? "answer" : n % 4 === 3 ? "notify" : "ask";
      const sender = random(peerCount);
      const other = peers[(sender + 1 + random(peerCount - 1)) % peerCount] ?? peers[0];
      const author = answers ? (answers.to as PeerId) : (peers[sender] ?? peers[0]);
      const to = answers ? answers.from : other;
      if (!author || !to) throw new Error("there are no peers");
      const body = language.text(BODY_CHARS);
      const id = `msg_${uuidOf(at, n)}` as Message["id"];
      const message: Message = {
        id,
        kind,
        from: author,
        from_name: `stored-${peers.indexOf(author)}`,
        from_circle: peers.indexOf(author) % 4 === 0 ? "red" : "default",
        from_role: "agent",
        to,
        body,
        body_bytes: byteLength(body),
        attachments: [],
        in_reply_to: answers?.id,
        thread: answers?.thread ?? id,
        urgency: "normal",
        hops: 0,
        created_at: at,
        expires_awake_ms: 86_400_000,
      };
      question = kind === "ask" ? message : undefined;
      const delivery: DeliveryRecord = {
        message: id,
        peer: to,
        handle: nextHandle(),
        state: "seen",
        attempt: 1,
        rung: "push",
        shown_bytes: body.length,
        queued_at: at,
        presented_at: at + 5,
        seen_at: at + 400,
        seen_by: "transcript",
        seq: n + 1,
        kind,
        from: author,
        urgency: "normal",
        dead_rungs: [],
        possible_duplicates: 0,
      };
      const event: MeshEvent = { seq: n + 1, at, type: "message.accepted", peer: author, message: id, data: { kind } };
      sql.messages.insert(message);
      sql.deliveries.put(delivery);
      sql.events.insert(event);
      if (kind === "ask")
        sql.asks.put({
          message: id,
          handle: delivery.handle,
          asker: author,
          askee: to,
          state: "answered",
          by: "reply",
          opened_at: at,
          closed_at: at + 9_000,
          reminded: false,
          abandoned: false,
          expires_awake_ms: 86_400_000,
        });
    }
    index.takeIn(BATCH);
    sql.meta.set(LAST_DELIVERY_KEY, String(Math.min(count, from + BATCH)));
    db.run("COMMIT");
  }
  hashBytes(USUAL_HASH_BYTES);
  db.run("PRAGMA wal_checkpoint(TRUNCATE)");
  db.close(true);
}
