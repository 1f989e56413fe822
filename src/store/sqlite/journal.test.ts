import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import {
  askRecord,
  deliveryRecord,
  messageId,
  messageRecord,
  peerId,
  peerRecord,
  scheduleRecord,
} from "../../../test/support/records.ts";
import { type TempHome, tempHome } from "../../../test/support/temp-home.ts";
import type { Tx } from "../../core/ports.ts";
import { DATABASE_SUFFIXES, JOURNAL_SUFFIX } from "../../protocol/index.ts";
import { readJournal } from "./journal-file.ts";
import { APPLIED_KEY } from "./open.ts";
import { type SqliteStore, sqliteStore } from "./store.ts";

const write = (n: number) => (tx: Tx) => {
  tx.peers.put(peerRecord(n, { seat: tx.peers.nextSeat() }));
  tx.messages.insert(messageRecord(n));
  tx.deliveries.put(deliveryRecord(n, { seq: tx.deliveries.nextSeq(), state: "queued" }));
  tx.deliveries.put(deliveryRecord(n, { seq: n, state: "seen" }));
  tx.asks.put(askRecord(n, { state: "answered" }));
  tx.events.append({ type: "delivery.seen", message: messageId(n), data: {} }, n);
  tx.meta.set("last", String(n));
  const pause = { scope: "pair" as const, peers: [peerId(1)], circle: "default", reason: "too many", paused_at: 5 };
  tx.shelves.pause.put(`p${n}`, { ...pause, id: `p${n}` });
  tx.shelves.schedule.put(`s${n}`, scheduleRecord(n));
  tx.shelves.pause.put("gone", { ...pause, id: "gone" });
  tx.shelves.pause.remove("gone");
};

const look = (n: number) => (tx: Tx) => ({
  peers: tx.peers.all(),
  message: tx.messages.get(messageId(n)),
  last: tx.messages.last(),
  thread: tx.messages.ofThread(messageRecord(n).thread),
  delivery: tx.deliveries.get(messageId(n), peerId(2)),
  ofMessage: tx.deliveries.ofMessage(messageId(n)),
  byHandle: tx.deliveries.byHandle(deliveryRecord(n).handle),
  ask: tx.asks.get(messageId(n)),
  events: tx.events.after(0, 100),
  ofMessages: tx.events.ofMessages([messageId(n)]),
  meta: tx.meta.get("last"),
  pauses: tx.shelves.pause.all(),
  schedules: tx.shelves.schedule.all(),
});

/** What a process that was killed now would leave: the files as they are, opened anew. */
function reopenedAfterKill(home: TempHome, file: string): SqliteStore {
  const copy = home.file("after-kill.db");
  // What the other process shares with this one is no file to copy.
  for (const suffix of DATABASE_SUFFIXES.filter((end) => end !== "-shm"))
    if (existsSync(file + suffix)) copyFileSync(file + suffix, copy + suffix);
  return sqliteStore(copy, { synchronous: "normal" });
}

function rowsIn(file: string, table: string): number {
  const db = new Database(file, { readonly: true });
  const row = db.query<{ n: number }, []>(`SELECT count(*) AS n FROM ${table}`).get();
  db.close(true);
  return row?.n ?? 0;
}

/** Records that the tables do not have. */
function recordsIn(file: string): number {
  const db = new Database(file, { readonly: true });
  const meta = (key: string) =>
    db.query<{ value: string }, [string]>("SELECT value FROM meta WHERE key = ?1").get(key)?.value ?? "";
  const { waiting, isDamaged } = readJournal(file + JOURNAL_SUFFIX, meta("epoch"), Number(meta(APPLIED_KEY)));
  db.close(true);
  expect(isDamaged).toBeFalse();
  return waiting.length;
}

