import { expect, test } from "bun:test";
import { messageId, peerId } from "../../test/support/records.ts";
import { memoryStore } from "../store/memory.ts";
import { createLive, type Live, type Wait } from "./live.ts";
import type { Route, Tx } from "./ports.ts";

const route = (id: string, peer = peerId(1)): Route => ({
  id,
  peer,
  rung: "push",
  serves: { idle: 1 },
  ready: true,
  needsProof: false,
  suspect: false,
});
const wait = (id: string): Wait => ({
  id,
  ask: messageId(1),
  waiter: peerId(1),
  target: peerId(2),
  canTakeQuestion: true,
  rung: "result",
});

/** Everything that live state says about two peers. */
function contents(live: Live) {
  return [peerId(1), peerId(2)].map((peer) => ({
    routes: live.routes(peer).map((known) => known.id),
    activity: live.activity(peer),
    receipts: live.givesReceipts(peer),
    expected: live.linkExpectedUntil(peer),
    waits: live.waitsOf(peer).map((known) => known.id),
  }));
}

function fill(live: Live, tx: Tx): void {
  live.putRoute(tx, route("one"));
  live.putRoute(tx, route("two"));
  live.setActivity(tx, peerId(1), { state: "busy", since_awake: 5 });
  live.setGivesReceipts(tx, peerId(1), true);
  live.expectLink(tx, peerId(1), 99);
  live.putWait(tx, wait("w1"));
}

test("says what was put, and forgets what was removed", () => {
  const live = createLive();
  const store = memoryStore();
  store.transaction((tx) => fill(live, tx));
  expect(contents(live)[0]).toEqual({
    routes: ["one", "two"],
    activity: { state: "busy", since_awake: 5 },
    receipts: true,
    expected: 99,
    waits: ["w1"],
  });
  expect(live.route("two")).toEqual(route("two"));
  expect(live.waitsFor(messageId(1))).toEqual([wait("w1")]);
  expect([...live.waits()]).toEqual([wait("w1")]);
  store.transaction((tx) => {
    live.removeRoute(tx, "one");
    live.removeRoute(tx, "unknown");
    live.removeWait(tx, "w1");
  });
  expect(contents(live)[0]).toMatchObject({ routes: ["two"], waits: [] });
  expect(live.route("one")).toBeUndefined();
  expect(live.wait("w1")).toBeUndefined();
});

test("knows nothing of a peer that it was told nothing of", () => {
  expect(contents(createLive())[1]).toEqual({
    routes: [],
    activity: { state: "unknown", since_awake: 0 },
    receipts: false,
    expected: 0,
    waits: [],
  });
});

test("a route that is put again replaces itself", () => {
  const live = createLive();
  memoryStore().transaction((tx) => {
    live.putRoute(tx, route("one"));
    live.putRoute(tx, { ...route("one"), suspect: true });
  });
  expect(live.routes(peerId(1))).toEqual([{ ...route("one"), suspect: true }]);
});

// @req truth.live-undone
test("a transaction that fails leaves no trace, whatever it put, changed and removed", () => {
  const live = createLive();
  const store = memoryStore();
  store.transaction((tx) => fill(live, tx));
  const before = contents(live);
  const fail = () =>
    store.transaction((tx) => {
      live.removeRoute(tx, "one");
      live.putRoute(tx, { ...route("two"), ready: false });
      live.putRoute(tx, route("three", peerId(2)));
      live.setActivity(tx, peerId(1), { state: "idle", since_awake: 6 });
      live.setActivity(tx, peerId(2), { state: "idle", since_awake: 6 });
      live.setGivesReceipts(tx, peerId(1), false);
      live.expectLink(tx, peerId(1), 0);
      live.removeWait(tx, "w1");
      live.putWait(tx, wait("w2"));
      throw new Error("no");
    });
  expect(fail).toThrow("no");
  expect(contents(live)).toEqual(before);
  expect(live.route("two")).toEqual(route("two"));
  expect(live.route("three")).toBeUndefined();
});

test("a part that fails takes back only what it changed", () => {
  const live = createLive();
  memoryStore().transaction((tx) => {
    live.putWait(tx, wait("w1"));
    try {
      tx.isolated(() => {
        live.removeWait(tx, "w1");
        live.putWait(tx, wait("w2"));
        throw new Error("no");
      });
    } catch {
      live.putWait(tx, wait("w3"));
    }
  });
  expect([...live.waits()].map((known) => known.id)).toEqual(["w1", "w3"]);
});
