import type { ApprovalRecord, AskRecord, DeliveryRecord, PeerRecord } from "../../core/ports.ts";
import type { MeshEvent, Message, PeerId } from "../../protocol/index.ts";
import { deepFreeze } from "../freeze.ts";
import type { UndoLog } from "../undo.ts";
import type { Dirty } from "./dirty.ts";
import type { JournalFile } from "./journal-file.ts";

/**
 * A commit is one record of the journal: everything that the transaction wrote, as one text. So it is one write at the end of a file,
 * where the tables and their indexes would be a dozen pages, and the disk is waited for once. The tables follow later, many commits
 * at a time, each record in its newest form only.
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
  /** Commits: the one write that makes it all durable. */
  commit(): void;
  /** What is applied to the tables in this very transaction needs no record. */
  forget(): void;
}

export function createJournal(file: Pick<JournalFile, "append">, undo: UndoLog): Journal {
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
      file.append(JSON.stringify(writes.map(stored)));
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
  };
}

/** Hands every write of one record to the tables' side. Throws when it cannot be read. */
export function replay(text: string, into: Dirty): void {
  for (const write of JSON.parse(text) as StoredWrite[]) take(into, write);
}

/** As it stands in the record. */
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
