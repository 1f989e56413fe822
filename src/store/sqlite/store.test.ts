import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import {
  approvalRecord,
  askRecord,
  deliveryRecord,
  messageId,
  messageRecord,
  peerId,
  peerRecord,
} from "../../../test/support/records.ts";
import { tempHome } from "../../../test/support/temp-home.ts";
import type { PurgePlace, Tx } from "../../core/ports.ts";
import { MIGRATIONS } from "./migrations.ts";
import { NewerSchemaError, openDatabase } from "./open.ts";
import { sqliteStore } from "./store.ts";

const fill = (tx: Tx) => {
  tx.peers.put(peerRecord(1, { seat: tx.peers.nextSeat() }));
  tx.messages.insert(messageRecord(1));
  tx.deliveries.put(deliveryRecord(1, { seq: tx.deliveries.nextSeq() }));
  tx.asks.put(askRecord(1));
  tx.approvals.put(approvalRecord(1));
  tx.events.append({ type: "message.accepted", message: messageId(1), data: { kind: "ask" } }, 7);
  tx.meta.set("awake", "123");
};
const look = (tx: Tx) => ({
  peers: tx.peers.all(),
  message: tx.messages.get(messageId(1)),
  delivery: tx.deliveries.get(messageId(1), peerId(2)),
  ask: tx.asks.get(messageId(1)),
  approval: tx.approvals.get(messageId(1)),
  events: tx.events.after(0, 10),
  awake: tx.meta.get("awake"),
});

/** A database with something in it, closed. Returns the bytes of its file. */
function makeDatabase(file: string): Buffer {
  const store = sqliteStore(file, { synchronous: "normal" });
  store.transaction(fill);
  store.close();
  return readFileSync(file);
}

function query<T>(file: string, sql: string): T | null {
  const db = new Database(file, { readonly: true });
  try {
    return db.query<T, []>(sql).get();
  } finally {
    db.close(true);
  }
}

const modeOf = (file: string) => statSync(file).mode & 0o777;
const filesBeside = (file: string) => readdirSync(dirname(file)).sort();

describe("reopening", () => {
  // @req truth.one-store
  test("finds everything as it was left, and goes on counting", () => {
    using home = tempHome();
    const file = home.file("repowire.db");
    const first = sqliteStore(file);
    first.transaction(fill);
    const left = first.read(look);
    first.close();

    const second = sqliteStore(file);
    expect(second.read(look)).toEqual(left);
    expect(second.epoch).toBe(first.epoch);
    expect(second.damagedMovedTo).toBeUndefined();
    const drawn = second.transaction((tx) => [tx.peers.nextSeat(), tx.deliveries.nextSeq()]);
    expect(drawn).toEqual([2, 2]);
    expect(second.transaction((tx) => tx.events.append({ type: "daemon.started", data: {} }, 8).seq)).toBe(2);
    second.close();
  });

  test("never gives the number of a purged event to another, since cursors remember it", () => {
    using home = tempHome();
    const file = home.file("repowire.db");
    const first = sqliteStore(file);
    for (let n = 0; n < 3; n++) first.transaction((tx) => tx.events.append({ type: "daemon.started", data: {} }, 1));
    expect(first.transaction((tx) => tx.purge(100))).toMatchObject({ events: 3 });
    first.close();

    const second = sqliteStore(file);
    expect(second.read((tx) => tx.events.last())).toBe(3);
    expect(second.transaction((tx) => tx.events.append({ type: "daemon.started", data: {} }, 1).seq)).toBe(4);
    second.close();
  });

  test("a purged seat stays away", () => {
    using home = tempHome();
    const file = home.file("repowire.db");
    const first = sqliteStore(file);
    first.transaction((tx) => tx.peers.put(peerRecord(1, { presence: { state: "offline", since: 1 } })));
    first.transaction((tx) => tx.purge(1_000));
    first.close();
    const second = sqliteStore(file);
    expect(second.read((tx) => tx.peers.all())).toEqual([]);
    second.close();
  });

  test("another database has another epoch", () => {
    using home = tempHome();
    const [one, two] = [sqliteStore(home.file("one.db")), sqliteStore(home.file("two.db"))];
    expect(one.epoch).not.toBe(two.epoch);
    one.close();
    two.close();
  });
});

