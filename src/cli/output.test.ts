import { expect, test } from "bun:test";
import type { MeshEvent, OperationOutput } from "../protocol/index.ts";
import { eventLine, traceText } from "./commands/trace.ts";
import { table } from "./output.ts";

const HOSTILE = "\u001b]0;owned\u0007\u001b[2Jx\u009b31m\u202e\rroot\nnext";
/** All that a terminal acts on, but for line feeds. */
const ACTS = /(?!\n)[\p{Cc}\u202a-\u202e\u2066-\u2069]/u;

test("A cell holds nothing that a terminal acts on, and stays one line", () => {
  const [, ...rows] = table(["PATH"], [[`/tmp/${HOSTILE}`]]).split("\n");
  expect(rows).toHaveLength(1);
  expect(rows[0]).not.toMatch(ACTS);
  expect(rows[0]).toContain("/tmp/");
});

test("A trace shows a recipient's reason as text", () => {
  // What traceText reads of a trace.
  const trace = {
    id: "k7q2x",
    kind: "notify",
    from: "a",
    to: ["b"],
    excerpt: HOSTILE,
    steps: [{ at: 1, state: "refused", peer: "b", detail: HOSTILE }],
  } as unknown as OperationOutput<"trace">;
  const text = traceText(trace);
  expect(text).not.toMatch(ACTS);
  expect(text.split("\n")).toHaveLength(4);
});

test("A line of the log shows data of any shape as text on one line", () => {
  const event = { seq: 1, at: 0, type: "peer.described", data: { reason: HOSTILE, list: [HOSTILE] } } as unknown;
  const line = eventLine(event as MeshEvent, new Map());
  expect(line).not.toMatch(ACTS);
  expect(line).not.toContain("\n");
});
