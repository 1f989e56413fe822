import { describe, expect, test } from "bun:test";
import { type MessageQuery, parseSearch, type Tx } from "../../src/core/index.ts";
import type { Message } from "../../src/protocol/index.ts";
import type { SqliteStore } from "../../src/store/sqlite/store.ts";
import { deliveryRecord, messageId, messageRecord, peerId } from "../support/records.ts";
import { STORES } from "./stores.ts";

/** How far the durable store has come with what a search looks at: it must find the same in each state. The other store has one. */
const STATES: [string, (store: unknown) => void][] = [
  ["before the tables follow", () => {}],
  ["before the index follows", (store) => (store as Partial<SqliteStore>).settle?.()],
  ["with half of it in the index", (store) => (store as Partial<SqliteStore>).tendWords?.(3)],
  ["with all of it in the index", (store) => (store as Partial<SqliteStore>).tendWords?.(1_000)],
];

const rows = STORES.flatMap(([name, open]) =>
  STATES.filter((_, index) => name === "sqlite" || index === 0).map(([state, reach]) => ({ name, state, open, reach })),
);

/** Ten messages, 1 to 10 in acceptance order; 9 is a broadcast of peer 3 to 1 and 2. */
function fill(tx: Tx): void {
  const put = (n: number, body: string, change: Partial<Message> = {}, to = [2]) => {
    tx.messages.insert(messageRecord(n, { body, to: peerId(to[0] ?? 2), ...change }));
    to.forEach((peer, at) => {
      tx.deliveries.put(deliveryRecord(n * 10 + at, { message: messageId(n), peer: peerId(peer) }));
    });
  };
  put(1, "The router in src/core/router.ts drops held mail");
  put(2, "routes are not routers", { kind: "ask" });
  put(3, "an ask_deadline of 24 hours", { from: peerId(2), from_circle: "red", thread: messageId(2) }, [1]);
  put(4, "Mäil für Zoë: 受信箱を見る");
  put(5, 'they said "exact match" here', { created_at: 5_000 });
  put(6, "match exact the other way round", { created_at: 6_000 });
  put(7, "", { from: peerId(3), to: peerId(4) }, [4]);
  put(8, `${"x".repeat(300)} long`, { from: peerId(4), to: peerId(3) }, [3]);
  put(9, "mail for all, router", { from: peerId(3), to: "circle:default", kind: "broadcast" }, [1, 2]);
  put(10, "\u0000 nul and \ud800 half; OR NOT AND router* (near)", { created_at: 900 });
}

