import { type Database, SQLiteError } from "bun:sqlite";
import { type MessageStore, type PeerRecord, StorageError, type Tx } from "../../core/ports.ts";
import { OPEN_DELIVERY_STATES, type PeerId } from "../../protocol/index.ts";
import { deepFreeze } from "../freeze.ts";
import { createUndoLog } from "../undo.ts";
import { isCorruption, type OpenOptions, openDatabase } from "./open.ts";
import { openRecords } from "./open-records.ts";
import { purgeBefore } from "./purge.ts";
import { prepareStatements } from "./statements.ts";

export interface SqliteStore extends MessageStore {
  readonly file: string;
  readonly damagedMovedTo?: string;
  readonly backup?: string;
  /** Said by `/health`: what the last transaction failed with; gone once one succeeds. */
  readonly fault: string | undefined;
  /** For tests of a full disk: SQLite's own limit on the size of the file. */
  limitPages(pages: number): void;
}

const LAST_EVENT_KEY = "last_event";

/**
 * The durable store: one SQLite file, one writer. A transaction is committed to disk (with `synchronous: "full"` past a power
 * loss) before it returns. Seats and what is open are few and read with every decision, so they are kept in memory beside their
 * tables; one writer makes that safe.
 */
export function sqliteStore(file: string, options: OpenOptions = { synchronous: "full" }): SqliteStore {
  const { db, damagedMovedTo, backup } = openDatabase(file, options);
  const sql = prepareStatements(db);
  const undo = createUndoLog();
  // Read once; from then on every change goes through `tx.peers`.
  const peers = new Map<PeerId, PeerRecord>(sql.peers.all().map((row) => parsePeer(row.doc)));
  const counters = {
    seat: Math.max(0, ...[...peers.values()].map((peer) => peer.seat)),
    delivery: highest(db, "SELECT max(seq) AS n FROM deliveries"),
    event: Math.max(highest(db, "SELECT max(seq) AS n FROM events"), Number(sql.meta.get(LAST_EVENT_KEY) ?? 0)),
  };
  const open = openRecords(undo, { deliveries: sql.deliveries.open(), asks: sql.asks.open() });
  let inSeatOrder: readonly PeerRecord[] | undefined;
  let fault: string | undefined;

  function next(counter: keyof typeof counters): number {
    const before = counters[counter];
    counters[counter] = before + 1;
    undo.push(() => {
      counters[counter] = before;
    });
    return before + 1;
  }

  function setCached(id: PeerId, peer: PeerRecord | undefined): void {
    if (peer) peers.set(id, peer);
    else peers.delete(id);
    inSeatOrder = undefined;
  }

  function cachePeer(id: PeerId, peer: PeerRecord | undefined): void {
    const before = peers.get(id);
    setCached(id, peer);
    undo.push(() => setCached(id, before));
  }

  const tx: Tx = {
    peers: {
      get: (id) => peers.get(id),
      all() {
        inSeatOrder ??= [...peers.values()].sort((a, b) => a.seat - b.seat);
        return inSeatOrder;
      },
      put(peer) {
        const doc = JSON.stringify(peer);
        sql.peers.put(peer.id, peer.seat, doc);
        cachePeer(...parsePeer(doc));
      },
      remove(id) {
        sql.peers.remove(id);
        cachePeer(id, undefined);
      },
      nextSeat: () => next("seat"),
    },
    messages: sql.messages,
    deliveries: {
      get: (message, peer) => open.delivery(message, peer) ?? sql.deliveries.get(message, peer),
      ofMessage: sql.deliveries.ofMessage,
      byHandle: (handle) => open.byHandle(handle) ?? sql.deliveries.byHandle(handle),
      inStates: open.deliveriesOf,
      allInStates: open.deliveries,
      count: open.countOf,
      due: (awake, limit) =>
        open
          .deliveries(OPEN_DELIVERY_STATES)
          .filter(
            (delivery) => delivery.kind !== "ask" && (delivery.expires_awake_ms ?? Number.POSITIVE_INFINITY) <= awake,
          )
          .slice(0, limit),
      put: (delivery) => open.putDelivery(sql.deliveries.put(delivery)),
      nextSeq: () => next("delivery"),
    },
    asks: {
      get: (message) => open.ask(message) ?? sql.asks.get(message),
      openTo: open.asksTo,
      openFrom: open.asksFrom,
      due: (awake, limit) =>
        open
          .asks()
          .filter((ask) => ask.expires_awake_ms <= awake)
          .sort((a, b) => a.expires_awake_ms - b.expires_awake_ms)
          .slice(0, limit),
      put: (ask) => open.putAsk(sql.asks.put(ask)),
    },
    approvals: {
      ...sql.approvals,
      pending: (peer) => sql.approvals.pending().filter((approval) => peer === undefined || approval.peer === peer),
      put: (approval) => void sql.approvals.put(approval),
    },
    events: {
      append(event, at) {
        const seq = next("event");
        sql.events.insert(seq, at, event);
        return { ...event, seq, at };
      },
      after: sql.events.after,
      ofMessages: (ids) => ids.flatMap((id) => sql.events.ofMessage(id)).sort((a, b) => a.seq - b.seq),
      last: () => counters.event,
    },
    meta: { get: sql.meta.get, set: (key, value) => void sql.meta.set(key, value) },
    purge(before) {
      // Numbers are never given twice, also when the newest events are purged.
      sql.meta.set(LAST_EVENT_KEY, String(counters.event));
      const gone = purgeBefore(db, before);
      for (const id of gone.peers) tx.peers.remove(id);
      return { ...gone, peers: gone.peers.length };
    },
    isolated(body) {
      const mark = undo.mark();
      db.query("SAVEPOINT part").run();
      try {
        const value = body();
        db.query("RELEASE part").run();
        return value;
      } catch (error) {
        // A full disk has already rolled the whole transaction back, savepoints included.
        if (db.inTransaction) db.run("ROLLBACK TO part; RELEASE part");
        undo.rollbackTo(mark);
        throw toStorageError(error);
      }
    },
    onRollback: undo.push,
  };

  function toStorageError(error: unknown): unknown {
    if (!(error instanceof SQLiteError)) return error;
    const isFull = error.code === "SQLITE_FULL" || error.message.includes("disk is full");
    fault = isCorruption(error) ? "the database is damaged; restart the daemon to move it aside" : error.message;
    return new StorageError(isFull ? "full" : "failed", error.message, { cause: error });
  }

  const store: SqliteStore = {
    file,
    damagedMovedTo,
    backup,
    epoch: epochOf(sql),
    get fault() {
      return fault;
    },
    transaction(body) {
      try {
        db.query("BEGIN IMMEDIATE").run();
        const value = body(tx);
        db.query("COMMIT").run();
        undo.clear();
        fault = undefined;
        return value;
      } catch (error) {
        if (db.inTransaction) db.query("ROLLBACK").run();
        undo.rollbackTo(0);
        throw toStorageError(error);
      }
    },
    read(body) {
      try {
        return body(tx);
      } catch (error) {
        throw toStorageError(error);
      }
    },
    limitPages: (pages) => void db.run(`PRAGMA max_page_count = ${pages}`),
    close() {
      db.run("PRAGMA wal_checkpoint(TRUNCATE)");
      db.close();
    },
  };
  return store;
}

/** Seats are handed out from memory: frozen, so that nobody who holds one can change it for all others. */
function parsePeer(doc: string): [PeerId, PeerRecord] {
  const peer = deepFreeze(JSON.parse(doc) as PeerRecord); // written by `tx.peers.put` from a PeerRecord
  return [peer.id, peer];
}

function highest(db: Database, sql: string): number {
  return db.query<{ n: number | null }, []>(sql).get()?.n ?? 0;
}

/** Made with the database and never changed: cursors of another epoch mean nothing here. */
function epochOf(sql: ReturnType<typeof prepareStatements>): string {
  const known = sql.meta.get("epoch");
  if (known) return known;
  const epoch = crypto.randomUUID();
  sql.meta.set("epoch", epoch);
  return epoch;
}
