import type { MessageStore } from "../../src/core/ports.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { sqliteStore } from "../../src/store/sqlite/store.ts";
import { tempHome } from "../support/temp-home.ts";

/** Every implementation of `MessageStore`, under the name that its tests carry. */
export const STORES: [name: string, open: () => OpenStore][] = [
  ["memory", openMemory],
  ["sqlite", openSqlite],
];

export interface OpenStore extends Disposable {
  readonly store: MessageStore;
}

function openMemory(): OpenStore {
  const store = memoryStore();
  return { store, [Symbol.dispose]: () => store.close() };
}

function openSqlite(): OpenStore {
  const home = tempHome();
  // Power loss is not tried here, so there is no need to wait for the disk.
  const store = sqliteStore(home.file("repowire.db"), { synchronous: "normal" });
  return {
    store,
    [Symbol.dispose]() {
      store.close();
      home[Symbol.dispose]();
    },
  };
}
