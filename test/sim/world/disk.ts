import { copyFileSync, existsSync } from "node:fs";
import { type MessageStore, StorageError, type Tx } from "../../../src/core/ports.ts";
import { DATABASE_SUFFIXES } from "../../../src/protocol/index.ts";
import { memoryStore } from "../../../src/store/memory.ts";
import { type SqliteStore, sqliteStore } from "../../../src/store/sqlite/store.ts";
import { tempHome } from "../../support/temp-home.ts";
import type { SimProcess } from "./process.ts";

/** Where the daemon keeps its state: it outlives every daemon, fails when it is told to, and shows checkers what is committed. */
export interface Disk extends Disposable {
  /** The store as one daemon process sees it. The daemon before it must be dead. */
  open(owner: SimProcess): MessageStore;
  /** The next so many commits fail. */
  fail(kind: "full" | "failed", commits: number): void;
  /** What is stored, as the next daemon would find it. */
  look<T>(look: (tx: Tx) => T): T;
  readonly commits: number;
}

export type DiskKind = "memory" | "sqlite";

export function createDisk(kind: DiskKind): Disk {
  const home = kind === "sqlite" ? tempHome() : undefined;
  const memory = home ? undefined : memoryStore();
  let sqlite: SqliteStore | undefined;
  let failing: { kind: "full" | "failed"; commits: number } | undefined;
  let commits = 0;
  let opened = 0;

  function reopen(): MessageStore {
    if (memory) return memory;
    // The files as the dead daemon leaves them, while its handles are still open: it says nothing more to the disk, and puts nothing in order.
    const before = sqlite;
    const file = home?.file(`${++opened}.db`) ?? "";
    if (before) copyDatabase(before.file, file);
    sqlite = sqliteStore(file, { synchronous: "normal" });
    before?.close();
    return sqlite;
  }

  return {
    open(owner) {
      const inner = reopen();
      return {
        epoch: inner.epoch,
        transaction(body) {
          if (!owner.alive) throw new Error("a dead process writes");
          owner.step("before a commit");
          const value = inner.transaction((tx) => {
            const decided = body(tx);
            if (failing) {
              const fault = failing.kind;
              if (--failing.commits <= 0) failing = undefined;
              throw new StorageError(fault, `the disk is ${fault}`);
            }
            owner.step("in a transaction");
            return decided;
          });
          commits++;
          owner.step("after a commit");
          return value;
        },
        read: (body) => inner.read(body),
        close() {},
      };
    },
    fail(fault, count) {
      failing = count > 0 ? { kind: fault, commits: count } : undefined;
    },
    look: (look) => (memory ?? sqlite ?? reopen()).read(look),
    get commits() {
      return commits;
    },
    [Symbol.dispose]() {
      (memory ?? sqlite)?.close();
      home?.[Symbol.dispose]();
    },
  };
}

/** As a copy of a disk has it; what processes share in memory (`-shm`) is on none. */
function copyDatabase(from: string, to: string): void {
  for (const suffix of DATABASE_SUFFIXES)
    if (suffix !== "-shm" && existsSync(from + suffix)) copyFileSync(from + suffix, to + suffix);
}
