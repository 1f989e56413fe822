import { type MessageStore, StorageError } from "../../src/core/ports.ts";
import { memoryStore } from "../../src/store/memory.ts";

/** A store in memory whose disk takes nothing while `isFull`. */
export function fillingStore(): { store: MessageStore; disk: { isFull: boolean } } {
  const disk = { isFull: false };
  const inner = memoryStore();
  const store: MessageStore = {
    ...inner,
    transaction: (body) =>
      inner.transaction((tx) => {
        const value = body(tx);
        if (disk.isFull) throw new StorageError("full", "no space");
        return value;
      }),
  };
  return { store, disk };
}
