import type { Database } from "bun:sqlite";
import type { ApprovalRecord, AskRecord, DeliveryRecord, NewEvent } from "../../core/ports.ts";
import { type MeshEvent, type Message, OPEN_DELIVERY_STATES } from "../../protocol/index.ts";

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
  const lastMessage = db.query<MessageRow, []>(
    "SELECT body, doc FROM messages WHERE kind <> 'permission' AND in_reply_to IS NULL ORDER BY seq DESC LIMIT 1",
  );
  const threadMessages = db.query<MessageRow, [string]>(
    "SELECT body, doc FROM messages WHERE thread = ?1 ORDER BY seq",
  );

  const putDelivery = db.query(
    `INSERT INTO deliveries (seq, message, peer, handle, state, kind, expires_awake_ms, doc) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
     ON CONFLICT (seq) DO UPDATE SET state = ?5, doc = ?8`,
  );
  const getDelivery = db.query<DocRow, [string, string]>("SELECT doc FROM deliveries WHERE message = ?1 AND peer = ?2");
  const deliveriesOfMessage = db.query<DocRow, [string]>("SELECT doc FROM deliveries WHERE message = ?1 ORDER BY seq");
  const deliveryByHandle = db.query<DocRow, [string]>("SELECT doc FROM deliveries WHERE handle = ?1");
  const dueDeliveries = db.query<DocRow, [number, number]>(
    `SELECT doc FROM deliveries WHERE expires_awake_ms <= ?1 AND state IN (${OPEN}) AND kind <> 'ask' ORDER BY seq LIMIT ?2`,
  );

  const putAsk = db.query(
    `INSERT INTO asks (message, handle, asker, askee, state, opened_at, expires_awake_ms, doc) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
     ON CONFLICT (message) DO UPDATE SET state = ?5, doc = ?8`,
  );
  const getAsk = db.query<DocRow, [string]>("SELECT doc FROM asks WHERE message = ?1");
  const askByHandle = db.query<DocRow, [string]>("SELECT doc FROM asks WHERE handle = ?1");
  const asksTo = db.query<DocRow, [string]>(
    "SELECT doc FROM asks WHERE askee = ?1 AND state = 'open' ORDER BY opened_at, message",
  );
  const asksFrom = db.query<DocRow, [string]>(
    "SELECT doc FROM asks WHERE asker = ?1 AND state = 'open' ORDER BY opened_at, message",
  );
  const dueAsks = db.query<DocRow, [number, number]>(
    "SELECT doc FROM asks WHERE state = 'open' AND expires_awake_ms <= ?1 ORDER BY expires_awake_ms, message LIMIT ?2",
  );

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

  return {
    peers: {
      put: (id: string, seat: number, doc: string) => putPeer.run(id, seat, doc),
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
      ofThread: (thread: string) => threadMessages.all(thread).flatMap((row) => message(row) ?? []),
    },
    deliveries: {
      put: (delivery: DeliveryRecord) =>
        putDelivery.run(
          delivery.seq,
          delivery.message,
          delivery.peer,
          delivery.handle,
          delivery.state,
          delivery.kind,
          delivery.expires_awake_ms ?? null,
          JSON.stringify(delivery),
        ),
      get: (id: string, peer: string) => record<DeliveryRecord>(getDelivery.get(id, peer)),
      ofMessage: (id: string) => records<DeliveryRecord>(deliveriesOfMessage.all(id)),
      byHandle: (handle: string) => record<DeliveryRecord>(deliveryByHandle.get(handle)),
      // One prepared statement for each number of states; `query` caches by text.
      inStates: (peer: string, states: readonly string[]) =>
        records<DeliveryRecord>(
          db
            .query<DocRow, string[]>(
              `SELECT doc FROM deliveries WHERE peer = ? AND state IN (${marks(states)}) ORDER BY seq`,
            )
            .all(peer, ...states),
        ),
      allInStates: (states: readonly string[]) =>
        records<DeliveryRecord>(
          db
            .query<DocRow, string[]>(
              `SELECT doc FROM deliveries WHERE state IN (${marks(states)}) AND state IN (${OPEN}) ORDER BY seq`,
            )
            .all(...states),
        ),
      count: (peer: string, states: readonly string[]) =>
        db
          .query<{ n: number }, string[]>(
            `SELECT count(*) AS n FROM deliveries WHERE peer = ? AND state IN (${marks(states)})`,
          )
          .get(peer, ...states)?.n ?? 0,
      due: (awake: number, limit: number) => records<DeliveryRecord>(dueDeliveries.all(awake, limit)),
    },
    asks: {
      put: (ask: AskRecord) =>
        putAsk.run(
          ask.message,
          ask.handle,
          ask.asker,
          ask.askee,
          ask.state,
          ask.opened_at,
          ask.expires_awake_ms,
          JSON.stringify(ask),
        ),
      get: (id: string) => record<AskRecord>(getAsk.get(id)),
      byHandle: (handle: string) => record<AskRecord>(askByHandle.get(handle)),
      openTo: (askee: string) => records<AskRecord>(asksTo.all(askee)),
      openFrom: (asker: string) => records<AskRecord>(asksFrom.all(asker)),
      due: (awake: number, limit: number) => records<AskRecord>(dueAsks.all(awake, limit)),
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
      insert: (seq: number, at: number, e: NewEvent) =>
        insertEvent.run(seq, at, e.type, e.peer ?? null, e.message ?? null, JSON.stringify(e.data)),
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

const marks = (values: readonly unknown[]): string => values.map(() => "?").join(", ");
