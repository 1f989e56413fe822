import type { Database } from "bun:sqlite";
import type { ApprovalRecord, AskRecord, DeliveryRecord, PeerRecord } from "../../core/ports.ts";
import type { MeshEvent, Message, PeerId } from "../../protocol/index.ts";
import { deepFreeze } from "../freeze.ts";
import type { UndoLog } from "../undo.ts";
import type { Dirty } from "./dirty.ts";

/**
 * A commit is one row of the journal: everything that the transaction wrote, as one text. So it touches two or three pages, where
 * the tables and their indexes would be a dozen, and the disk is waited for once. The tables follow later, many commits at a time,
 * each record in its newest form only.
 */
export type Write = (
  | { kind: "peer" | "message" | "delivery" | "ask" | "approval" | "event"; record: object }
  | { kind: "peer_removed"; id: PeerId }
  | { kind: "meta"; name: string; value: string }
  | { kind: "shelf"; shelf: string; id: string; record: object | undefined }
) & {
  /** Names the record among those that may be written again in the same transaction. */
  key?: string;
};

export interface Journal {
  /** Remembers one write of the transaction that runs. */
  add(write: Write): void;
  /** Whether the transaction wrote anything. */
  readonly isEmpty: boolean;
  /** Commits: the one statement that makes it all durable. */
  commit(): void;
  /** What is applied to the tables in this very transaction needs no row. */
  forget(): void;
  /** Empties the table, as part of the transaction that has applied its rows. */
  clear(): void;
  /** Hands every write of the stored rows, oldest first, to the tables' side. Throws when a row cannot be read. */
  replay(into: Dirty): number;
}

export function createJournal(db: Database, undo: UndoLog): Journal {
  const insert = db.query("INSERT INTO journal (writes) VALUES (?1)");
  const rows = db.query<{ writes: string }, []>("SELECT writes FROM journal ORDER BY seq");
  const empty = db.query("DELETE FROM journal");
  let writes: Write[] = [];
  // Where in `writes` a record stands, so that only the newest of its forms in one transaction is written.
  let places = new Map<string, number>();

  return {
    add(write) {
      const known = write.key === undefined ? undefined : places.get(write.key);
      const at = known ?? writes.length;
      const before = writes[at];
      writes[at] = write;
      if (known !== undefined && before !== undefined) {
        undo.push(() => {
          writes[at] = before;
        });
        return;
      }
      const { key } = write;
      if (key !== undefined) places.set(key, at);
      undo.push(() => {
        writes.length = at;
        if (key !== undefined) places.delete(key);
      });
    },
    get isEmpty() {
      return writes.length === 0;
    },
    commit() {
      insert.run(JSON.stringify(writes.map(stored)));
      writes = [];
      places = new Map();
    },
    forget() {
      const before = { writes, places };
      writes = [];
      places = new Map();
      undo.push(() => {
        ({ writes, places } = before);
      });
    },
    clear: () => void empty.run(),
    replay(into) {
      const kept = rows.all();
      for (const row of kept) for (const write of JSON.parse(row.writes) as StoredWrite[]) take(into, write);
      return kept.length;
    },
  };
}

/** As it stands in the row. */
type StoredWrite =
  | ["peer", PeerRecord]
  | ["peer_removed", PeerId]
  | ["message", Message]
  | ["delivery", DeliveryRecord]
  | ["ask", AskRecord]
  | ["approval", ApprovalRecord]
  | ["event", MeshEvent]
  | ["meta", string, string]
  | ["shelf", string, string, object | null];

function stored(write: Write): unknown[] {
  switch (write.kind) {
    case "peer_removed":
      return [write.kind, write.id];
    case "meta":
      return [write.kind, write.name, write.value];
    case "shelf":
      return [write.kind, write.shelf, write.id, write.record ?? null];
    default:
      return [write.kind, write.record];
  }
}

function take(into: Dirty, write: StoredWrite): void {
  switch (write[0]) {
    case "peer":
      return into.putPeer(write[1].id, deepFreeze(write[1]));
    case "peer_removed":
      return into.putPeer(write[1], undefined);
    case "message":
      return into.putMessage(deepFreeze(write[1]));
    case "delivery":
      return into.putDelivery(deepFreeze(write[1]));
    case "ask":
      return into.putAsk(deepFreeze(write[1]));
    case "approval":
      return into.putApproval(deepFreeze(write[1]));
    case "event":
      return into.addEvent(deepFreeze(write[1]));
    case "meta":
      return into.setMeta(write[1], write[2]);
    case "shelf": {
      const [, shelf, id, record] = write;
      return into.putShelved({ shelf, id, record: record ? deepFreeze(record) : undefined });
    }
    default:
      write satisfies never;
  }
}
