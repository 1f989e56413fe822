import { type Database, SQLiteError } from "bun:sqlite";
import { type MessageStore, type PeerRecord, StorageError, type Tx } from "../../core/ports.ts";
import { JOURNAL_SUFFIX, type Message, OPEN_DELIVERY_STATES, type PeerId } from "../../protocol/index.ts";
import { asStored } from "../freeze.ts";
import { createUndoLog } from "../undo.ts";
import { createDirty, deliveryKey } from "./dirty.ts";
import { createFinder } from "./find.ts";
import { handlesLike } from "./handles.ts";
import { createJournal, replay } from "./journal.ts";
import { noJournalFile, openJournal } from "./journal-file.ts";
import { APPLIED_KEY, isCorruption, isOnDisk, type OpenOptions, openWithJournal, PAGE_BYTES, pagesOf } from "./open.ts";
import { isOpenDelivery, openRecords } from "./open-records.ts";
import { purgePart } from "./purge.ts";
import { createShelves } from "./shelves.ts";
import { prepareStatements } from "./statements.ts";
import { highest, newestOf, storedPeers, writeTables } from "./tables.ts";
import { createWordIndex } from "./word-index.ts";

export interface SqliteStore extends MessageStore {
  readonly file: string;
  readonly damagedMovedTo?: string;
  readonly backup?: string;
  /** Said by `/health`: what the last transaction failed with; gone once one succeeds. */
  readonly fault: string | undefined;
  /**
   * Brings the tables up to what the journal holds. Nothing depends on when: reads see both. Its owner calls it when there is
   * nothing else to do; a long journal is brought in by the transaction that made it long.
   */
  settle(): void;
  /** Messages whose words are not in their index yet; with a merge to do at least one. Any search looks at them too. */
  readonly wordsWaiting: number;
  /** Takes up to `rows` of them in, or does a part of what a purge that was broken off left to do. Nothing depends on when. */
  tendWords(rows: number): void;
  /** Commits so far: whether anything is going on. */
  readonly commits: number;
  /** For tests of a full disk: so many pages for the database, and what it does not need of them for the journal. */
  limitPages(pages: number): void;
}

const LAST_EVENT_KEY = "last_event";
export const LAST_DELIVERY_KEY = "last_delivery";

/** A purge that is not done in parts. */
const ALL_ROWS = 1_000_000_000;

/** Rows that wait for their tables: bounds the memory they take, and the work of a start after a crash. */
const SETTLE_ROWS = 2_000;

/**
 * The durable store: one SQLite file and its journal, one writer. A transaction is committed to disk (with `synchronous: "full"` past
 * a power loss) before it returns: as one record of the journal, which the tables follow later. Seats and what is open are few and
 * read with every decision, so they are kept in memory beside their tables; one writer makes that safe.
 */
