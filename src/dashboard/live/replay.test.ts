import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { EventType, MeshEvent, MessageId, Peer, PeerId } from "../../protocol/index.ts";
import type { call as callDaemon } from "./api.ts";
import { createReplay, type Instant } from "./replay.ts";
import { loadSpan, SPAN_EVENTS_MAX } from "./span.ts";

const event = (seq: number, type: EventType, peer?: string, message?: string, data: object = {}): MeshEvent => ({
  seq,
  at: seq * 1_000,
  type,
  peer: peer as PeerId | undefined,
  message: message as MessageId | undefined,
  data: { ...data },
});
const peer = (id: string, state: string, since: number): Peer =>
  ({ id, name: id, circle: "default", presence: { state, since }, joined_at: 0 }) as unknown as Peer; // what a replay reads of one
const states = (instant: Instant) => Object.fromEntries([...instant.peers].map(([id, one]) => [id, one.presence]));

// @req dashboard.replay
describe("the mesh as it was", () => {
  const events = [
    event(1, "peer.presence", "a", undefined, { name: "old", state: "busy", was: "online" }),
    event(2, "message.accepted", "a", "m1", { kind: "ask", from: "old" }),
    event(3, "delivery.queued", "b", "m1", { to: "b" }),
    event(4, "peer.rung", "b"),
    event(5, "peer.renamed", "a", undefined, { name: "a", was: "old" }),
    event(6, "delivery.presented", "b", "m1"),
    event(7, "peer.joined", "c", undefined, { name: "c", circle: "red" }),
    event(8, "delivery.seen", "b", "m1"),
    event(9, "ask.answered", "b", "m1"),
    event(10, "peer.left", "c", undefined, { name: "c" }),
  ];
  const replay = createReplay(events, [
    peer("a", "offline", 99_000),
    peer("b", "online", 500),
    peer("d", "busy", 99_000),
  ]);

  test("begins with what the span itself says was before, what has not changed since, and no guess beyond", () => {
    expect(states(replay.at(-1))).toEqual({ a: "online", b: "online", c: "absent", d: "unknown" });
    expect(replay.at(-1).peers.get("a")?.name).toBe("old");
    expect(replay.cast).toEqual(["b", "c", "a"]);
  });

  test("shows what was under way and open at each instant, forwards and backwards", () => {
    expect([...replay.at(2).flights.values()]).toEqual([
      { message: "m1", from: "a", to: "b", kind: "ask", state: "queued" },
    ]);
    expect([...replay.at(5).flights.values()]).toMatchObject([{ state: "presented" }]);
    expect([...replay.at(5).asks]).toEqual([["m1", "a"]]);
    expect(replay.at(5).peers.get("a")?.name).toBe("a");
    expect(states(replay.at(6))).toMatchObject({ c: "online" });
    expect([replay.at(7).flights.size, replay.at(7).asks.size]).toEqual([0, 1]);
    expect([states(replay.at(99)).c, replay.at(99).asks.size]).toEqual(["absent", 0]);
    expect(replay.at(2).flights.size).toBe(1);
  });

  test("wherever one comes from, an instant is the same", () => {
    const TYPES: EventType[] = [
      "peer.presence",
      "peer.joined",
      "peer.left",
      "message.accepted",
      "delivery.queued",
      "delivery.presented",
      "delivery.seen",
      "ask.answered",
    ];
    const one = fc.record({
      type: fc.constantFrom(...TYPES),
      peer: fc.constantFrom("a", "b", "c"),
      message: fc.constantFrom("m1", "m2", "m3"),
      state: fc.constantFrom("online", "busy", "offline"),
      was: fc.constantFrom("online", "busy", "offline"),
    });
    fc.assert(
      fc.property(
        fc.array(one, { minLength: 1, maxLength: 700 }),
        fc.array(fc.integer({ min: -1, max: 700 }), { maxLength: 12 }),
        (drawn, jumps) => {
          const log = drawn.map(({ type, peer: who, message, state, was }, index) =>
            event(index + 1, type, who, message, { name: who, state, was, kind: message === "m3" ? "notify" : "ask" }),
          );
          const walked = createReplay(log, []);
          for (const jump of jumps) {
            const straight = createReplay(log, []).at(jump);
            expect(walked.at(jump)).toEqual(straight);
          }
        },
      ),
      { numRuns: 30 },
    );
  });
});

// @req dashboard.replay
describe("the events of a time", () => {
  /** A log with gaps, as a purge leaves it. */
  const log = Array.from({ length: 25_000 }, (_, index) => event((index + 1) * 3, "peer.presence", "a"));
  let calls = 0;
  const call = (async (_name: string, { after = 0, limit = 100 }: { after?: number; limit?: number }) => {
    calls++;
    const events = log.filter(({ seq }) => seq > after).slice(0, limit);
    return { events, cursor: events.at(-1)?.seq ?? after, newest: log.at(-1)?.seq ?? 0, epoch: "e" };
  }) as unknown as typeof callDaemon; // the one operation that it calls
  const load = (from: number, to: number) => loadSpan(call, { from, to }, () => {}, new AbortController().signal);

  test("are found in a long log with few calls, and are exactly those", async () => {
    calls = 0;
    const { events, isCut } = await load(60_000_000, 60_009_000);
    expect([events.map(({ seq }) => seq), isCut]).toEqual([[60_000, 60_003, 60_006], false]);
    expect(calls).toBeLessThan(25);
    expect((await load(0, 3_001)).events.map(({ seq }) => seq)).toEqual([3]);
    expect((await load(1e12, 2e12)).events).toEqual([]);
  });

  test("are held up to a limit, which is said", async () => {
    const { events, isCut } = await load(0, 1e12);
    expect([events.length, isCut, events[0]?.seq]).toEqual([SPAN_EVENTS_MAX, true, 3]);
  });
});