describe.each(rows)("MessageStore find: $name, $state", ({ open, reach }) => {
  function find(query: Partial<MessageQuery> & { text?: string }): number[] {
    using opened = open();
    opened.store.transaction(fill);
    reach(opened.store);
    const { text, ...rest } = query;
    const { found } = opened.store.read((tx) =>
      tx.messages.find({ terms: text === undefined ? [] : parseSearch(text), limit: 100, ...rest }),
    );
    return found.map(({ message }) => Number.parseInt(message.id.slice(-12), 16));
  }

  // @req find.never-missed
  test.each([
    ["one word", "drops", [1]],
    ["whatever its case, in what is not the last word", "ROUTER mail", [9, 1]],
    ["the last word as a beginning", "rout", [10, 9, 2, 1]],
    ["but not a word before it", "rout mail", []],
    ["words in any order, all of them", "match exact", [6, 5]],
    ["an exact phrase", '"exact match"', [5]],
    ["a phrase is no beginning", '"rout"', []],
    ["a quote that is not closed", '"exact mat', [6, 5]],
    ["a path as its words in a row", "core/router.ts", [1]],
    ["a part of a name with underscores", "deadline", [3]],
    ["such a name", "ask_deadline", [3]],
    ["without accents", "mail fur zoe", [4]],
    ["with accents", "MÄIL", [9, 4, 1]],
    ["a script without spaces", "信箱", [4]],
    ["the beginning of a very long word", "x".repeat(200), [8]],
    ["what would be syntax elsewhere", "router* (near) OR", [10]],
    ["more of it", "NOT", [10, 2]],
    ["a column that the index has", "words:router", []],
    ["a word of the index's own filters", "knotify", []],
  ])("%s", (_name, text, expected) => expect(find({ text })).toEqual(expected));

  test("no words: everything, the newest accepted first, whatever its clock said", () =>
    expect(find({})).toEqual([10, 9, 8, 7, 6, 5, 4, 3, 2, 1]));

  test.each<[string, Partial<MessageQuery>, number[]]>([
    ["a party, as sender or recipient", { parties: [peerId(4)] }, [8, 7]],
    ["a recipient of a broadcast", { parties: [peerId(3), peerId(1)] }, [9]],
    ["a sender", { sender: peerId(3) }, [9, 7]],
    ["a sender and a recipient", { sender: peerId(3), parties: [peerId(4)] }, [7]],
    ["a pair, in both directions", { between: [peerId(1), peerId(2)] }, [10, 6, 5, 4, 3, 2, 1]],
    ["a pair that only others wrote to", { between: [peerId(1), peerId(4)] }, []],
    ["the sender's circle", { circle: "red" }, [3]],
    ["a kind", { kind: "broadcast" }, [9]],
    ["a thread", { thread: messageId(2) }, [3, 2]],
    ["since", { since: 5_000 }, [6, 5]],
    ["until", { until: 1_000 }, [10]],
    ["a time between", { since: 1_002, until: 5_001 }, [9, 8, 7, 5, 4, 3, 2]],
    ["a time at which nothing was", { since: 7_000 }, []],
  ])("by %s", (_name, query, expected) => expect(find(query)).toEqual(expected));

  test("words and filters together", () =>
    expect(find({ text: "mail", parties: [peerId(1)], kind: "broadcast" })).toEqual([9]));

  test("page after page, without a gap and without a repeat", () => {
    using opened = open();
    opened.store.transaction(fill);
    reach(opened.store);
    const pages: number[] = [];
    let before: number | undefined;
    let calls = 0;
    do {
      const page = opened.store.read((tx) => tx.messages.find({ terms: parseSearch("mail"), limit: 1, before }));
      pages.push(...page.found.map(({ place }) => place));
      before = page.next;
      // What comes in between is newer than what is still to come.
      opened.store.transaction((tx) => tx.messages.insert(messageRecord(100 + ++calls, { body: "mail" })));
      reach(opened.store);
    } while (before !== undefined);
    expect(pages).toEqual([9, 4, 1]);
  });

  // @req private.purged
  test("what was purged is not found, and what is left and what comes after is", () => {
    using opened = open();
    opened.store.transaction(fill);
    reach(opened.store);
    opened.store.transaction((tx) => {
      for (let n = 1; n <= 10; n++)
        for (const { handle, ...delivery } of tx.deliveries.ofMessage(messageId(n)))
          tx.deliveries.put({ ...delivery, handle, state: "seen" });
    });
    const gone = opened.store.transaction((tx) => tx.purge(5_500));
    expect(gone.messages).toBe(9);
    opened.store.transaction((tx) =>
      tx.messages.insert(messageRecord(50, { body: "exact router", created_at: 7_000 })),
    );
    reach(opened.store);
    const ids = (text: string) =>
      opened.store.read((tx) =>
        tx.messages.find({ terms: parseSearch(text), limit: 100 }).found.map(({ message }) => message.id),
      );
    expect(ids("exact")).toEqual([messageId(50), messageId(6)]);
    expect(ids("router")).toEqual([messageId(50)]);
  });

  test("a message that was not committed is not found", () => {
    using opened = open();
    opened.store.transaction(fill);
    expect(() =>
      opened.store.transaction((tx) => {
        tx.messages.insert(messageRecord(60, { body: "ghost" }));
        throw new Error("no");
      }),
    ).toThrow("no");
    reach(opened.store);
    expect(opened.store.read((tx) => tx.messages.find({ terms: parseSearch("ghost"), limit: 1 }).found)).toEqual([]);
  });

  test("a purge in parts removes what one in a piece does, and ends", () => {
    const [whole, parts] = [undefined, 2].map((rowsAtOnce) => {
      using opened = open();
      opened.store.transaction((tx) => {
        fill(tx);
        for (let n = 1; n <= 7; n++)
          tx.events.append({ type: "message.accepted", message: messageId(n), data: {} }, 900 + n);
      });
      opened.store.transaction((tx) => {
        for (const n of [1, 2, 4, 5, 7, 8])
          for (const delivery of tx.deliveries.ofMessage(messageId(n)))
            tx.deliveries.put({ ...delivery, state: "seen" });
      });
      reach(opened.store);
      const gone = { messages: 0, events: 0, peers: 0 };
      let from: NonNullable<Parameters<Tx["purge"]>[1]>["from"];
      let steps = 0;
      do {
        const part = opened.store.transaction((tx) =>
          tx.purge(4_000, rowsAtOnce === undefined ? undefined : { rows: rowsAtOnce, from }),
        );
        gone.messages += part.messages;
        gone.events += part.events;
        gone.peers += part.peers;
        from = part.next;
        expect(++steps).toBeLessThan(200);
      } while (from);
      const left = opened.store.read((tx) => ({
        messages: tx.messages.find({ terms: [], limit: 100 }).found.map(({ message }) => message.id),
        events: tx.events.after(0, 100).map((event) => event.seq),
      }));
      return { gone, left };
    });
    expect(parts).toEqual(whole);
    expect(whole?.gone.messages).toBe(5);
    expect(whole?.gone.events).toBe(4);
  });
});
