import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { homePaths } from "../../src/platform/paths.ts";
import { sqliteStore } from "../../src/store/sqlite/store.ts";
import { type BrowserScene, browserScene, withBrowser } from "../support/browser-scene.ts";
import { deliveryRecord, messageId, messageRecord, peerId, peerRecord } from "../support/records.ts";

/** How the daemon is, and what is not as recorded, in a real Chromium. */
setDefaultTimeout(60_000);

const HOUR_MS = 3_600_000;
let scene: BrowserScene;

withBrowser("Health", () => {
  beforeAll(async () => {
    scene = await browserScene({ prepare: (home) => storeMismatches(homePaths(home).database) });
  });
  afterAll(() => scene?.[Symbol.asyncDispose]());
  afterEach(() => {
    expect(scene.faults()).toEqual([]);
    expect(scene.hosts()).toEqual([new URL(scene.url("/")).host]);
  });

  // @req dashboard.mismatches
  test("each mismatch says what the ledger said, what the record shows and since when, and leads to its trace", async () => {
    const page = await scene.open("/#/health");
    await page.getByText("2 deliveries differ from their sessions' own records.").waitFor();
    const [hidden, claimed] = await page.locator("article.card").all();
    expect(await claimed?.locator("dl").textContent()).toMatch(
      /^Ledger saidseen \(transcript\), since .*Its recorddoes not have it, read as a wholeFound60 min agoNowseen$/,
    );
    expect(await hidden?.locator("dl").textContent()).toMatch(/presented, since .*shows it.*made up for$/);
    await claimed?.getByRole("link", { name: "Its trace" }).click();
    // The trace of that message, not of its neighbour, stands open.
    await page.getByRole("heading", { name: "Thread" }).waitFor();
    const open = page.locator(".message", { has: page.locator(".trace") });
    await open.waitFor();
    expect(await open.count()).toBe(1);
    await open.getByText("the claimed one").waitFor();
    await page.close();
  });
});

/** One delivery recorded as seen that its session's record does not have, and one whose receipt was missed. */
function storeMismatches(database: string): void {
  const store = sqliteStore(database, { synchronous: "normal" });
  const at = Date.now() - 2 * HOUR_MS;
  store.transaction((tx) => {
    const offline = { presence: { state: "offline" as const, since: at }, last_seen_at: at, joined_at: at };
    tx.peers.put(peerRecord(1, offline));
    tx.peers.put(peerRecord(2, offline));
    const texts = ["the claimed one", "the hidden one"];
    for (const [index, kind] of (["claimed", "hidden"] as const).entries()) {
      const n = index + 1;
      const handle = `aaaa${n + 1}`;
      const message = { to: peerId(2), created_at: at, expires_awake_ms: 9e15, body: texts[index] };
      tx.messages.insert(messageRecord(n, { ...message, thread: messageId(1) }));
      tx.deliveries.put(
        deliveryRecord(n, {
          peer: peerId(2),
          handle,
          state: "seen",
          seen_by: kind === "claimed" ? "transcript" : "reconciled",
          queued_at: at,
          presented_at: at + 1_000,
          seen_at: at + 2_000,
          attempt: 1,
          expires_awake_ms: 9e15,
        }),
      );
      tx.events.append({ type: "delivery.seen", peer: peerId(2), message: messageId(n), data: { handle } }, at);
      const mark = { id: `${kind}:${messageId(n)}:${peerId(2)}`, kind, handle, message: messageId(n), peer: peerId(2) };
      tx.shelves.mismatch.put(mark.id, { ...mark, at: at + HOUR_MS + index });
    }
  });
  store.close();
}
