import { describe, expect, test } from "bun:test";
import type { MessageStore, Tx } from "../../src/core/ports.ts";
import {
  approvalRecord,
  askRecord,
  deliveryRecord,
  messageId,
  messageRecord,
  peerId,
  peerRecord,
  scheduleRecord,
} from "../support/records.ts";
import { STORES } from "./stores.ts";

/** One of each thing that can be written. */
function writeAll(tx: Tx, n: number): string {
  tx.peers.put(peerRecord(n, { seat: tx.peers.nextSeat() }));
  tx.messages.insert(messageRecord(n));
  tx.deliveries.put(deliveryRecord(n, { seq: tx.deliveries.nextSeq() }));
  tx.asks.put(askRecord(n));
  tx.approvals.put(approvalRecord(n));
  tx.shelves.schedule.put(`later${n}`, scheduleRecord(n));
  tx.events.append({ type: "message.accepted", message: messageId(n), data: {} }, n);
  tx.meta.set("writer", `${n}`);
  return `wrote ${n}`;
}

/** Everything that the store says about itself. */
function contents(tx: Tx) {
  return {
    peers: tx.peers.all(),
    messages: [1, 2, 3].map((n) => tx.messages.get(messageId(n))),
    last: tx.messages.last()?.id,
    deliveries: tx.deliveries.allInStates(["queued"]),
    asks: tx.asks.openFrom(peerId(1)),
    approvals: tx.approvals.all(10),
    schedules: tx.shelves.schedule.all(),
    events: tx.events.after(0, 100),
    lastEvent: tx.events.last(),
    writer: tx.meta.get("writer"),
  };
}

function attempt(body: () => unknown): unknown {
  try {
    body();
    return undefined;
  } catch (error) {
    return error;
  }
}

class Refusal extends Error {}