describe("the file", () => {
  test("keeps a write-ahead log, so that readers never block the writer", () => {
    using home = tempHome();
    const file = home.file("repowire.db");
    makeDatabase(file);
    expect(query<{ journal_mode: string }>(file, "PRAGMA journal_mode")).toEqual({ journal_mode: "wal" });
  });

  // @req private.files
  test("is private to its user, together with its log", () => {
    using home = tempHome();
    const file = home.file("repowire.db");
    const store = sqliteStore(file);
    store.transaction(fill);
    expect(filesBeside(file)).toEqual(["repowire.db", "repowire.db-shm", "repowire.db-wal", "repowire.db.journal"]);
    for (const name of filesBeside(file)) expect([name, modeOf(home.file(name))]).toEqual([name, 0o600]);
    store.close();
  });

  test("is made private again if somebody opened it up", () => {
    using home = tempHome();
    const file = home.file("repowire.db");
    makeDatabase(file);
    chmodSync(file, 0o644);
    sqliteStore(file).close();
    expect(modeOf(file)).toBe(0o600);
  });

  // @req private.purged
  test("holds nothing of a purged body any more", () => {
    using home = tempHome();
    const file = home.file("repowire.db");
    const store = sqliteStore(file);
    store.transaction((tx) => {
      tx.messages.insert(messageRecord(1, { body: "the-secret-of-this-test" }));
      tx.messages.insert(messageRecord(2, { body: "what-stays", created_at: 5_000 }));
    });
    store.transaction((tx) => tx.purge(2_000));
    store.close();
    const bytes = readFileSync(file, "latin1");
    expect(bytes).toContain("what-stays");
    expect(bytes).not.toContain("the-secret-of-this-test");
  });

  // @req private.purged
  test("holds no word of a purged body in the index either, though it came there in many parts", () => {
    using home = tempHome();
    const file = home.file("repowire.db");
    const store = sqliteStore(file);
    const bytes = () => {
      const db = new Database(file);
      db.run("PRAGMA wal_checkpoint(TRUNCATE)");
      db.close();
      return readFileSync(file, "latin1");
    };
    for (let n = 1; n <= 60; n++) {
      const body = n === 7 ? "qzjxsecret of this test" : `zvwkstays ${n}`;
      store.transaction((tx) => tx.messages.insert(messageRecord(n, { body, created_at: n })));
      store.tendWords(1);
    }
    // The index shares beginnings between neighbours, so these words have none in common.
    expect(bytes()).toContain("qzjxsecret");
    let from: PurgePlace | undefined;
    do from = store.transaction((tx) => tx.purge(50, { rows: 10, from })).next;
    while (from);
    expect(bytes()).not.toContain("qzjxsecret");
    expect(bytes()).toContain("zvwkstays");
    store.close();
  });

  // @req private.purged
  test("has a purge that was broken off finished in the index by the next process", () => {
    using home = tempHome();
    const file = home.file("repowire.db");
    const first = sqliteStore(file);
    for (let n = 1; n <= 60; n++) {
      const body = n === 7 ? "qzjxsecret of this test" : `zvwkstays ${n}`;
      first.transaction((tx) => tx.messages.insert(messageRecord(n, { body, created_at: n })));
      first.tendWords(1);
    }
    expect(first.transaction((tx) => tx.purge(50, { rows: 1_000 })).messages).toBe(49);
    first.close();
    expect(readFileSync(file, "latin1")).toContain("qzjxsecret");
    const second = sqliteStore(file);
    for (let i = 0; second.wordsWaiting > 0 && i < 100; i++) second.tendWords(100);
    expect(second.wordsWaiting).toBe(0);
    second.close();
    expect(readFileSync(file, "latin1")).not.toContain("qzjxsecret");
  });
});

describe("a database of a newer repowire", () => {
  // @req store.newer-refused
  test("is refused with what to do, and not touched", () => {
    using home = tempHome();
    const file = home.file("repowire.db");
    makeDatabase(file);
    const db = new Database(file);
    db.run(`PRAGMA user_version = ${MIGRATIONS.length + 1}`);
    db.run("PRAGMA wal_checkpoint(TRUNCATE)");
    db.close(true);
    const bytes = readFileSync(file);

    expect(() => sqliteStore(file)).toThrow(NewerSchemaError);
    expect(() => sqliteStore(file)).toThrow(
      `${file} was written by a newer repowire (schema ${MIGRATIONS.length + 1}; this one knows ${MIGRATIONS.length}). Update repowire, or start with another REPOWIRE_HOME. Nothing was changed.`,
    );
    expect(readFileSync(file).equals(bytes)).toBeTrue();
    expect(filesBeside(file).filter((name) => name.includes("damaged") || name.includes("before"))).toEqual([]);
  });
});

