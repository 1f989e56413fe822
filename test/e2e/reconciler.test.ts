import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { MISMATCH_WORDS, type PeerRecord } from "../../src/core/index.ts";
import type { DeliveryState, EventType } from "../../src/protocol/index.ts";
import { sqliteStore } from "../../src/store/sqlite/store.ts";
import { daemonProcess } from "../support/daemon-process.ts";
import { deliveryRecord, messageId, messageRecord, peerId, peerRecord } from "../support/records.ts";
import { until } from "../support/until.ts";

// Two looks, each at its time.
setDefaultTimeout(120_000);

const HANDLES = { lie: "aaaa2", hidden: "aaaa3", gone: "aaaa4", right: "aaaa5" };
const frame = (handle: string) => ({
  type: "user",
  origin: { kind: "channel", server: "repowire" },
  message: { role: "user", content: `<channel source="repowire" kind="notify" id="${handle}">\nhello\n</channel>` },
});
const output = { type: "assistant", message: { role: "assistant", content: [{ type: "text", text: "yes" }] } };

// @req truth.mismatch-told
// @req truth.only-certain
test("a ledger that says what the transcript does not is marked, shown and, where a receipt was missed, made right", async () => {
  await using daemon = await daemonProcess();
  expect(await daemon.end("SIGTERM")).toBe(0);
  const configDir = daemon.sandbox.file("claude");
  mkdirSync(`${configDir}/projects/p`, { recursive: true });
  const lines = [frame(HANDLES.hidden), frame(HANDLES.right), output];
  writeFileSync(`${configDir}/projects/p/c1.jsonl`, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));

  const store = sqliteStore(daemon.sandbox.paths.database, { synchronous: "normal" });
  const at = Date.now() - 60_000;
  store.transaction((tx) => {
    const offline: Partial<PeerRecord> = {
      presence: { state: "offline", since: at },
      config_dir: configDir,
      last_seen_at: at,
      joined_at: at,
    };
    tx.peers.put(peerRecord(1, offline));
    tx.peers.put(peerRecord(2, { ...offline, conversation: "c1" }));
    tx.peers.put(peerRecord(3, { ...offline, conversation: "c2" }));
    const deliver = (n: number, handle: string, state: DeliveryState, to: number, conversation: string) => {
      tx.messages.insert(messageRecord(n, { to: peerId(to), created_at: at, expires_awake_ms: 9e15 }));
      const attempt = { attempt: 1, presented_at: at, queued_at: at, expires_awake_ms: 9e15 };
      tx.deliveries.put(deliveryRecord(n, { ...attempt, peer: peerId(to), handle, state, conversation }));
      tx.events.append(
        { type: `delivery.${state}` as EventType, peer: peerId(to), message: messageId(n), data: { handle } },
        at,
      );
    };
    deliver(1, HANDLES.lie, "seen", 2, "c1");
    deliver(2, HANDLES.hidden, "presented", 2, "c1");
    deliver(3, HANDLES.gone, "seen", 3, "c2");
    deliver(4, HANDLES.right, "seen", 2, "c1");
  });
  store.close();
  await daemon.start();

  const health = async () => (await (await daemon.fetch("/health")).json()) as { counts: { mismatches: number } };
  await until(async () => (await health()).counts.mismatches === 2, "both are marked", 90_000);

  expect(await health()).toMatchObject({ ok: true, parts: { truth: { ok: true } } });
  const { out: status } = await daemon.cli("status");
  expect(status).toContain("2 deliveries differ from their sessions' own records");
  expect(status).toContain(`repowire trace ${HANDLES.lie}`);
  const steps = async (handle: string) => {
    const { steps: all } = await daemon.mesh.trace({ id: handle });
    return all.map(({ state, detail }) => `${state}${detail ? `: ${detail}` : ""}`);
  };
  expect(await steps(HANDLES.lie)).toEqual(["seen", `mismatch: ${MISMATCH_WORDS.claimed}`]);
  expect(await steps(HANDLES.hidden)).toEqual(["presented", `mismatch: ${MISMATCH_WORDS.hidden}`, "seen: reconciled"]);
  expect(await steps(HANDLES.gone)).toEqual(["seen"]);
  expect(await steps(HANDLES.right)).toEqual(["seen"]);
});
