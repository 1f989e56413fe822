import { expect, test } from "bun:test";
import { LIMITS } from "../protocol/index.ts";
import { mergeHandOvers } from "./hand-overs.ts";
import type { Effect } from "./ports.ts";

// Only what tells the effects apart; the merging looks at nothing else of an item.
const deliver = (route: string, ...messages: string[]) =>
  ({ type: "deliver", route, peer: "peer", items: messages.map((message) => ({ message })) }) as unknown as Effect;
const cancel = (route: string, message: string) =>
  ({ type: "cancel", route, peer: "peer", message }) as unknown as Effect;
const progress = { type: "progress", wait: "w", text: "half" } satisfies Effect;

test("hand-overs to one route go out together, in order, and nothing else moves", () => {
  expect(
    mergeHandOvers([deliver("a", "1"), progress, deliver("b", "2"), deliver("a", "3"), deliver("a", "4")]),
  ).toEqual([deliver("a", "1", "3", "4"), progress, deliver("b", "2")]);
});

test("a withdrawal on the route parts them: it comes after what it withdraws, and before what is handed over anew", () => {
  const effects = [deliver("a", "1"), cancel("a", "1"), deliver("a", "1")];
  expect(mergeHandOvers(effects)).toEqual(effects);
  expect(mergeHandOvers([deliver("a", "1"), cancel("b", "9"), deliver("a", "2")])).toEqual([
    deliver("a", "1", "2"),
    cancel("b", "9"),
  ]);
});

test("no frame holds more than a frame may", () => {
  const many = Array.from({ length: LIMITS.deliverItemsMax + 5 }, (_, i) => deliver("a", String(i)));
  const merged = mergeHandOvers(many);
  expect(merged.map((effect) => (effect.type === "deliver" ? effect.items.length : 0))).toEqual([
    LIMITS.deliverItemsMax,
    5,
  ]);
});
