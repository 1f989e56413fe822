import type { ApprovalRecord, AskRecord, DeliveryRecord, PeerRecord } from "../../core/ports.ts";
import type { MeshEvent, Message, MessageId, PeerId } from "../../protocol/index.ts";
import type { UndoLog } from "../undo.ts";

/**
 * What is committed in the journal, or about to be, and not in its table yet; of each record only its newest form. Everything that
 * reads a table looks here first. Records are frozen: they are handed out to many.
 */
export interface Dirty {
  /** How many rows would be written. */
  readonly size: number;
  readonly peers: ReadonlyMap<PeerId, PeerRecord | undefined>;
  readonly messages: ReadonlyMap<MessageId, Message>;
  readonly deliveries: ReadonlyMap<string, DeliveryRecord>;
  readonly asks: ReadonlyMap<MessageId, AskRecord>;
  readonly approvals: ReadonlyMap<MessageId, ApprovalRecord>;
  readonly events: readonly MeshEvent[];
  readonly meta: ReadonlyMap<string, string>;
  /** By shelf and id; no record: the record was removed. */
  readonly shelved: ReadonlyMap<string, Shelved>;
  /** `undefined` as a record: the seat was removed. */
  putPeer(id: PeerId, peer: PeerRecord | undefined): void;
  putMessage(message: Message): void;
  putDelivery(delivery: DeliveryRecord): void;
  putAsk(ask: AskRecord): void;
  putApproval(approval: ApprovalRecord): void;
  addEvent(event: MeshEvent): void;
  setMeta(key: string, value: string): void;
  putShelved(shelved: Shelved): void;
  deliveryByHandle(handle: string): DeliveryRecord | undefined;
  deliveriesOf(message: MessageId): DeliveryRecord[];
  eventsOf(message: MessageId): MeshEvent[];
}

export interface Shelved {
  shelf: string;
  id: string;
  record: object | undefined;
}

export const deliveryKey = (message: MessageId, peer: PeerId): string => `${message} ${peer}`;

export function createDirty(undo: UndoLog): Dirty {
  const peers = new Map<PeerId, PeerRecord | undefined>();
  const messages = new Map<MessageId, Message>();
  const deliveries = new Map<string, DeliveryRecord>();
  const keyOfHandle = new Map<string, string>();
  const keysOfMessage = new Map<MessageId, Set<string>>();
  const asks = new Map<MessageId, AskRecord>();
  const approvals = new Map<MessageId, ApprovalRecord>();
  const meta = new Map<string, string>();
  const shelved = new Map<string, Shelved>();
  const events: MeshEvent[] = [];
  const eventsOfMessage = new Map<MessageId, MeshEvent[]>();

  function set<Key, Value>(map: Map<Key, Value>, key: Key, value: Value): void {
    const had = map.has(key);
    const before = map.get(key);
    map.set(key, value);
    undo.push(() => {
      // `had` says that there was a value, which may be undefined itself.
      if (had) map.set(key, before as Value);
      else map.delete(key);
    });
  }

  return {
    get size() {
      return (
        peers.size +
        messages.size +
        deliveries.size +
        asks.size +
        approvals.size +
        events.length +
        meta.size +
        shelved.size
      );
    },
    peers,
    messages,
    deliveries,
    asks,
    approvals,
    events,
    meta,
    shelved,
    putPeer: (id, peer) => set(peers, id, peer),
    putMessage: (message) => set(messages, message.id, message),
    putDelivery(delivery) {
      const key = deliveryKey(delivery.message, delivery.peer);
      set(deliveries, key, delivery);
      if (keyOfHandle.has(delivery.handle)) return;
      set(keyOfHandle, delivery.handle, key);
      const keys = keysOfMessage.get(delivery.message) ?? new Set<string>();
      if (keys.size === 0) set(keysOfMessage, delivery.message, keys);
      keys.add(key);
      undo.push(() => void keys.delete(key));
    },
    putAsk: (ask) => set(asks, ask.message, ask),
    putApproval: (approval) => set(approvals, approval.message, approval),
    addEvent(event) {
      events.push(event);
      const { message } = event;
      const own = message === undefined ? undefined : (eventsOfMessage.get(message) ?? []);
      if (own && message !== undefined) {
        if (own.length === 0) set(eventsOfMessage, message, own);
        own.push(event);
      }
      undo.push(() => {
        events.pop();
        own?.pop();
      });
    },
    setMeta: (key, value) => set(meta, key, value),
    putShelved: (record) => set(shelved, `${record.shelf} ${record.id}`, record),
    deliveryByHandle: (handle) => deliveries.get(keyOfHandle.get(handle) ?? ""),
    deliveriesOf: (message) => [...(keysOfMessage.get(message) ?? [])].flatMap((key) => deliveries.get(key) ?? []),
    eventsOf: (message) => eventsOfMessage.get(message) ?? [],
  };
}
