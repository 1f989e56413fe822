import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { address, parseRoute, type Route } from "./address.ts";

const PLACES: Route[] = [
  { view: "mesh" },
  { view: "waits" },
  { view: "health" },
  { view: "worktrees" },
  { view: "later" },
  { view: "replay" },
  { view: "replay", from: 1_000, to: 2_000 },
  { view: "replay", from: 1_000, to: 2_000, at: 7 },
  { view: "peer", id: "peer_1" },
  { view: "thread", id: "msg_1" },
  { view: "thread", id: "msg_1", open: "msg_2" },
];

// @req dashboard.find-kept
describe("every place has an address, which leads there again", () => {
  test.each(PLACES)("%o", (place) => {
    expect(parseRoute(address(place))).toEqual(place);
  });

  test("a search with its filters, whatever is looked for", () => {
    const name = fc.string({ minLength: 1, maxLength: 40, unit: "grapheme" });
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), name, name, (words, peer, from) => {
        const filters = { peer, from, kind: "ask", since: "2026-01-31", until: "2026-02-01" } as const;
        expect(parseRoute(address({ view: "find", words, filters }))).toEqual({ view: "find", words, filters });
      }),
    );
  });

  test("what is no filter is left out, and what is no place is the mesh", () => {
    expect(parseRoute("#/find/x?kind=secret&since=yesterday&until=2026-1-1&peer=")).toMatchObject({
      words: "x",
      filters: { kind: undefined, since: undefined, until: undefined, peer: undefined },
    });
    for (const text of ["#/replay?from=9&to=1", "#/replay?from=x&to=1e9", "#/replay?to=5"])
      expect(parseRoute(text)).toEqual({ view: "replay" });
    for (const text of ["", "#", "#/", "#/nowhere", "#/peer", "#/thread/", "#/../token", "#//x"])
      expect(parseRoute(text)).toEqual({ view: "mesh" });
    expect(parseRoute("#/find/%zz")).toMatchObject({ view: "find", words: "%zz" });
  });
});
