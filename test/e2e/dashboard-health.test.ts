import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { appendFileSync, chmodSync, statSync } from "node:fs";
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

  // @req dashboard.findings
  test("says of each part how it is, the worst first, with one next step; checked again, it is as it is by then", async () => {
    const { database } = scene.daemon.sandbox.paths;
    chmodSync(database, 0o644);
    const page = await scene.open("/#/health");
    const checks = page.locator("section", { has: page.getByRole("heading", { name: "Checks" }) });
    await checks.getByText(/^1 not well, \d+ could be better\.$/).waitFor();
    const first = checks.locator(".finding").first();
    expect(await first.textContent()).toMatch(/^✕not well ?files others may look into repowire\.db.*Next: chmod go=/);
    for (const part of ["disk", "daemon", "database", "clock", "sessions"])
      expect(await checks.locator(".finding strong", { hasText: new RegExp(`^${part}$`) }).count()).toBeGreaterThan(0);
    for (const finding of await checks.locator(".finding").all()) {
      const isWell = (await finding.locator(".chip.good").count()) > 0;
      expect([await finding.textContent(), await finding.locator(".next").count()]).toEqual([
        expect.any(String),
        isWell ? 0 : 1,
      ]);
    }
    chmodSync(database, 0o600);
    await checks.getByRole("button", { name: "Check again" }).click();
    await checks.getByText("the home, its token and its database are yours alone").waitFor();
    await page.close();
  });

  // @req dashboard.samples
  test("shows how busy the daemon was, each chart also in words", async () => {
    const page = await scene.open("/#/health");
    const chart = page.getByRole("img", { name: /^Messages accepted over the last hour/ });
    await chart.waitFor();
    // The first note comes some seconds after the start.
    await page.getByRole("img", { name: /^Memory over the last hour: \d+ MB, most \d+ MB$/ }).waitFor();
    expect(await page.locator(".charts polyline").count()).toBeGreaterThan(3);
    expect(await page.locator(".charts li").count()).toBe(6);
    await page.close();
  });

  // @req dashboard.log
  test("follows the daemon's log as it is written, without what it must not show", async () => {
    const page = await scene.open("/#/health");
    await page.getByRole("button", { name: "Follow" }).click();
    const log = page.getByRole("log", { name: "The daemon's log" });
    await log.getByText("daemon started").first().waitFor();
    const line = { time: new Date().toISOString(), level: "warning", category: "test", message: "a <b>bold</b> line" };
    const secret = { ...line, message: "token=abcdef123456789" };
    appendFileSync(
      scene.daemon.sandbox.paths.daemonLog,
      [line, secret].map((one) => `${JSON.stringify(one)}\n`).join(""),
    );
    await log.getByText("a <b>bold</b> line").waitFor();
    expect(await log.textContent()).not.toContain("abcdef123456789");
    await page.getByLabel("warnings and errors only").check();
    await log.getByText("daemon started").first().waitFor({ state: "detached" });
    // Looking at it writes nothing into it.
    const size = statSync(scene.daemon.sandbox.paths.daemonLog).size;
    await page.waitForTimeout(3_500);
    expect(statSync(scene.daemon.sandbox.paths.daemonLog).size).toBe(size);
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
