import { describe, expect, test } from "bun:test";
import type { Tx } from "../../src/core/ports.ts";
import {
  approvalRecord,
  askRecord,
  deliveryRecord,
  messageId,
  messageRecord,
  peerId,
  peerRecord,
} from "../support/records.ts";
import { STORES } from "./stores.ts";

const OLD = 100;
const BEFORE = 1_000;

/** A closed, old message with its delivery; its sender has no seat. */
function oldMessage(tx: Tx, n: number, delivery: Parameters<typeof deliveryRecord>[1] = { state: "seen" }): void {
  tx.messages.insert(messageRecord(n, { created_at: OLD, from: peerId(99) }));
  tx.deliveries.put(deliveryRecord(n, delivery));
}

describe.each(STORES)("MessageStore purge: %s", (_name, open) => {
  /** Fills a store, purges it and returns what was said to be gone together with a way to look. */
  function purge<T>(fill: (tx: Tx) => void, look: (tx: Tx) => T, before = BEFORE) {
    using opened = open();
    opened.store.transaction(fill);
    const gone = opened.store.transaction((tx) => tx.purge(before));
    return { gone, left: opened.store.read(look) };
  }
  const messagesLeft = (tx: Tx) => [1, 2, 3, 4, 5].filter((n) => tx.messages.get(messageId(n)));

  test("removes an old, closed message with its delivery, ask and approval", () => {
    const { gone, left } = purge(
      (tx) => {
        oldMessage(tx, 1);
        tx.asks.put(askRecord(1, { state: "answered" }));
        oldMessage(tx, 2, { state: "cancelled", kind: "permission" });
        tx.approvals.put(approvalRecord(2, { state: "denied" }));
      },
      (tx) => [
        tx.messages.get(messageId(1)),
        tx.deliveries.get(messageId(1), peerId(2)),
        tx.asks.get(messageId(1)),
        tx.approvals.get(messageId(2)),
      ],
    );
    expect(gone).toEqual({ messages: 2, events: 0, peers: 0 });
    expect(left).toEqual([undefined, undefined, undefined, undefined]);
  });

  test("keeps what is not older than the limit", () => {
    const { gone, left } = purge((tx) => {
      tx.messages.insert(messageRecord(1, { created_at: BEFORE }));
      tx.messages.insert(messageRecord(2, { created_at: BEFORE - 1 }));
    }, messagesLeft);
    expect(gone.messages).toBe(1);
    expect(left).toEqual([1]);
  });

  test("keeps old mail that somebody has not had yet", () => {
    const { left } = purge((tx) => {
      oldMessage(tx, 1, { state: "queued" });
      oldMessage(tx, 2, { state: "leased" });
      oldMessage(tx, 3, { state: "presented" });
      oldMessage(tx, 4, { state: "held" });
      oldMessage(tx, 5, { state: "expired" });
    }, messagesLeft);
    expect(left).toEqual([1, 2, 3, 4]);
  });

  test("keeps a broadcast that one of its recipients has not had yet", () => {
    const { left } = purge((tx) => {
      oldMessage(tx, 1);
      tx.deliveries.put(deliveryRecord(2, { message: messageId(1), peer: peerId(3) }));
    }, messagesLeft);
    expect(left).toEqual([1]);
  });

  test("keeps old questions that are open and permission requests that are pending", () => {
    const { left } = purge((tx) => {
      oldMessage(tx, 1, { kind: "ask", state: "seen" });
      tx.asks.put(askRecord(1));
      oldMessage(tx, 2, { kind: "permission", state: "seen" });
      tx.approvals.put(approvalRecord(2));
    }, messagesLeft);
    expect(left).toEqual([1, 2]);
  });

  test("removes an old question that is closed, though no receipt ever came for it", () => {
    const { gone, left } = purge((tx) => {
      oldMessage(tx, 1, { kind: "ask", state: "presented" });
      tx.asks.put(askRecord(1, { state: "failed" }));
    }, messagesLeft);
    expect(gone.messages).toBe(1);
    expect(left).toEqual([]);
  });

  test("removes old events, but not those of messages that stay", () => {
    const { gone, left } = purge(
      (tx) => {
        oldMessage(tx, 1);
        oldMessage(tx, 2, { state: "queued" });
        tx.events.append({ type: "message.accepted", message: messageId(1), data: {} }, OLD);
        tx.events.append({ type: "message.accepted", message: messageId(2), data: {} }, OLD);
        tx.events.append({ type: "daemon.started", data: {} }, OLD);
        tx.events.append({ type: "daemon.stopped", data: {} }, BEFORE);
      },
      (tx) => tx.events.after(0, 10).map((event) => event.seq),
    );
    expect(gone).toEqual({ messages: 1, events: 2, peers: 0 });
    expect(left).toEqual([2, 4]);
  });

  test("never gives the number of a removed event to another", () => {
    const { left } = purge(
      (tx) => void tx.events.append({ type: "daemon.started", data: {} }, OLD),
      (tx) => tx.events.last(),
    );
    expect(left).toBe(1);
  });

  test("removes empty seats that were left long ago, and nobody else", () => {
    const offline = { state: "offline", since: OLD } as const;
    const { gone, left } = purge(
      (tx) => {
        tx.peers.put(peerRecord(1, { presence: offline, last_seen_at: OLD }));
        tx.peers.put(peerRecord(2, { presence: offline, last_seen_at: BEFORE }));
        tx.peers.put(peerRecord(3, { last_seen_at: OLD }));
        tx.peers.put(peerRecord(4, { presence: offline, last_seen_at: OLD, role: "human" }));
        tx.peers.put(peerRecord(5, { presence: offline, last_seen_at: OLD }));
        tx.messages.insert(messageRecord(1, { from: peerId(5), created_at: BEFORE }));
        tx.peers.put(peerRecord(6, { presence: offline, last_seen_at: OLD }));
        oldMessage(tx, 2, { peer: peerId(6), state: "queued" });
        tx.peers.put(peerRecord(7, { presence: offline, last_seen_at: OLD }));
        oldMessage(tx, 3, { peer: peerId(7), state: "seen" });
      },
      (tx) => tx.peers.all().map((peer) => peer.seat),
    );
    expect(gone).toEqual({ messages: 1, events: 0, peers: 2 });
    expect(left).toEqual([2, 3, 4, 5, 6]);
  });
});
