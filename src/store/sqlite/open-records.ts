import type { AskRecord, DeliveryRecord } from "../../core/ports.ts";
import { type MessageId, OPEN_DELIVERY_STATES, type OpenDeliveryState, type PeerId } from "../../protocol/index.ts";
import type { UndoLog } from "../undo.ts";

/**
 * What is open: deliveries on their way and unanswered asks. It is little, and looked at with every decision, so it is held in
 * memory beside its tables, which then need no index for it. Records are frozen: they are handed out to many.
 */
export interface OpenRecords {
  putDelivery(delivery: DeliveryRecord): void;
  delivery(message: MessageId, peer: PeerId): DeliveryRecord | undefined;
  byHandle(handle: string): DeliveryRecord | undefined;
  /** Of one peer, in acceptance order. */
  deliveriesOf(peer: PeerId, states: readonly OpenDeliveryState[]): DeliveryRecord[];
  countOf(peer: PeerId, states: readonly OpenDeliveryState[]): number;
  /** Of all peers, in acceptance order. */
  deliveries(states: readonly OpenDeliveryState[]): DeliveryRecord[];
  putAsk(ask: AskRecord): void;
  ask(message: MessageId): AskRecord | undefined;
  asksTo(askee: PeerId): AskRecord[];
  asksFrom(asker: PeerId): AskRecord[];
  asks(): AskRecord[];
}

/** Records in groups, each under its key: what a database would call an index. */
interface Groups<Item> {
  set(group: string, key: string, item: Item): void;
  remove(group: string, key: string): void;
  of(group: string): Item[];
  count(group: string): number;
}

function groups<Item>(): Groups<Item> {
  const all = new Map<string, Map<string, Item>>();
  return {
    set(group, key, item) {
      const own = all.get(group) ?? new Map<string, Item>();
      all.set(group, own.set(key, item));
    },
    remove(group, key) {
      const own = all.get(group);
      own?.delete(key);
      if (own?.size === 0) all.delete(group);
    },
    of: (group) => [...(all.get(group)?.values() ?? [])],
    count: (group) => all.get(group)?.size ?? 0,
  };
}

export const isOpenDelivery = (delivery: DeliveryRecord): boolean =>
  OPEN_DELIVERY_STATES.some((state) => state === delivery.state);
const bySeq = (a: DeliveryRecord, b: DeliveryRecord) => a.seq - b.seq;
const byOpening = (a: AskRecord, b: AskRecord) => a.opened_at - b.opened_at || (a.message < b.message ? -1 : 1);

export function openRecords(
  undo: UndoLog,
  stored: { deliveries: readonly DeliveryRecord[]; asks: readonly AskRecord[] },
): OpenRecords {
  const deliveries = new Map<string, DeliveryRecord>();
  const byPeerAndState = groups<DeliveryRecord>();
  const byState = groups<DeliveryRecord>();
  const keyOfHandle = new Map<string, string>();
  const asks = new Map<MessageId, AskRecord>();
  const byAskee = groups<AskRecord>();
  const byAsker = groups<AskRecord>();
  const keyOf = (message: MessageId, peer: PeerId) => `${message} ${peer}`;
  const groupOf = (peer: PeerId, state: string) => `${peer} ${state}`;

  function setDelivery(key: string, delivery: DeliveryRecord | undefined): void {
    const before = deliveries.get(key);
    if (before) {
      deliveries.delete(key);
      keyOfHandle.delete(before.handle);
      byPeerAndState.remove(groupOf(before.peer, before.state), key);
      byState.remove(before.state, key);
    }
    if (delivery) {
      deliveries.set(key, delivery);
      keyOfHandle.set(delivery.handle, key);
      byPeerAndState.set(groupOf(delivery.peer, delivery.state), key, delivery);
      byState.set(delivery.state, key, delivery);
    }
  }

  function setAsk(message: MessageId, ask: AskRecord | undefined): void {
    const before = asks.get(message);
    if (before) {
      asks.delete(message);
      byAskee.remove(before.askee, message);
      byAsker.remove(before.asker, message);
    }
    if (ask) {
      asks.set(message, ask);
      byAskee.set(ask.askee, message, ask);
      byAsker.set(ask.asker, message, ask);
    }
  }

  for (const delivery of stored.deliveries) setDelivery(keyOf(delivery.message, delivery.peer), delivery);
  for (const ask of stored.asks) setAsk(ask.message, ask);

  return {
    putDelivery(delivery) {
      const key = keyOf(delivery.message, delivery.peer);
      const before = deliveries.get(key);
      setDelivery(key, isOpenDelivery(delivery) ? delivery : undefined);
      undo.push(() => setDelivery(key, before));
    },
    delivery: (message, peer) => deliveries.get(keyOf(message, peer)),
    byHandle: (handle) => deliveries.get(keyOfHandle.get(handle) ?? ""),
    deliveriesOf: (peer, states) => states.flatMap((state) => byPeerAndState.of(groupOf(peer, state))).sort(bySeq),
    countOf: (peer, states) => states.reduce((sum, state) => sum + byPeerAndState.count(groupOf(peer, state)), 0),
    deliveries: (states) => states.flatMap((state) => byState.of(state)).sort(bySeq),
    putAsk(ask) {
      const before = asks.get(ask.message);
      setAsk(ask.message, ask.state === "open" ? ask : undefined);
      undo.push(() => setAsk(ask.message, before));
    },
    ask: (message) => asks.get(message),
    asksTo: (askee) => byAskee.of(askee).sort(byOpening),
    asksFrom: (asker) => byAsker.of(asker).sort(byOpening),
    asks: () => [...asks.values()].sort(byOpening),
  };
}
