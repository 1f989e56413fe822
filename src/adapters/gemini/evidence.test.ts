import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { deliveryRecord, peerRecord } from "../../../test/support/records.ts";
import { type TempHome, tempHome } from "../../../test/support/temp-home.ts";
import { geminiEvidence } from "./evidence.ts";

const TAG = "[repowire k7q2x]";
const CONTEXT = "<hook_context>[repowire ask k7q2x from frontend] How many?</hook_context>";
const parts = (...texts: string[]) => texts.map((text) => ({ text }));
const start = { sessionId: "c1", type: "info", content: "" };
const typed = { id: "u1", type: "user", content: parts("hello") };
const tagged = { id: "u2", type: "user", content: parts(TAG, CONTEXT), displayContent: parts(TAG) };
const bareTag = { id: "u3", type: "user", content: parts(TAG) };
const output = { id: "g1", type: "gemini", content: "Seven." };
const cancelled = { id: "i1", type: "info", content: "Request cancelled." };
const patch = { $set: { messages: [] } };

function verdictOf(home: TempHome, ...entries: object[]) {
  writeFileSync(home.file("t.jsonl"), entries.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
  const peer = peerRecord(2, { runtime: "gemini", conversation: "c1", transcript: home.file("t.jsonl") });
  return geminiEvidence(peer, [deliveryRecord(1, { handle: "k7q2x", conversation: "c1" })])[0];
}

// @req truth.only-certain
test("what our hook brought in is shown; output counts in its own turn only", () => {
  using home = tempHome();
  expect(verdictOf(home, start, tagged, output)).toEqual({ verdict: "shown", hasOutput: true });
  expect(verdictOf(home, start, tagged, cancelled, typed, output)).toEqual({ verdict: "shown", hasOutput: false });
  expect(verdictOf(home, start, tagged, typed, output)).toEqual({ verdict: "shown", hasOutput: false });
  expect(verdictOf(home, start, typed, output)).toEqual({ verdict: "not_shown" });
});

// @req truth.only-certain
test("a bare tag, a rewritten list, another session's file and an empty one are unknown", () => {
  using home = tempHome();
  expect(verdictOf(home, start, bareTag, output)?.verdict).toBe("unknown");
  expect(verdictOf(home, start, typed, patch, output)?.verdict).toBe("unknown");
  expect(verdictOf(home, tagged, output)?.verdict).toBe("unknown");
  expect(verdictOf(home, start)?.verdict).toBe("unknown");
});
