import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { deliveryRecord, peerRecord } from "../../../test/support/records.ts";
import { type TempHome, tempHome } from "../../../test/support/temp-home.ts";
import type { Claim } from "../../core/index.ts";
import { claudeEvidence } from "./evidence.ts";

const HANDLE = "k7q2x";
const FRAME = `<channel source="repowire" kind="ask" id="${HANDLE}">\nfrontend asks: there?\n</channel>`;
const user = (content: string, origin: object) => ({ type: "user", origin, message: { role: "user", content } });
const channel = user(FRAME, { kind: "channel", server: "repowire" });
const typed = user("hello", { kind: "human" });
const output = { type: "assistant", message: { role: "assistant", content: [{ type: "text", text: "yes" }] } };
const inbox = (pid: number) =>
  user(
    `<cross-session-message from="uds:/run/a" from-name="repowire">\n[repowire ask ${HANDLE}] there?\n</cross-session-message>`,
    { kind: "peer", verifiedPeerPid: pid },
  );

function verdictOf(home: TempHome, entries: object[], change: Partial<Claim> = {}) {
  mkdirSync(home.file("projects/p"), { recursive: true });
  writeFileSync(home.file("projects/p/c1.jsonl"), entries.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
  const peer = peerRecord(2, { conversation: "c1", config_dir: home.path });
  const claim = deliveryRecord(1, { handle: HANDLE, state: "seen", conversation: "c1", ...change });
  return claudeEvidence(peer, [claim], () => "uds:/run/a", 7)[0];
}

// @req truth.only-certain
test("a frame at its place is shown, with or without output after it; without any trace it is not", () => {
  using home = tempHome();
  expect(verdictOf(home, [typed, output, channel])).toEqual({ verdict: "shown", hasOutput: false });
  expect(verdictOf(home, [channel, output])).toEqual({ verdict: "shown", hasOutput: true });
  expect(verdictOf(home, [inbox(7), output])).toEqual({ verdict: "shown", hasOutput: true });
  expect(verdictOf(home, [typed, output])).toEqual({ verdict: "not_shown" });
});

// @req truth.only-certain
test("what is not certain is unknown: another daemon's frame, a quotation, a compacted or other conversation, no file", () => {
  using home = tempHome();
  const reasons = [
    verdictOf(home, [inbox(8), output]),
    verdictOf(home, [user(FRAME, { kind: "human" }), output]),
    verdictOf(home, [typed, { type: "system", subtype: "compact_boundary" }]),
    verdictOf(home, []),
    verdictOf(home, [channel, output], { conversation: "c0" }),
  ];
  for (const evidence of reasons) expect(evidence?.verdict).toBe("unknown");
  const peer = peerRecord(2, { conversation: "gone", config_dir: home.path });
  expect(claudeEvidence(peer, [deliveryRecord(1, { conversation: "gone" })], () => "", 7)).toEqual([
    { verdict: "unknown", reason: "its record is gone" },
  ]);
});