describe("a damaged database", () => {
  test("that is no database at all is moved aside whole, and a new one is made", () => {
    using home = tempHome();
    const file = home.file("repowire.db");
    const garbage = "this is not a database ".repeat(400);
    writeFileSync(file, garbage);
    const store = sqliteStore(file);
    expect(store.damagedMovedTo).toStartWith(`${file}.damaged-`);
    expect(readFileSync(store.damagedMovedTo ?? "", "utf8")).toBe(garbage);
    store.transaction(fill);
    expect(store.read(look).peers).toHaveLength(1);
    store.close();
  });

  // @req store.damaged-aside
  test("with one broken page is moved aside whole, and the new one has a new epoch", () => {
    using home = tempHome();
    const file = home.file("repowire.db");
    const healthy = sqliteStore(file);
    healthy.transaction((tx) => {
      for (let n = 1; n <= 50; n++) tx.messages.insert(messageRecord(n, { body: "x".repeat(3_000) }));
    });
    healthy.close();
    const bytes = readFileSync(file);
    // Past the schema's pages lie those of the rows.
    bytes.fill(0xff, bytes.length - 3 * 4_096, bytes.length - 4_096);
    writeFileSync(file, bytes);

    const store = sqliteStore(file);
    expect(store.damagedMovedTo).toStartWith(`${file}.damaged-`);
    expect(readFileSync(store.damagedMovedTo ?? "").equals(bytes)).toBeTrue();
    expect(store.read((tx) => tx.messages.last())).toBeUndefined();
    expect(store.epoch).not.toBe(healthy.epoch);
    store.close();
  });

  test("that was cut off is moved aside", () => {
    using home = tempHome();
    const file = home.file("repowire.db");
    const bytes = makeDatabase(file);
    truncateSync(file, bytes.length - 4_096);
    const store = sqliteStore(file);
    expect(store.damagedMovedTo).toBeDefined();
    store.close();
  });

  test("an empty file is no damage: it becomes a database", () => {
    using home = tempHome();
    const file = home.file("repowire.db");
    writeFileSync(file, "");
    const store = sqliteStore(file);
    expect(store.damagedMovedTo).toBeUndefined();
    store.close();
  });
});

describe("a change of schema", () => {
  const steps = ["CREATE TABLE one (id INTEGER); INSERT INTO one VALUES (41);", "UPDATE one SET id = id + 1;"];
  const openWith = (file: string, migrations: readonly string[]) =>
    openDatabase(file, { synchronous: "normal", migrations });
  const makeOld = (file: string) => openWith(file, steps.slice(0, 1)).db.close(true);

  test("first makes a private copy of the database as it was", () => {
    using home = tempHome();
    const file = home.file("repowire.db");
    makeOld(file);
    const opened = openWith(file, steps);
    expect(opened.backup).toBe(`${file}.before-schema-2`);
    expect(opened.db.query("SELECT id FROM one").get()).toEqual({ id: 42 });
    opened.db.close();
    const backup = opened.backup ?? "";
    expect(query<{ id: number }>(backup, "SELECT id FROM one")).toEqual({ id: 41 });
    expect(query<{ user_version: number }>(backup, "PRAGMA user_version")).toEqual({ user_version: 1 });
    expect(modeOf(backup)).toBe(0o600);
  });

  test("happens once: the next start finds the schema it knows and copies nothing", () => {
    using home = tempHome();
    const file = home.file("repowire.db");
    makeOld(file);
    openWith(file, steps).db.close(true);
    const again = openWith(file, steps);
    expect(again.backup).toBeUndefined();
    expect(again.db.query("SELECT id FROM one").get()).toEqual({ id: 42 });
    again.db.close();
  });

  test("that fails half-way leaves the database at the last good step", () => {
    using home = tempHome();
    const file = home.file("repowire.db");
    makeOld(file);
    const broken = [...steps, "UPDATE one SET id = 0; INSERT INTO nowhere VALUES (1);"];
    expect(() => openWith(file, broken)).toThrow("nowhere");
    expect(query<{ id: number }>(file, "SELECT id FROM one")).toEqual({ id: 42 });
    expect(query<{ user_version: number }>(file, "PRAGMA user_version")).toEqual({ user_version: 2 });
    expect(existsSync(`${file}.before-schema-3`)).toBeTrue();
  });

  test("a new database needs no copy", () => {
    using home = tempHome();
    const opened = openWith(home.file("repowire.db"), steps);
    expect(opened.backup).toBeUndefined();
    opened.db.close();
  });
});