export function sqliteStore(file: string, options: OpenOptions = { synchronous: "full" }): SqliteStore {
  const { db, damagedMovedTo, backup, epoch, stored } = openWithJournal(file, options);
  const sql = prepareStatements(db);
  const undo = createUndoLog();
  const journalFile = isOnDisk(file)
    ? openJournal(file + JOURNAL_SUFFIX, { epoch, stored, synchronous: options.synchronous })
    : noJournalFile();
  const journal = createJournal(journalFile, undo);
  const words = createWordIndex(db);
  const find = createFinder(db, words);
  let isMerging = false;
  let hasRoom = false;
  let commits = 0;
  let dirty = createDirty(undo);
  let inSeatOrder: readonly PeerRecord[] | undefined;
  let fault: string | undefined;
  let settleFault: string | undefined;
  // Kept beside the table, which has no order of its own; a database of before it was kept is looked through once.
  let lastDelivery = Number(sql.meta.get(LAST_DELIVERY_KEY) ?? highest(db, "SELECT max(seq) AS n FROM deliveries"));
  /** The newest message of which a table may hold anything; ids sort by time, so most questions about a new one need no look. */
  let newestInTables = sql.messages.newest();
  const mayBeInTables = (message: string): boolean => message <= newestInTables;

  function noteInTables(message: string): void {
    if (message > newestInTables) newestInTables = message;
  }

  const handlesInTable = handlesLike(sql);
  const forgetRowsOfBefore = db.query("DELETE FROM journal");

  for (const text of [...rowsOfBefore(db), ...stored.waiting]) replay(text, dirty);
  undo.clear();
  // Read once; from then on every change goes through `tx`. Where the disk is full, the journal's part is in no table yet.
  settle();
  const peers = new Map<PeerId, PeerRecord>(storedPeers(sql, dirty));
  const counters = {
    seat: Math.max(0, ...[...peers.values()].map((peer) => peer.seat)),
    delivery: newestOf(dirty, lastDelivery),
    event: Math.max(
      highest(db, "SELECT max(seq) AS n FROM events"),
      dirty.events.at(-1)?.seq ?? 0,
      Number(dirty.meta.get(LAST_EVENT_KEY) ?? sql.meta.get(LAST_EVENT_KEY) ?? 0),
    ),
  };
  const open = openRecords(undo, {
    deliveries: [
      ...sql.deliveries
        .open()
        .filter((delivery) => !dirty.deliveries.has(deliveryKey(delivery.message, delivery.peer))),
      ...[...dirty.deliveries.values()].filter(isOpenDelivery),
    ],
    asks: [
      ...sql.asks.open().filter((ask) => !dirty.asks.has(ask.message)),
      ...[...dirty.asks.values()].filter((ask) => ask.state === "open"),
    ],
  });

  const shelves = createShelves({ sql, journal, undo, dirty: () => dirty });

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

  /** The record as it will be read again: what is handed out cannot be changed, and fields without a value are none. */
  function written<T extends object>(
    kind: "peer" | "message" | "delivery" | "ask" | "approval" | "event",
    value: T,
    key?: string,
  ): T {
    const record = asStored(value);
    journal.add({ kind, record, key });
    return record;
  }

  function ofMessage(message: string) {
    const changed = dirty.deliveriesOf(message);
    const others = mayBeInTables(message)
      ? sql.deliveries
          .ofMessage(message)
          .filter((stored) => !dirty.deliveries.has(deliveryKey(stored.message, stored.peer)))
      : [];
    return [...others, ...changed].sort((a, b) => a.seq - b.seq);
  }

  function approvalsWith<Row extends { message: string; requested_at: number }>(stored: Row[], changed: Row[]): Row[] {
    return [...stored.filter((row) => !dirty.approvals.has(row.message)), ...changed].sort(
      (a, b) => a.requested_at - b.requested_at || (a.message < b.message ? -1 : 1),
    );
  }

  const tx: Tx = {
    shelves,
    peers: {
      get: (id) => peers.get(id),
      all() {
        inSeatOrder ??= [...peers.values()].sort((a, b) => a.seat - b.seat);
        return inSeatOrder;
      },
      put(peer) {
        const record = written("peer", peer, peer.id);
        dirty.putPeer(peer.id, record);
        cachePeer(peer.id, record);
      },
      remove(id) {
        journal.add({ kind: "peer_removed", id, key: id });
        dirty.putPeer(id, undefined);
        cachePeer(id, undefined);
      },
      nextSeat: () => next("seat"),
    },
    messages: {
      get: (id) => dirty.messages.get(id) ?? (mayBeInTables(id) ? sql.messages.get(id) : undefined),
      insert(message) {
        if (tx.messages.get(message.id)) throw new StorageError("failed", `message ${message.id} is stored already`);
        dirty.putMessage(written("message", message));
      },
      last: () => [...dirty.messages.values()].findLast(isShownAsLast) ?? sql.messages.last(),
      ofThread: (thread) => [
        ...sql.messages.ofThread(thread),
        ...[...dirty.messages.values()].filter((message) => message.thread === thread),
      ],
      find: (query) => find(query, dirty, (message) => ofMessage(message).map((delivery) => delivery.peer)),
    },
    deliveries: {
      get: (message, peer) =>
        open.delivery(message, peer) ??
        dirty.deliveries.get(deliveryKey(message, peer)) ??
        (mayBeInTables(message) ? sql.deliveries.get(message, peer) : undefined),
      ofMessage,
      byHandle: (handle) => open.byHandle(handle) ?? dirty.deliveryByHandle(handle) ?? sql.deliveries.byHandle(handle),
      isHandleTaken: (handle) =>
        open.byHandle(handle) !== undefined ||
        dirty.deliveryByHandle(handle) !== undefined ||
        handlesInTable.has(handle),
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
      put(delivery) {
        const record = written("delivery", delivery, deliveryKey(delivery.message, delivery.peer));
        dirty.putDelivery(record);
        open.putDelivery(record);
      },
      nextSeq: () => next("delivery"),
    },
    asks: {
      get: (message) => open.ask(message) ?? dirty.asks.get(message) ?? sql.asks.get(message),
      openTo: open.asksTo,
      openFrom: open.asksFrom,
      due: (awake, limit) =>
        open
          .asks()
          .filter((ask) => ask.expires_awake_ms <= awake)
          .sort((a, b) => a.expires_awake_ms - b.expires_awake_ms)
          .slice(0, limit),
      put(ask) {
        const record = written("ask", ask, `ask ${ask.message}`);
        dirty.putAsk(record);
        open.putAsk(record);
      },
    },
    approvals: {
      get: (message) => dirty.approvals.get(message) ?? sql.approvals.get(message),
      byHandle: (handle) =>
        [...dirty.approvals.values()].find((approval) => approval.handle === handle) ?? sql.approvals.byHandle(handle),
      pending: (peer) =>
        approvalsWith(
          sql.approvals.pending(),
          [...dirty.approvals.values()].filter((approval) => approval.state === "pending"),
        ).filter((approval) => peer === undefined || approval.peer === peer),
      all: (limit) =>
        approvalsWith(sql.approvals.all(limit), [...dirty.approvals.values()])
          .reverse()
          .slice(0, limit),
      put: (approval) => dirty.putApproval(written("approval", approval)),
    },
    events: {
      append(event, at) {
        const stored = written("event", { ...event, seq: next("event"), at });
        dirty.addEvent(stored);
        return stored;
      },
      after(seq, limit) {
        const stored = sql.events.after(seq, limit);
        const newer = dirty.events.filter((event) => event.seq > seq);
        return [...stored, ...newer].slice(0, limit);
      },
      ofMessages: (ids) =>
        ids.flatMap((id) => [...sql.events.ofMessage(id), ...dirty.eventsOf(id)]).sort((a, b) => a.seq - b.seq),
      last: () => counters.event,
    },
    meta: {
      get: (key) => dirty.meta.get(key) ?? sql.meta.get(key),
      set(key, value) {
        journal.add({ kind: "meta", name: key, value });
        dirty.setMeta(key, value);
      },
    },
    purge(before, part) {
      // Numbers are never given twice, also when the newest events are purged.
      tx.meta.set(LAST_EVENT_KEY, String(counters.event));
      begin();
      applyAll();
      const gone = { messages: 0, events: 0, peers: 0 };
      let next = part?.from;
      do {
        const done = purgePart(db, words, before, part?.rows ?? ALL_ROWS, next);
        for (const id of done.peers) tx.peers.remove(id);
        gone.messages += done.messages;
        gone.events += done.events;
        gone.peers += done.peers.length;
        next = done.next;
      } while (next && !part);
      return next ? { ...gone, next } : gone;
    },
    isolated(body) {
      const mark = undo.mark();
      try {
        return body();
      } catch (error) {
        undo.rollbackTo(mark);
        throw toStorageError(error);
      }
    },
    onRollback: undo.push,
  };

  /** Only what works on the tables themselves needs a transaction of SQLite's around it; it can be taken back with its part. */
  function begin(): void {
    if (!db.inTransaction) db.query("BEGIN IMMEDIATE").run();
    db.query("SAVEPOINT part").run();
    undo.push(() => {
      // A full disk has already rolled the whole transaction back, savepoints included.
      if (db.inTransaction) db.run("ROLLBACK TO part; RELEASE part");
    });
  }

  /** Writes everything that waits into its table, in the transaction that runs; every one of SQLite's does so before its end. */
  function applyAll(): void {
    const applied = dirty;
    writeTables(sql, applied);
    const before = lastDelivery;
    lastDelivery = newestOf(applied, before);
    if (lastDelivery > before) sql.meta.set(LAST_DELIVERY_KEY, String(lastDelivery));
    for (const id of applied.messages.keys()) noteInTables(id);
    for (const { handle, message } of applied.deliveries.values()) {
      handlesInTable.add(handle);
      noteInTables(message);
    }
    forgetRowsOfBefore.run();
    sql.meta.set(APPLIED_KEY, String(journalFile.last));
    journal.forget();
    dirty = createDirty(undo);
    undo.push(() => {
      dirty = applied;
      lastDelivery = before;
    });
  }

  function settle(): void {
    if (dirty.size > 0) follow(applyAll);
  }

  /** Writes what follows from what is committed already. */
  function follow(write: () => void): void {
    try {
      db.query("BEGIN IMMEDIATE").run();
      write();
      commitTables();
      settleFault = undefined;
    } catch (error) {
      if (db.inTransaction) db.query("ROLLBACK").run();
      undo.rollbackTo(0);
      if (!(error instanceof SQLiteError)) throw error;
      // Nothing is lost by it: the records stay in the journal and are tried again. `/health` says it.
      settleFault = `${faultOf(error)} (what is stored stays in the journal)`;
    }
  }

  /** The disk has the tables when this returns, so the journal may be written over. */
  function commitTables(): void {
    db.query("COMMIT").run();
    undo.clear();
    journalFile.rewind();
  }

  function commitJournal(): void {
    const startedAt = performance.now();
    journal.commit();
    options.onCommit?.(performance.now() - startedAt);
  }

  function toStorageError(error: unknown): unknown {
    if (error instanceof StorageError) fault = error.message;
    if (!(error instanceof SQLiteError)) return error;
    const isFull = error.code === "SQLITE_FULL" || error.message.includes("disk is full");
    fault = faultOf(error);
    return new StorageError(isFull ? "full" : "failed", error.message, { cause: error });
  }

  const store: SqliteStore = {
    file,
    damagedMovedTo,
    backup,
    epoch,
    get fault() {
      return fault ?? settleFault;
    },
    transaction(body) {
      try {
        const value = body(tx);
        if (db.inTransaction) {
          applyAll();
          commitTables();
          // What was purged must not be readable in what is left of the journal, either.
          journalFile.wipe();
        } else if (!journal.isEmpty) commitJournal();
        undo.clear();
        fault = undefined;
        commits++;
        // Tables that could not follow are tried again once a second, not with every commit.
        if (dirty.size >= SETTLE_ROWS && settleFault === undefined) settle();
        return value;
      } catch (error) {
        if (db.inTransaction) db.query("ROLLBACK").run();
        undo.rollbackTo(0);
        throw toStorageError(error);
      }
    },
    settle() {
      settle();
      if (!hasRoom) journalFile.makeRoom();
      hasRoom = true;
    },
    get wordsWaiting() {
      const waiting = highest(db, "SELECT max(seq) AS n FROM messages") - words.reached;
      return Math.max(waiting, words.needsMerge ? 1 : 0) + dirty.messages.size;
    },
    tendWords(rows) {
      if (store.wordsWaiting === 0) return;
      follow(() => {
        applyAll();
        if (words.takeIn(rows) === 0 && words.needsMerge) isMerging = words.merge(!isMerging);
      });
    },
    get commits() {
      return commits;
    },
    read(body) {
      try {
        return body(tx);
      } catch (error) {
        throw toStorageError(error);
      }
    },
    limitPages(pages) {
      db.run(`PRAGMA max_page_count = ${pages}`);
      journalFile.limit(Math.max(0, pages - pagesOf(db)) * PAGE_BYTES);
    },
    close() {
      settle();
      db.run("PRAGMA wal_checkpoint(TRUNCATE)");
      db.close();
      journalFile.close();
    },
  };
  return store;
}

/** What a repowire that kept its journal in a table left there when it was killed. It goes with the tables' next transaction. */
function rowsOfBefore(db: Database): string[] {
  return db
    .query<{ writes: string }, []>("SELECT writes FROM journal ORDER BY seq")
    .all()
    .map((row) => row.writes);
}

function faultOf(error: SQLiteError): string {
  return isCorruption(error) ? "the database is damaged; restart the daemon to move it aside" : error.message;
}

/** What `trace last` means: what somebody sent, not what came back. */
const isShownAsLast = (message: Message): boolean => message.kind !== "permission" && message.in_reply_to === undefined;
