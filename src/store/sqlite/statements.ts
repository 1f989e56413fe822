import type { Database } from "bun:sqlite";
import type { ApprovalRecord, AskRecord, DeliveryRecord, PeerRecord } from "../../core/ports.ts";
import { type MeshEvent, type Message, OPEN_DELIVERY_STATES } from "../../protocol/index.ts";
import { deepFreeze } from "../freeze.ts";
import type { Shelved } from "./dirty.ts";

/** The prepared statements of the store and how rows become records. */

interface DocRow {
  doc: string;
}
interface MessageRow extends DocRow {
  body: string;
}
interface EventRow {
  seq: number;
  at: number;
  type: string;
  peer: string | null;
  message: string | null;
  data: string;
}

// Rows were written by this program from typed records, so their JSON has the type of the table it stands in.
const record = <T>(row: DocRow | null): T | undefined => (row ? (JSON.parse(row.doc) as T) : undefined);
const frozen = <T extends object>(row: DocRow): T => deepFreeze(JSON.parse(row.doc) as T);
const records = <T>(rows: DocRow[]): T[] => rows.map((row) => JSON.parse(row.doc) as T);
const message = (row: MessageRow | null): Message | undefined =>
  row ? ({ ...JSON.parse(row.doc), body: row.body } as Message) : undefined;
const event = (row: EventRow): MeshEvent =>
  ({
    seq: row.seq,
    at: row.at,
    type: row.type,
    peer: row.peer ?? undefined,
    message: row.message ?? undefined,
    data: JSON.parse(row.data),
  }) as MeshEvent;

const OPEN = OPEN_DELIVERY_STATES.map((state) => `'${state}'`).join(", ");

