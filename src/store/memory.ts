import {
  type ApprovalRecord,
  type AskRecord,
  type DeliveryRecord,
  type MessageStore,
  type PeerRecord,
  type Shelf,
  StorageError,
  type Tx,
} from "../core/ports.ts";
import { fitsSearch } from "../core/text-search.ts";
import {
  type DeliveryState,
  type MeshEvent,
  type Message,
  type MessageId,
  OPEN_DELIVERY_STATES,
  type PeerId,
} from "../protocol/index.ts";
import { fitsFacts, recipientsOf } from "./find.ts";
import { deepFreeze } from "./freeze.ts";
import { shelvesOf } from "./shelves.ts";
import { createUndoLog } from "./undo.ts";

/** The store without a disk: for tests and simulations, held to the same suite as the real one. */
export function memoryStore(options: { epoch?: string } = {}): MessageStore {
  const undo = createUndoLog();
  const peers = new Map<PeerId, PeerRecord>();
  const messages = new Map<MessageId, Message>();
  const places = new Map<MessageId, number>();
  const deliveries = new Map<string, DeliveryRecord>();
  const asks = new Map<MessageId, AskRecord>();
  const approvals = new Map<MessageId, ApprovalRecord>();
  const meta = new Map<string, string>();
  let events: MeshEvent[] = [];
  const counters = { seat: 0, message: 0, delivery: 0, event: 0 };

  /** Sets or removes an entry, remembering what was there. Values are copied once and frozen, so that a snapshot never changes underneath its holder. */
  function put<K, V>(map: Map<K, V>, key: K, value: V | undefined): void {
    const before = map.get(key);
    if (value === undefined) map.delete(key);
    else map.set(key, frozen(value));
    undo.push(() => {
      if (before === undefined) map.delete(key);
      else map.set(key, before);
    });
  }

  const frozen = <T>(value: T): T =>
    typeof value === "object" && value !== null ? deepFreeze(structuredClone(value)) : value;

  function next(counter: keyof typeof counters): number {
    const before = counters[counter];
    counters[counter] = before + 1;
    undo.push(() => {
      counters[counter] = before;
    });
    return counters[counter];
  }

  const deliveryKey = (message: MessageId, peer: PeerId) => `${message} ${peer}`;
  const isOpen = (delivery: DeliveryRecord) =>
    (OPEN_DELIVERY_STATES as readonly DeliveryState[]).includes(delivery.state);
  const isIn = (states: readonly DeliveryState[], delivery: DeliveryRecord) => states.includes(delivery.state);
  const bySeq = (a: DeliveryRecord, b: DeliveryRecord) => a.seq - b.seq;
  const selectDeliveries = (fits: (delivery: DeliveryRecord) => boolean) =>
    [...deliveries.values()].filter(fits).sort(bySeq);
  // Ids order what happened in one instant, as they do in the database's indexes.
  const byId = (a: { message: MessageId }, b: { message: MessageId }) =>
    a.message < b.message ? -1 : a.message > b.message ? 1 : 0;
  const selectAsks = (fits: (ask: AskRecord) => boolean) =>
    [...asks.values()].filter(fits).sort((a, b) => a.opened_at - b.opened_at || byId(a, b));
  const selectApprovals = (fits: (approval: ApprovalRecord) => boolean) =>
    [...approvals.values()].filter(fits).sort((a, b) => a.requested_at - b.requested_at || byId(a, b));

  /** A record that is put again keeps its place among the others, as in the database. */
  function shelf<T>(): Shelf<T> {
    const records = new Map<string, T>();
    return {
      get: (id) => records.get(id),
      all: () => [...records.values()],
      put: (id, value) => put(records, id, value),
      remove(id) {
        // A removal that is undone puts the record back at its place.
        const before = [...records];
        if (!records.delete(id)) return;
        undo.push(() => {
          records.clear();
          for (const [key, value] of before) records.set(key, value);
        });
      },
    };
  }

  const tx: Tx = {
    shelves: shelvesOf(shelf),
    peers: {
      get: (id) => peers.get(id),
      all: () => [...peers.values()].sort((a, b) => a.seat - b.seat),
      put: (peer) => put(peers, peer.id, peer),
      remove: (id) => put(peers, id, undefined),
      nextSeat: () => next("seat"),
    },
    messages: {
      get: (id) => messages.get(id),
      insert(message) {
        if (messages.has(message.id)) throw new StorageError("failed", `message ${message.id} is stored already`);
        put(messages, message.id, message);
        put(places, message.id, next("message"));
      },
      last: () =>
        [...messages.values()]
          .filter((message) => message.kind !== "permission" && message.in_reply_to === undefined)
          .at(-1),
      ofThread: (thread) => [...messages.values()].filter((message) => message.thread === thread),
      find(query) {
        const before = query.before ?? Number.MAX_SAFE_INTEGER;
        const fitting = [...messages.values()]
          .map((message) => ({ place: places.get(message.id) ?? 0, message }))
          .filter(
            ({ place, message }) =>
              place < before &&
              fitsFacts(query, message, () =>
                recipientsOf(
                  message,
                  selectDeliveries((delivery) => delivery.message === message.id).map((delivery) => delivery.peer),
                ),
              ) &&
              fitsSearch(message.body, query.terms),
          )
          .reverse();
        const found = fitting.slice(0, query.limit);
        return { found, next: fitting.length > query.limit ? found.at(-1)?.place : undefined };
      },
    },
    deliveries: {
      get: (message, peer) => deliveries.get(deliveryKey(message, peer)),
      ofMessage: (message) => selectDeliveries((delivery) => delivery.message === message),
      byHandle: (handle) => selectDeliveries((delivery) => delivery.handle === handle)[0],
      isHandleTaken: (handle) => tx.deliveries.byHandle(handle) !== undefined,
      inStates: (peer, states) => selectDeliveries((delivery) => delivery.peer === peer && isIn(states, delivery)),
      allInStates: (states) => selectDeliveries((delivery) => isIn(states, delivery)),
      count: (peer, states) => selectDeliveries((delivery) => delivery.peer === peer && isIn(states, delivery)).length,
      due: (awake, limit) =>
        selectDeliveries(
          (delivery) =>
            delivery.kind !== "ask" &&
            isOpen(delivery) &&
            (delivery.expires_awake_ms ?? Number.POSITIVE_INFINITY) <= awake,
        ).slice(0, limit),
      put: (delivery) => put(deliveries, deliveryKey(delivery.message, delivery.peer), delivery),
      nextSeq: () => next("delivery"),
    },
    asks: {
      get: (message) => asks.get(message),
      openTo: (askee) => selectAsks((ask) => ask.state === "open" && ask.askee === askee),
      openFrom: (asker) => selectAsks((ask) => ask.state === "open" && ask.asker === asker),
      due: (awake, limit) =>
        selectAsks((ask) => ask.state === "open" && ask.expires_awake_ms <= awake)
          .sort((a, b) => a.expires_awake_ms - b.expires_awake_ms || byId(a, b))
          .slice(0, limit),
      put: (ask) => put(asks, ask.message, ask),
    },
    approvals: {
      get: (message) => approvals.get(message),
      byHandle: (handle) => selectApprovals((approval) => approval.handle === handle)[0],
      pending: (peer) =>
        selectApprovals((approval) => approval.state === "pending" && (peer === undefined || approval.peer === peer)),
      all: (limit) =>
        selectApprovals(() => true)
          .reverse()
          .slice(0, limit),
      put: (approval) => put(approvals, approval.message, approval),
    },
    events: {
      append(event, at) {
        const stored: MeshEvent = frozen({ ...event, seq: next("event"), at });
        events.push(stored);
        undo.push(() => void events.pop());
        return stored;
      },
      after: (seq, limit) => events.filter((event) => event.seq > seq).slice(0, limit),
      ofMessages: (ids) => events.filter((event) => event.message !== undefined && ids.includes(event.message)),
      last: () => counters.event,
    },
    meta: { get: (key) => meta.get(key), set: (key, value) => put(meta, key, value) },
    purge(before) {
      const gone = { messages: 0, events: 0, peers: 0 };
      for (const message of [...messages.values()]) {
        const own = [...deliveries.values()].filter((delivery) => delivery.message === message.id);
        if (
          message.created_at >= before ||
          // A question is over with its ask, whatever became of its delivery: not every runtime gives receipts.
          own.some((delivery) => delivery.kind !== "ask" && isOpen(delivery)) ||
          asks.get(message.id)?.state === "open" ||
          approvals.get(message.id)?.state === "pending"
        )
          continue;
        put(messages, message.id, undefined);
        put(places, message.id, undefined);
        put(asks, message.id, undefined);
        put(approvals, message.id, undefined);
        for (const delivery of own) put(deliveries, deliveryKey(delivery.message, delivery.peer), undefined);
        gone.messages++;
      }
      const kept = events.filter(
        (event) => event.at >= before || (event.message !== undefined && messages.has(event.message)),
      );
      const all = events;
      gone.events = all.length - kept.length;
      events = kept;
      undo.push(() => {
        events = all;
      });
      for (const peer of [...peers.values()]) {
        const isUsed =
          [...messages.values()].some((message) => message.from === peer.id) ||
          [...deliveries.values()].some((delivery) => delivery.peer === peer.id);
        if (peer.role === "human" || peer.presence.state !== "offline" || peer.last_seen_at >= before || isUsed)
          continue;
        put(peers, peer.id, undefined);
        gone.peers++;
      }
      return gone;
    },
    isolated(body) {
      const mark = undo.mark();
      try {
        return body();
      } catch (error) {
        undo.rollbackTo(mark);
        throw error;
      }
    },
    onRollback: (step) => undo.push(step),
  };

  return {
    epoch: options.epoch ?? "memory",
    transaction(body) {
      try {
        const value = body(tx);
        undo.clear();
        return value;
      } catch (error) {
        undo.rollbackTo(0);
        throw error;
      }
    },
    read: (body) => body(tx),
    close: () => undo.clear(),
  };
}
