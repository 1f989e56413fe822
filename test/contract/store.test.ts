import { describe, expect, test } from "bun:test";
import type { Tx } from "../../src/core/ports.ts";
import { StorageError } from "../../src/core/ports.ts";
import { countedHandle } from "../support/counted-ids.ts";
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

describe.each(STORES)("MessageStore records: %s", (_name, open) => {
  /** Runs each step in a transaction of its own, so that what is read was committed. */
  function withStore(body: (run: <T>(step: (tx: Tx) => T) => T) => void): void {
    using opened = open();
    body((step) => opened.store.transaction(step));
  }

  describe("peers", () => {
    test("returns a peer as it was put, and nothing for an unknown id", () =>
      withStore((run) => {
        const peer = peerRecord(1, { path: "/work/ü", proofs: { push: { by: "hook", at: 5, latency_ms: 1.5 } } });
        run((tx) => tx.peers.put(peer));
        expect(run((tx) => tx.peers.get(peer.id))).toEqual(peer);
        expect(run((tx) => tx.peers.get(peerId(9)))).toBeUndefined();
      }));

    test("a second put replaces the first", () =>
      withStore((run) => {
        run((tx) => tx.peers.put(peerRecord(1, { description: "old" })));
        run((tx) => tx.peers.put(peerRecord(1, { name: "new" })));
        expect(run((tx) => tx.peers.all())).toEqual([peerRecord(1, { name: "new" })]);
      }));

    test("lists peers in the order of their seats", () =>
      withStore((run) => {
        for (const n of [3, 1, 2]) run((tx) => tx.peers.put(peerRecord(n)));
        run((tx) => tx.peers.put(peerRecord(1, { name: "renamed" })));
        expect(run((tx) => tx.peers.all().map((peer) => peer.seat))).toEqual([1, 2, 3]);
      }));

    test("keeps the order of seats when a removal is rolled back", () =>
      withStore((run) => {
        for (const n of [1, 2, 3]) run((tx) => tx.peers.put(peerRecord(n)));
        expect(() =>
          run((tx) => {
            tx.peers.remove(peerId(1));
            throw new Error("no");
          }),
        ).toThrow("no");
        expect(run((tx) => tx.peers.all().map((peer) => peer.seat))).toEqual([1, 2, 3]);
      }));

    test("a removed peer is gone", () =>
      withStore((run) => {
        run((tx) => tx.peers.put(peerRecord(1)));
        run((tx) => tx.peers.remove(peerId(1)));
        expect(run((tx) => tx.peers.get(peerId(1)))).toBeUndefined();
        expect(run((tx) => tx.peers.all())).toEqual([]);
      }));

    test("numbers seats upwards from one", () =>
      withStore((run) => {
        expect(run((tx) => [tx.peers.nextSeat(), tx.peers.nextSeat()])).toEqual([1, 2]);
        expect(run((tx) => tx.peers.nextSeat())).toBe(3);
      }));
  });

  describe("shelves", () => {
    const pause = (id: string, reason = "too many") => ({
      id,
      scope: "pair" as const,
      peers: [peerId(1), peerId(2)],
      circle: "default",
      reason,
      paused_at: 5,
    });

    test("keep what was put by its id, in the order in which it came first, until it is removed", () =>
      withStore((run) => {
        for (const id of ["b", "a", "c"]) run((tx) => tx.shelves.pause.put(id, pause(id)));
        run((tx) => tx.shelves.pause.put("b", pause("b", "again")));
        run((tx) => tx.shelves.pause.remove("a"));
        expect(run((tx) => tx.shelves.pause.all())).toEqual([pause("b", "again"), pause("c")]);
        expect(run((tx) => [tx.shelves.pause.get("c"), tx.shelves.pause.get("a")])).toEqual([pause("c"), undefined]);
      }));

    test("are as they were when the transaction fails, order included", () =>
      withStore((run) => {
        for (const id of ["b", "a"]) run((tx) => tx.shelves.pause.put(id, pause(id)));
        expect(() =>
          run((tx) => {
            tx.shelves.pause.remove("b");
            tx.shelves.pause.put("a", pause("a", "changed"));
            tx.shelves.pause.put("c", pause("c"));
            throw new Error("no");
          }),
        ).toThrow("no");
        expect(run((tx) => tx.shelves.pause.all())).toEqual([pause("b"), pause("a")]);
      }));

    test("hand out what cannot be changed", () =>
      withStore((run) => {
        run((tx) => tx.shelves.pause.put("a", pause("a")));
        const held = run((tx) => tx.shelves.pause.get("a"));
        expect(() => held?.peers.push(peerId(3))).toThrow(TypeError);
      }));
  });

  describe("messages", () => {
    test("returns a message whole, whatever its body holds", () =>
      withStore((run) => {
        const body = `"quotes" \\ \u0000 nul, ünïcödé 🦊, ${"x".repeat(20_000)}`;
        const message = messageRecord(1, {
          body,
          checkout: { commit: "a1b2c3d", dirty: 2 },
          in_reply_to: messageId(7),
        });
        run((tx) => tx.messages.insert(message));
        expect(run((tx) => tx.messages.get(message.id))).toEqual(message);
        expect(run((tx) => tx.messages.get(messageId(2)))).toBeUndefined();
      }));

    test("refuses a second message with the same id and keeps the first", () =>
      withStore((run) => {
        run((tx) => tx.messages.insert(messageRecord(1, { body: "first" })));
        expect(() => run((tx) => tx.messages.insert(messageRecord(1, { body: "second" })))).toThrow(StorageError);
        expect(run((tx) => tx.messages.get(messageId(1))?.body)).toBe("first");
      }));

    test("the last message is the newest that neither answers another nor asks for permission", () =>
      withStore((run) => {
        expect(run((tx) => tx.messages.last())).toBeUndefined();
        run((tx) => tx.messages.insert(messageRecord(5)));
        run((tx) => tx.messages.insert(messageRecord(2, { created_at: 1 })));
        run((tx) => tx.messages.insert(messageRecord(8, { kind: "permission" })));
        run((tx) => tx.messages.insert(messageRecord(9, { kind: "answer", in_reply_to: messageId(2) })));
        expect(run((tx) => tx.messages.last()?.id)).toBe(messageId(2));
      }));

    test("lists a thread in acceptance order", () =>
      withStore((run) => {
        run((tx) => tx.messages.insert(messageRecord(4)));
        run((tx) => tx.messages.insert(messageRecord(2, { thread: messageId(4) })));
        run((tx) => tx.messages.insert(messageRecord(3)));
        run((tx) => tx.messages.insert(messageRecord(1, { thread: messageId(4) })));
        const ids = run((tx) => tx.messages.ofThread(messageId(4)).map((message) => message.id));
        expect(ids).toEqual([messageId(4), messageId(2), messageId(1)]);
      }));
  });

  describe("deliveries", () => {
    test("returns a delivery by message and peer, and by handle", () =>
      withStore((run) => {
        const delivery = deliveryRecord(1, { dead_rungs: ["channel"], presented_awake: 12.5, expires_awake_ms: 0.5 });
        run((tx) => tx.deliveries.put(delivery));
        expect(run((tx) => tx.deliveries.get(messageId(1), peerId(2)))).toEqual(delivery);
        expect(run((tx) => tx.deliveries.byHandle(countedHandle(1)))).toEqual(delivery);
        expect(run((tx) => tx.deliveries.get(messageId(1), peerId(3)))).toBeUndefined();
        expect(run((tx) => tx.deliveries.byHandle("zzzzz"))).toBeUndefined();
      }));

    test("lists the deliveries of a message, of a peer and of all, in acceptance order", () =>
      withStore((run) => {
        run((tx) => {
          tx.deliveries.put(deliveryRecord(3, { state: "leased" }));
          tx.deliveries.put(deliveryRecord(2, { message: messageId(1), peer: peerId(3) }));
          tx.deliveries.put(deliveryRecord(1));
          tx.deliveries.put(deliveryRecord(4, { state: "seen" }));
        });
        const seqs = (list: readonly { seq: number }[]) => list.map((delivery) => delivery.seq);
        expect(run((tx) => seqs(tx.deliveries.ofMessage(messageId(1))))).toEqual([1, 2]);
        expect(run((tx) => seqs(tx.deliveries.inStates(peerId(2), ["queued", "leased"])))).toEqual([1, 3]);
        expect(run((tx) => seqs(tx.deliveries.allInStates(["queued", "leased"])))).toEqual([1, 2, 3]);
        expect(run((tx) => tx.deliveries.count(peerId(2), ["queued", "leased"]))).toBe(2);
        expect(run((tx) => tx.deliveries.count(peerId(2), []))).toBe(0);
      }));

    test("a delivery moves between the lists with its state", () =>
      withStore((run) => {
        run((tx) => tx.deliveries.put(deliveryRecord(1)));
        run((tx) => tx.deliveries.put(deliveryRecord(1, { state: "presented", attempt: 1 })));
        expect(run((tx) => tx.deliveries.inStates(peerId(2), ["queued"]))).toEqual([]);
        expect(run((tx) => tx.deliveries.inStates(peerId(2), ["presented"]))).toMatchObject([{ attempt: 1 }]);
      }));

    test("over all peers only open deliveries are listed", () =>
      withStore((run) => {
        run((tx) => {
          tx.deliveries.put(deliveryRecord(1, { state: "seen" }));
          tx.deliveries.put(deliveryRecord(2, { state: "dead" }));
          tx.deliveries.put(deliveryRecord(3, { state: "held" }));
        });
        expect(run((tx) => tx.deliveries.allInStates(["held"]))).toMatchObject([{ seq: 3 }]);
      }));

    test("due are the open ones whose time has come, but for those of asks", () =>
      withStore((run) => {
        run((tx) => {
          tx.deliveries.put(deliveryRecord(5, { expires_awake_ms: 99 }));
          tx.deliveries.put(deliveryRecord(1, { expires_awake_ms: 100, state: "held" }));
          tx.deliveries.put(deliveryRecord(2, { expires_awake_ms: 100.5 }));
          tx.deliveries.put(deliveryRecord(3, { expires_awake_ms: 50, kind: "ask" }));
          tx.deliveries.put(deliveryRecord(4, { expires_awake_ms: 50, state: "seen" }));
          tx.deliveries.put(deliveryRecord(6, { expires_awake_ms: undefined }));
        });
        const due = (limit: number) => run((tx) => tx.deliveries.due(100, limit).map((delivery) => delivery.seq));
        expect(due(10)).toEqual([1, 5]);
        expect(due(1)).toEqual([1]);
      }));

    test("numbers acceptance upwards from one", () =>
      withStore((run) => {
        expect(run((tx) => [tx.deliveries.nextSeq(), tx.deliveries.nextSeq()])).toEqual([1, 2]);
      }));
  });

  describe("asks", () => {
    test("returns an ask by its message", () =>
      withStore((run) => {
        run((tx) => tx.asks.put(askRecord(1, { progress: "half" })));
        expect(run((tx) => tx.asks.get(messageId(1)))).toEqual(askRecord(1, { progress: "half" }));
        expect(run((tx) => tx.asks.get(messageId(2)))).toBeUndefined();
      }));

    test("lists open asks to and from a peer, oldest first, those of one instant by their ids", () =>
      withStore((run) => {
        run((tx) => {
          tx.asks.put(askRecord(3, { opened_at: 20 }));
          tx.asks.put(askRecord(4, { opened_at: 10 }));
          tx.asks.put(askRecord(2, { opened_at: 20 }));
          tx.asks.put(askRecord(5, { state: "answered" }));
          tx.asks.put(askRecord(6, { asker: peerId(2), askee: peerId(1) }));
        });
        const ids = (list: readonly { message: string }[]) => list.map((ask) => ask.message);
        const expected = [messageId(4), messageId(2), messageId(3)];
        expect(run((tx) => ids(tx.asks.openTo(peerId(2))))).toEqual(expected);
        expect(run((tx) => ids(tx.asks.openFrom(peerId(1))))).toEqual(expected);
        expect(run((tx) => ids(tx.asks.openFrom(peerId(2))))).toEqual([messageId(6)]);
      }));

    test("a closed ask leaves the open ones", () =>
      withStore((run) => {
        run((tx) => tx.asks.put(askRecord(1)));
        run((tx) => tx.asks.put(askRecord(1, { state: "declined", closed_at: 5 })));
        expect(run((tx) => tx.asks.openTo(peerId(2)))).toEqual([]);
        expect(run((tx) => tx.asks.get(messageId(1)))).toMatchObject({ state: "declined", closed_at: 5 });
      }));

    test("due are the open asks whose time has come, the longest overdue first", () =>
      withStore((run) => {
        run((tx) => {
          tx.asks.put(askRecord(1, { expires_awake_ms: 90 }));
          tx.asks.put(askRecord(2, { expires_awake_ms: 80, opened_at: 9_999 }));
          tx.asks.put(askRecord(3, { expires_awake_ms: 101 }));
          tx.asks.put(askRecord(4, { expires_awake_ms: 10, state: "failed" }));
        });
        const due = (limit: number) => run((tx) => tx.asks.due(100, limit).map((ask) => ask.message));
        expect(due(10)).toEqual([messageId(2), messageId(1)]);
        expect(due(1)).toEqual([messageId(2)]);
      }));
  });

  describe("approvals", () => {
    test("returns an approval by message and by handle", () =>
      withStore((run) => {
        run((tx) => tx.approvals.put(approvalRecord(1)));
        expect(run((tx) => tx.approvals.get(messageId(1)))).toEqual(approvalRecord(1));
        expect(run((tx) => tx.approvals.byHandle(countedHandle(1))?.message)).toBe(messageId(1));
        expect(run((tx) => tx.approvals.get(messageId(2)) ?? tx.approvals.byHandle("zzzzz"))).toBeUndefined();
      }));

    test("lists what is pending, of all or of one peer, oldest first", () =>
      withStore((run) => {
        run((tx) => {
          tx.approvals.put(approvalRecord(1, { requested_at: 30 }));
          tx.approvals.put(approvalRecord(2, { requested_at: 10, peer: peerId(3) }));
          tx.approvals.put(approvalRecord(3, { requested_at: 20 }));
          tx.approvals.put(approvalRecord(4, { state: "denied" }));
        });
        const ids = (list: readonly { message: string }[]) => list.map((approval) => approval.message);
        expect(run((tx) => ids(tx.approvals.pending()))).toEqual([messageId(2), messageId(3), messageId(1)]);
        expect(run((tx) => ids(tx.approvals.pending(peerId(2))))).toEqual([messageId(3), messageId(1)]);
      }));

    test("lists all, newest first, as many as asked for", () =>
      withStore((run) => {
        run((tx) => {
          tx.approvals.put(approvalRecord(2, { requested_at: 20, state: "allowed" }));
          tx.approvals.put(approvalRecord(1, { requested_at: 10 }));
          tx.approvals.put(approvalRecord(3, { requested_at: 20 }));
        });
        run((tx) => tx.approvals.put(approvalRecord(1, { requested_at: 10, state: "expired" })));
        const ids = (limit: number) => run((tx) => tx.approvals.all(limit).map((approval) => approval.message));
        expect(ids(10)).toEqual([messageId(3), messageId(2), messageId(1)]);
        expect(ids(1)).toEqual([messageId(3)]);
      }));
  });

  describe("events", () => {
    const accepted = (n: number) => ({ type: "message.accepted" as const, message: messageId(n), data: { n } });

    test("numbers events upwards from one and pages them after a cursor", () =>
      withStore((run) => {
        expect(run((tx) => tx.events.last())).toBe(0);
        const first = run((tx) => tx.events.append({ ...accepted(1), peer: peerId(1) }, 50));
        expect(first).toEqual({ ...accepted(1), peer: peerId(1), seq: 1, at: 50 });
        for (const n of [2, 3]) run((tx) => tx.events.append(accepted(n), 60));
        expect(run((tx) => tx.events.last())).toBe(3);
        expect(run((tx) => tx.events.after(0, 1))).toEqual([first]);
        expect(run((tx) => tx.events.after(1, 10).map((event) => event.seq))).toEqual([2, 3]);
        expect(run((tx) => tx.events.after(3, 10))).toEqual([]);
      }));

    test("lists the events of several messages in their order", () =>
      withStore((run) => {
        for (const n of [1, 2, 3, 1]) run((tx) => tx.events.append(accepted(n), 0));
        run((tx) => tx.events.append({ type: "daemon.started", data: {} }, 0));
        const seqs = (ids: string[]) => run((tx) => tx.events.ofMessages(ids).map((event) => event.seq));
        expect(seqs([messageId(2), messageId(1)])).toEqual([1, 2, 4]);
        expect(seqs([])).toEqual([]);
      }));
  });

  test("keeps facts about itself by key", () =>
    withStore((run) => {
      expect(run((tx) => tx.meta.get("awake"))).toBeUndefined();
      run((tx) => tx.meta.set("awake", "1"));
      run((tx) => tx.meta.set("awake", "2"));
      expect(run((tx) => tx.meta.get("awake"))).toBe("2");
    }));

  describe("snapshots", () => {
    /** Changing a snapshot may be refused or may be without effect; never may it change what is stored. */
    function tryTo(change: () => void): void {
      try {
        change();
      } catch (error) {
        expect(error).toBeInstanceOf(TypeError);
      }
    }

    test("changing what was put changes nothing that is stored", () =>
      withStore((run) => {
        const peer = peerRecord(1, { capabilities: [] });
        const delivery = deliveryRecord(1);
        run((tx) => {
          tx.peers.put(peer);
          tx.deliveries.put(delivery);
        });
        peer.capabilities.push("hooks");
        peer.presence.state = "offline";
        delivery.dead_rungs.push("push");
        expect(run((tx) => tx.peers.get(peerId(1)))).toEqual(peerRecord(1, { capabilities: [] }));
        expect(run((tx) => tx.deliveries.get(messageId(1), peerId(2)))).toEqual(deliveryRecord(1));
      }));

    test("changing what was handed out changes nothing that is stored", () =>
      withStore((run) => {
        run((tx) => {
          tx.peers.put(peerRecord(1));
          tx.messages.insert(messageRecord(1));
          tx.deliveries.put(deliveryRecord(1));
          tx.asks.put(askRecord(1));
          tx.approvals.put(approvalRecord(1));
        });
        run((tx) => {
          for (const peer of [tx.peers.get(peerId(1)), ...tx.peers.all()])
            tryTo(() => Object.assign(peer?.presence ?? {}, { state: "offline" }));
          tryTo(() => tx.messages.get(messageId(1))?.attachments.pop());
          tryTo(() => tx.deliveries.byHandle(countedHandle(1))?.dead_rungs.push("push"));
          tryTo(() => Object.assign(tx.asks.get(messageId(1)) ?? {}, { state: "failed" }));
          tryTo(() => tx.approvals.pending()[0]?.requests.pop());
        });
        expect(run((tx) => tx.peers.get(peerId(1)))).toEqual(peerRecord(1));
        expect(run((tx) => tx.messages.get(messageId(1)))).toEqual(messageRecord(1));
        expect(run((tx) => tx.deliveries.get(messageId(1), peerId(2)))).toEqual(deliveryRecord(1));
        expect(run((tx) => tx.asks.get(messageId(1)))).toEqual(askRecord(1));
        expect(run((tx) => tx.approvals.get(messageId(1)))).toEqual(approvalRecord(1));
      }));
  });
});
