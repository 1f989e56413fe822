import type { Shelf, ShelfName, Shelves, Tx } from "../../core/ports.ts";
import { asStored, deepFreeze } from "../freeze.ts";
import { shelvesOf } from "../shelves.ts";
import type { UndoLog } from "../undo.ts";
import type { Dirty } from "./dirty.ts";
import type { Journal } from "./journal.ts";
import type { Statements } from "./statements.ts";

export interface ShelvesParts {
  sql: Statements;
  journal: Journal;
  undo: UndoLog;
  /** What waits for its table now. */
  dirty: () => Dirty;
}

/** Kept in memory beside their table, like seats: few, small, and looked at with many decisions. */
export function createShelves({ sql, journal, undo, dirty }: ShelvesParts): Tx["shelves"] {
  const stored = readShelves(sql, dirty());

  function shelf<Name extends ShelfName>(name: Name): Shelf<Shelves[Name]> {
    let records = stored.get(name) ?? new Map<string, unknown>();
    const list = () => records as Map<string, Shelves[Name]>; // written by `put` below from this shelf's records
    const change = (next: Map<string, unknown>) => {
      const before = records;
      records = next;
      undo.push(() => {
        records = before;
      });
    };
    const write = (id: string, record: object | undefined) => {
      journal.add({ kind: "shelf", shelf: name, id, record, key: `shelf ${name} ${id}` });
      dirty().putShelved({ shelf: name, id, record });
    };
    return {
      get: (id) => list().get(id),
      all: () => [...list().values()],
      put(id, value) {
        const record = asStored(value);
        write(id, record);
        change(new Map(records).set(id, record));
      },
      remove(id) {
        if (!records.has(id)) return;
        write(id, undefined);
        const next = new Map(records);
        next.delete(id);
        change(next);
      },
    };
  }

  return shelvesOf(shelf);
}

/** All records by shelf and id, the newest form of each; what was put first stands first. */
function readShelves(sql: Statements, dirty: Dirty): Map<string, Map<string, unknown>> {
  const shelves = new Map<string, Map<string, unknown>>();
  const of = (name: string) => {
    const records = shelves.get(name) ?? new Map<string, unknown>();
    shelves.set(name, records);
    return records;
  };
  for (const { shelf, id, doc } of sql.shelves.all()) of(shelf).set(id, deepFreeze(JSON.parse(doc) as object));
  for (const { shelf, id, record } of dirty.shelved.values()) {
    if (record === undefined) of(shelf).delete(id);
    else of(shelf).set(id, record);
  }
  return shelves;
}