export function prepareStatements(db: Database) {
  const putPeer = db.query(
    "INSERT INTO peers (id, seat, doc) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO UPDATE SET doc = ?3",
  );
  const removePeer = db.query("DELETE FROM peers WHERE id = ?1");
  const allPeers = db.query<DocRow, []>("SELECT doc FROM peers ORDER BY seat");

  const insertMessage = db.query(
    "INSERT INTO messages (id, kind, from_peer, thread, in_reply_to, created_at, body, doc) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
  );
  const getMessage = db.query<MessageRow, [string]>("SELECT body, doc FROM messages WHERE id = ?1");
  const newestMessage = db.query<{ id: string }, []>(
    `SELECT max(coalesce((SELECT max(id) FROM messages), ''), coalesce((SELECT max(message) FROM deliveries), '')) AS id`,
  );
  const lastMessage = db.query<MessageRow, []>(
    "SELECT body, doc FROM messages WHERE kind <> 'permission' AND in_reply_to IS NULL ORDER BY seq DESC LIMIT 1",
  );
  const threadMessages = db.query<MessageRow, [string]>(
    "SELECT body, doc FROM messages WHERE thread = ?1 ORDER BY seq",
  );

  const putDelivery = db.query(
    `INSERT INTO deliveries (message, peer, seq, handle, state, kind, doc) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
     ON CONFLICT (message, peer) DO UPDATE SET state = ?5, doc = ?7`,
  );
  const getDelivery = db.query<DocRow, [string, string]>("SELECT doc FROM deliveries WHERE message = ?1 AND peer = ?2");
  const deliveriesOfMessage = db.query<DocRow, [string]>("SELECT doc FROM deliveries WHERE message = ?1 ORDER BY seq");
  const deliveryByHandle = db.query<DocRow, [string]>("SELECT doc FROM deliveries WHERE handle = ?1");
  const handlesBetween = db.query<{ handle: string }, [string, string]>(
    "SELECT handle FROM deliveries WHERE handle >= ?1 AND handle < ?2",
  );
  const openDeliveries = db.query<DocRow, []>(`SELECT doc FROM deliveries WHERE state IN (${OPEN}) ORDER BY seq`);

  const putAsk = db.query(
    `INSERT INTO asks (message, state, doc) VALUES (?1, ?2, ?3)
     ON CONFLICT (message) DO UPDATE SET state = ?2, doc = ?3`,
  );
  const getAsk = db.query<DocRow, [string]>("SELECT doc FROM asks WHERE message = ?1");
  const openAsks = db.query<DocRow, []>("SELECT doc FROM asks WHERE state = 'open'");

  const putApproval = db.query(
    `INSERT INTO approvals (message, handle, peer, state, requested_at, doc) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
     ON CONFLICT (message) DO UPDATE SET state = ?4, doc = ?6`,
  );
  const getApproval = db.query<DocRow, [string]>("SELECT doc FROM approvals WHERE message = ?1");
  const approvalByHandle = db.query<DocRow, [string]>("SELECT doc FROM approvals WHERE handle = ?1");
  const pendingApprovals = db.query<DocRow, []>(
    "SELECT doc FROM approvals WHERE state = 'pending' ORDER BY requested_at, message",
  );
  const allApprovals = db.query<DocRow, [number]>(
    "SELECT doc FROM approvals ORDER BY requested_at DESC, message DESC LIMIT ?1",
  );

  const insertEvent = db.query(
    "INSERT INTO events (seq, at, type, peer, message, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
  );
  const eventsAfter = db.query<EventRow, [number, number]>("SELECT * FROM events WHERE seq > ?1 ORDER BY seq LIMIT ?2");
  const eventsOfMessage = db.query<EventRow, [string]>("SELECT * FROM events WHERE message = ?1 ORDER BY seq");

  const getMeta = db.query<{ value: string }, [string]>("SELECT value FROM meta WHERE key = ?1");
  const setMeta = db.query("INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2");

  // What was put again keeps its place.
  const putShelved = db.query(
    "INSERT INTO shelves (shelf, id, doc) VALUES (?1, ?2, ?3) ON CONFLICT (shelf, id) DO UPDATE SET doc = ?3",
  );
  const removeShelved = db.query("DELETE FROM shelves WHERE shelf = ?1 AND id = ?2");
  const allShelved = db.query<{ shelf: string; id: string; doc: string }, []>(
    "SELECT shelf, id, doc FROM shelves ORDER BY seq",
  );

  return {
    shelves: {
      put: ({ shelf, id, record }: Shelved) =>
        record === undefined ? removeShelved.run(shelf, id) : putShelved.run(shelf, id, JSON.stringify(record)),
      all: () => allShelved.all(),
    },
    peers: {
      put: (peer: PeerRecord) => putPeer.run(peer.id, peer.seat, JSON.stringify(peer)),
      remove: (id: string) => removePeer.run(id),
      all: () => allPeers.all(),
    },
    messages: {
      insert({ body, ...rest }: Message) {
        insertMessage.run(
          rest.id,
          rest.kind,
          rest.from,
          rest.thread,
          rest.in_reply_to ?? null,
          rest.created_at,
          body,
          JSON.stringify(rest),
        );
      },
      get: (id: string) => message(getMessage.get(id)),
      last: () => message(lastMessage.get()),
      /** The id that sorts last of all messages and deliveries, or an empty text. */
      newest: () => newestMessage.get()?.id ?? "",
      ofThread: (thread: string) => threadMessages.all(thread).flatMap((row) => message(row) ?? []),
    },
    deliveries: {
      put(delivery: DeliveryRecord): void {
        const { message: id, peer, seq, handle, state, kind } = delivery;
        putDelivery.run(id, peer, seq, handle, state, kind, JSON.stringify(delivery));
      },
      get: (id: string, peer: string) => record<DeliveryRecord>(getDelivery.get(id, peer)),
      ofMessage: (id: string) => records<DeliveryRecord>(deliveriesOfMessage.all(id)),
      byHandle: (handle: string) => record<DeliveryRecord>(deliveryByHandle.get(handle)),
      handlesFrom: (from: string, below: string) => handlesBetween.all(from, below).map((row) => row.handle),
      /** All that are on their way: read once, when the store is opened. */
      open: () => openDeliveries.all().map((row) => frozen<DeliveryRecord>(row)),
    },
    asks: {
      put: (ask: AskRecord) => void putAsk.run(ask.message, ask.state, JSON.stringify(ask)),
      get: (id: string) => record<AskRecord>(getAsk.get(id)),
      open: () => openAsks.all().map((row) => frozen<AskRecord>(row)),
    },
    approvals: {
      put: (approval: ApprovalRecord) =>
        putApproval.run(
          approval.message,
          approval.handle,
          approval.peer,
          approval.state,
          approval.requested_at,
          JSON.stringify(approval),
        ),
      get: (id: string) => record<ApprovalRecord>(getApproval.get(id)),
      byHandle: (handle: string) => record<ApprovalRecord>(approvalByHandle.get(handle)),
      pending: () => records<ApprovalRecord>(pendingApprovals.all()),
      all: (limit: number) => records<ApprovalRecord>(allApprovals.all(limit)),
    },
    events: {
      insert: (e: MeshEvent) =>
        insertEvent.run(e.seq, e.at, e.type, e.peer ?? null, e.message ?? null, JSON.stringify(e.data)),
      after: (seq: number, limit: number) => eventsAfter.all(seq, limit).map(event),
      ofMessage: (id: string) => eventsOfMessage.all(id).map(event),
    },
    meta: {
      get: (key: string) => getMeta.get(key)?.value,
      set: (key: string, value: string) => setMeta.run(key, value),
    },
  };
}

export type Statements = ReturnType<typeof prepareStatements>;
