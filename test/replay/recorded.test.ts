import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseRun } from "../../src/replay/file.ts";
import { replay } from "../../src/replay/replay.ts";

/** A run of the simulation (seed 4), as the core of 0.1.0 decided it. */
const RECORDED = readFileSync(join(import.meta.dir, "..", "fixtures", "run.jsonl"), "utf8");

// @req replay.same-end
test("a run that was recorded once is decided the same way today", () => {
  const replayed = replay(parseRun(RECORDED, "run.jsonl"));
  expect(replayed.steps.filter(({ difference }) => difference !== undefined)).toEqual([]);
  expect(replayed.differences).toEqual([]);
  expect(replayed.ok).toBe(true);
  expect(replayed.steps.filter(({ kind }) => kind === "consequence").length).toBeGreaterThan(20);
});

test("the same file is the same replay", () => {
  expect(replay(parseRun(RECORDED, "a"))).toEqual(replay(parseRun(RECORDED, "b")));
});

// @req replay.differences-said
test("whatever single fact of it is another, the replay is not silent", () => {
  const lines = RECORDED.trimEnd().split("\n");
  const forgeries: [string, RegExp, string][] = [
    [
      "a question that is answered by another message",
      /("state":"answered".*"answer":"msg_)[^"]+/,
      "$100000000-0000-7000-8000-00000000ffff",
    ],
    ["a receipt of another instant", /("seen_at":)\d+/, "$11"],
    ["a message of another chain", /("kind":"(?:ask|notify)".*"hops":)0/, "$13"],
    [
      "a delivery that never was",
      /("type":"delivery","delivery":\{"message":"msg_)[^"]+/,
      "$100000000-0000-7000-8000-00000000ffff",
    ],
    ["another handle", /("type":"delivery.queued".*"handle":")\w+/, "$1zzzzz"],
  ];
  for (const [what, pattern, instead] of forgeries) {
    const at = lines.findIndex((line) => pattern.test(line));
    expect([what, at]).not.toEqual([what, -1]);
    const forged = lines.with(at, (lines[at] ?? "").replace(pattern, instead)).join("\n");
    expect([what, replay(parseRun(forged, what)).ok]).toEqual([what, false]);
  }
});