describe.each(STORES)("MessageStore transactions: %s", (_name, open) => {
  const whole = (store: MessageStore) => store.read(contents);

  test("returns what its body returned, and later reads see what it wrote", () => {
    using opened = open();
    expect(opened.store.transaction((tx) => writeAll(tx, 1))).toBe("wrote 1");
    expect(whole(opened.store)).toMatchObject({ lastEvent: 1, writer: "1", last: messageId(1) });
  });

  test("reads inside a transaction see the writes before them", () => {
    using opened = open();
    opened.store.transaction((tx) => {
      writeAll(tx, 1);
      expect(contents(tx).peers).toHaveLength(1);
      tx.peers.remove(peerId(1));
      expect(contents(tx).peers).toHaveLength(0);
    });
  });

  test("a transaction that throws leaves nothing behind and throws that very error on", () => {
    using opened = open();
    opened.store.transaction((tx) => writeAll(tx, 1));
    const before = whole(opened.store);
    const refusal = new Refusal("no");
    const thrown = attempt(() =>
      opened.store.transaction((tx) => {
        writeAll(tx, 2);
        tx.peers.put(peerRecord(1, { name: "renamed" }));
        tx.deliveries.put(deliveryRecord(1, { state: "seen" }));
        tx.asks.put(askRecord(1, { state: "answered" }));
        tx.approvals.put(approvalRecord(1, { state: "denied" }));
        tx.shelves.schedule.put("later1", scheduleRecord(1, { sent: 9 }));
        tx.purge(10_000);
        throw refusal;
      }),
    );
    expect(thrown).toBe(refusal);
    expect(whole(opened.store)).toEqual(before);
  });

  test("numbers drawn by a transaction that failed are drawn again", () => {
    using opened = open();
    const draw = (tx: Tx) => [
      tx.peers.nextSeat(),
      tx.deliveries.nextSeq(),
      tx.events.append({ type: "daemon.started", data: {} }, 0).seq,
    ];
    expect(opened.store.transaction(draw)).toEqual([1, 1, 1]);
    attempt(() =>
      opened.store.transaction((tx) => {
        draw(tx);
        throw new Refusal();
      }),
    );
    expect(opened.store.transaction(draw)).toEqual([2, 2, 2]);
  });

  test("what is outside the store is undone backwards, once, and only on failure", () => {
    using opened = open();
    const undone: string[] = [];
    attempt(() =>
      opened.store.transaction((tx) => {
        tx.onRollback(() => undone.push("first"));
        tx.onRollback(() => undone.push("second"));
        throw new Refusal();
      }),
    );
    expect(undone).toEqual(["second", "first"]);

    opened.store.transaction((tx) => tx.onRollback(() => undone.push("never")));
    attempt(() =>
      opened.store.transaction(() => {
        throw new Refusal();
      }),
    );
    expect(undone).toEqual(["second", "first"]);
  });

  test("a part that fails is undone alone; what came before and after it commits", () => {
    using opened = open();
    const undone: string[] = [];
    const refusal = new Refusal();
    opened.store.transaction((tx) => {
      writeAll(tx, 1);
      tx.onRollback(() => undone.push("whole"));
      const thrown = attempt(() =>
        tx.isolated(() => {
          writeAll(tx, 2);
          tx.onRollback(() => undone.push("part"));
          throw refusal;
        }),
      );
      expect(thrown).toBe(refusal);
      expect(undone).toEqual(["part"]);
      expect(tx.isolated(() => writeAll(tx, 3))).toBe("wrote 3");
    });
    const after = whole(opened.store);
    expect(undone).toEqual(["part"]);
    expect(after.messages.map((message) => message?.id)).toEqual([messageId(1), undefined, messageId(3)]);
    expect(after.peers.map((peer) => peer.seat)).toEqual([1, 2]);
    expect(after.events.map((event) => [event.seq, event.message])).toEqual([
      [1, messageId(1)],
      [2, messageId(3)],
    ]);
    expect(after.deliveries.map((delivery) => delivery.seq)).toEqual([1, 2]);
    expect(after.writer).toBe("3");
  });

  test("parts nest: a failing inner part leaves the outer one, a failing outer part takes the inner one along", () => {
    using opened = open();
    const undone: string[] = [];
    opened.store.transaction((tx) => {
      tx.isolated(() => {
        tx.meta.set("outer", "kept");
        attempt(() =>
          tx.isolated(() => {
            tx.meta.set("outer", "inner");
            tx.onRollback(() => undone.push("inner"));
            throw new Refusal();
          }),
        );
      });
      attempt(() =>
        tx.isolated(() => {
          tx.isolated(() => {
            tx.meta.set("taken", "along");
            tx.onRollback(() => undone.push("released"));
          });
          throw new Refusal();
        }),
      );
    });
    expect(opened.store.read((tx) => tx.meta.get("outer"))).toBe("kept");
    expect(opened.store.read((tx) => tx.meta.get("taken"))).toBeUndefined();
    expect(undone).toEqual(["inner", "released"]);
  });

  test("when the whole fails, parts that had succeeded are undone too", () => {
    using opened = open();
    const undone: string[] = [];
    attempt(() =>
      opened.store.transaction((tx) => {
        tx.isolated(() => {
          tx.meta.set("part", "done");
          tx.onRollback(() => undone.push("part"));
        });
        throw new Refusal();
      }),
    );
    expect(opened.store.read((tx) => tx.meta.get("part"))).toBeUndefined();
    expect(undone).toEqual(["part"]);
  });

  test("a store goes on after a transaction that failed", () => {
    using opened = open();
    attempt(() =>
      opened.store.transaction((tx) => {
        tx.messages.insert(messageRecord(1));
        tx.messages.insert(messageRecord(1));
      }),
    );
    opened.store.transaction((tx) => writeAll(tx, 1));
    expect(whole(opened.store).last).toBe(messageId(1));
  });

  test("every store has a name of its own for its cursors", () => {
    using opened = open();
    expect(opened.store.epoch).toBeString();
    expect(opened.store.epoch).not.toBe("");
    expect(opened.store.epoch).toBe(opened.store.epoch);
  });
});