describe("the journal", () => {
  test("is one record a commit, and a commit that writes nothing is none", () => {
    using home = tempHome();
    const file = home.file("repowire.db");
    const store = sqliteStore(file, { synchronous: "normal" });
    store.transaction(write(1));
    store.transaction((tx) => tx.messages.get(messageId(1)));
    store.transaction(write(2));
    expect([recordsIn(file), rowsIn(file, "messages")]).toEqual([2, 0]);
    store.close();
  });

  test("what reads find does not depend on whether the tables have followed", () => {
    using home = tempHome();
    const file = home.file("repowire.db");
    const store = sqliteStore(file, { synchronous: "normal" });
    store.transaction(write(1));
    store.transaction(write(2));
    const before = store.read(look(2));
    store.settle();
    expect([recordsIn(file), rowsIn(file, "messages")]).toEqual([0, 2]);
    expect(store.read(look(2))).toEqual(before);
    store.transaction(write(3));
    expect(store.read((tx) => tx.events.after(0, 100).map((event) => event.seq))).toEqual([1, 2, 3]);
    expect(store.read((tx) => tx.messages.last()?.id)).toBe(messageId(3));
    store.close();
  });

  test("a process killed before the tables followed loses nothing, and one killed after it repeats nothing", () => {
    using home = tempHome();
    const file = home.file("repowire.db");
    const store = sqliteStore(file, { synchronous: "normal" });
    store.transaction(write(1));
    store.settle();
    store.transaction(write(2));
    store.transaction((tx) => tx.deliveries.put(deliveryRecord(1, { seq: 1, state: "expired" })));
    const left = store.read(look(1));
    const again = reopenedAfterKill(home, file);
    expect(again.read(look(1))).toEqual(left);
    expect(again.transaction((tx) => [tx.peers.nextSeat(), tx.deliveries.nextSeq()])).toEqual([3, 3]);
    expect(again.transaction((tx) => tx.events.append({ type: "daemon.started", data: {} }, 9).seq)).toBe(3);
    again.close();
    store.close();
  });

  test("a part that is taken back leaves nothing in the commit of the others", () => {
    using home = tempHome();
    const file = home.file("repowire.db");
    const store = sqliteStore(file, { synchronous: "normal" });
    store.transaction((tx) => {
      write(1)(tx);
      expect(() =>
        tx.isolated(() => {
          write(2)(tx);
          tx.deliveries.put(deliveryRecord(1, { seq: 1, state: "expired" }));
          throw new Error("refused");
        }),
      ).toThrow("refused");
    });
    const again = reopenedAfterKill(home, file);
    expect(again.read((tx) => tx.messages.get(messageId(2)))).toBeUndefined();
    expect(again.read((tx) => tx.deliveries.get(messageId(1), peerId(2))?.state)).toBe("seen");
    expect(again.read((tx) => tx.meta.get("last"))).toBe("1");
    again.close();
    store.close();
  });

  test("a purge that is taken back leaves everything, in the tables and before them", () => {
    using home = tempHome();
    const file = home.file("repowire.db");
    const store = sqliteStore(file, { synchronous: "normal" });
    store.transaction(write(1));
    store.settle();
    store.transaction(write(2));
    const before = store.read(look(2));
    store.transaction((tx) => {
      expect(() =>
        tx.isolated(() => {
          expect(tx.purge(Number.MAX_SAFE_INTEGER).messages).toBe(2);
          throw new Error("refused");
        }),
      ).toThrow("refused");
      tx.meta.set("other", "kept");
    });
    expect(store.read(look(2))).toEqual(before);
    const again = reopenedAfterKill(home, file);
    expect(again.read(look(2))).toEqual(before);
    expect(again.read((tx) => tx.meta.get("other"))).toBe("kept");
    again.close();
    store.close();
  });

  test("tables that cannot follow for want of space lose nothing, say so, and follow later", () => {
    using home = tempHome();
    const file = home.file("repowire.db");
    const store = sqliteStore(file, { synchronous: "normal" });
    store.transaction(write(1));
    store.settle();
    for (let n = 2; n <= 40; n++) store.transaction(write(n));
    const left = store.read(look(40));
    store.limitPages(rowPages(file));
    store.settle();
    expect(store.fault).toContain("stays in the journal");
    expect(store.read(look(40))).toEqual(left);
    const again = reopenedAfterKill(home, file);
    expect(again.read(look(40))).toEqual(left);
    again.close();
    store.limitPages(1_000_000);
    store.settle();
    expect(store.fault).toBeUndefined();
    expect(store.read(look(40))).toEqual(left);
    expect(recordsIn(file)).toBe(0);
    store.close();
  });

  test("of before it was a file is taken over once, and what it held is in the tables then", () => {
    using home = tempHome();
    const file = home.file("repowire.db");
    sqliteStore(file).close();
    const db = new Database(file);
    db.query("INSERT INTO journal (writes) VALUES (?1)").run(
      JSON.stringify([
        ["message", messageRecord(7)],
        ["meta", "last", "7"],
      ]),
    );
    db.close(true);
    const store = sqliteStore(file);
    expect(store.read((tx) => [tx.messages.get(messageId(7))?.body, tx.meta.get("last")])).toEqual([
      messageRecord(7).body,
      "7",
    ]);
    expect([rowsIn(file, "journal"), rowsIn(file, "messages")]).toEqual([0, 1]);
    store.close();
  });

  test("is empty, and gone, once the store is closed; what was purged is not in it before", () => {
    using home = tempHome();
    const file = home.file("repowire.db");
    const store = sqliteStore(file, { synchronous: "normal" });
    store.transaction(write(1));
    store.settle();
    store.transaction(write(2));
    const isReadable = (text: string) => readFileSync(file + JOURNAL_SUFFIX).includes(text);
    expect(isReadable(messageRecord(2).body)).toBeTrue();
    store.transaction((tx) => tx.purge(Number.MAX_SAFE_INTEGER));
    expect(isReadable(messageRecord(2).body)).toBeFalse();
    store.close();
    expect(existsSync(file + JOURNAL_SUFFIX)).toBeFalse();
  });

  test("with a record that cannot be read is a damaged database: it is moved aside, both of it", () => {
    using home = tempHome();
    const file = home.file("repowire.db");
    const store = sqliteStore(file);
    for (let n = 1; n <= 3; n++) store.transaction(write(n));
    const copy = home.file("copy.db");
    for (const suffix of ["", "-wal", JOURNAL_SUFFIX]) copyFileSync(file + suffix, copy + suffix);
    store.close();
    const bytes = readFileSync(copy + JOURNAL_SUFFIX);
    bytes.writeUInt8(bytes.readUInt8(200) ^ 1, 200);
    writeFileSync(copy + JOURNAL_SUFFIX, bytes);

    const again = sqliteStore(copy);
    expect(again.damagedMovedTo).toStartWith(`${copy}.damaged-`);
    expect(readFileSync(again.damagedMovedTo + JOURNAL_SUFFIX).equals(bytes)).toBeTrue();
    expect(again.read((tx) => tx.peers.all())).toEqual([]);
    again.close();
  });

  test("that power left with a hole goes on before it, where records are not waited for", () => {
    using home = tempHome();
    const file = home.file("repowire.db");
    const store = sqliteStore(file, { synchronous: "normal" });
    store.transaction(write(1));
    const { size } = statSync(file + JOURNAL_SUFFIX);
    for (let n = 2; n <= 3; n++) store.transaction(write(n));
    const copy = home.file("copy.db");
    for (const suffix of ["", "-wal", JOURNAL_SUFFIX]) copyFileSync(file + suffix, copy + suffix);
    store.close();
    const bytes = readFileSync(copy + JOURNAL_SUFFIX);
    bytes.fill(0, size, size + 100);
    writeFileSync(copy + JOURNAL_SUFFIX, bytes);

    const again = sqliteStore(copy, { synchronous: "normal" });
    expect(again.damagedMovedTo).toBeUndefined();
    expect(again.read((tx) => [1, 2, 3].map((n) => tx.messages.get(messageId(n))?.id))).toEqual([
      messageId(1),
      undefined,
      undefined,
    ]);
    again.close();
  });

  test("of before it was a file, with a row that cannot be read, is a damaged database, too", () => {
    using home = tempHome();
    const file = home.file("repowire.db");
    sqliteStore(file).close();
    const db = new Database(file);
    db.run("INSERT INTO journal (writes) VALUES ('[[\"message\",{')");
    db.close(true);
    const store = sqliteStore(file);
    expect(store.damagedMovedTo).toStartWith(`${file}.damaged-`);
    store.close();
  });
});

/** No page more than the file has now. */
function rowPages(file: string): number {
  const db = new Database(file, { readonly: true });
  const pages = db.query<{ page_count: number }, []>("PRAGMA page_count").get()?.page_count ?? 0;
  db.close(true);
  return pages;
}
