import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { homePaths } from "../../src/platform/paths.ts";
import { LIMITS, type Peer } from "../../src/protocol/index.ts";
import { sqliteStore } from "../../src/store/sqlite/store.ts";
import { type BrowserScene, browserScene, withBrowser } from "../support/browser-scene.ts";
import { fakeSession } from "../support/fake-session.ts";
import { peerId, peerRecord } from "../support/records.ts";

/** What was said in a session beside the mesh, shown to its person in a real Chromium. */
setDefaultTimeout(60_000);

const HOSTILE = "look <img src=x onerror=alert(1)> ![pic](https://evil.test/p.png) and token=abcdef123456789";
let scene: BrowserScene;

withBrowser("A session's own conversation", () => {
  beforeAll(async () => {
    scene = await browserScene({
      prepare(home) {
        const claude = join(dirname(home), "claude");
        mkdirSync(join(claude, "projects", "p"), { recursive: true });
        const options = [{ label: "main", description: "the trunk" }, { label: "<b>next</b>" }];
        const asked = { questions: [{ question: "Which branch?", options }] };
        const entries = [
          { type: "user", origin: { kind: "human" }, message: { role: "user", content: "add **paging**" } },
          { type: "assistant", message: { role: "assistant", content: [{ type: "text", text: HOSTILE }] } },
          {
            type: "assistant",
            message: { content: [{ type: "tool_use", id: "q", name: "AskUserQuestion", input: asked }] },
          },
        ];
        writeFileSync(
          join(claude, "projects", "p", "c1.jsonl"),
          entries.map((entry) => `${JSON.stringify(entry)}\n`).join(""),
        );
        const store = sqliteStore(homePaths(home).database, { synchronous: "normal" });
        store.transaction((tx) => {
          const offline = { presence: { state: "offline" as const, since: Date.now() } };
          tx.peers.put(peerRecord(2, { ...offline, name: "shop", conversation: "c1", config_dir: claude }));
        });
        store.close();
      },
    });
  });
  afterAll(() => scene?.[Symbol.asyncDispose]());
  afterEach(() => {
    expect(scene.faults()).toEqual([]);
    expect(scene.hosts()).toEqual([new URL(scene.url("/")).host]);
  });

  // @req dashboard.own-turns
  test("is shown when somebody opens it, as its own record's word, without doing anything", async () => {
    const page = await scene.open(`/#/peer/${peerId(2)}`);
    let asked = 0;
    page.on("request", (request) => {
      if (request.url().endsWith("/v1/turns")) asked++;
    });
    await page.getByRole("heading", { name: "shop" }).waitFor();
    expect(asked).toBe(0);
    await page.getByText("Its own conversation").click();
    const turns = page.getByRole("log", { name: "What was said in shop" });
    await page.getByText(/From the session's own record, not from the ledger/).waitFor();
    expect(await turns.locator(".turn.user strong").textContent()).toBe("paging");
    const said = turns.locator(".turn.session").first();
    expect(await said.textContent()).toContain("<img src=x onerror=alert(1)>");
    expect(await turns.textContent()).not.toContain("abcdef123456789");
    expect(await turns.locator("img").count()).toBe(0);
    const question = turns.locator(".turn.session").nth(1);
    expect(await question.textContent()).toContain("asks, not answered yet");
    expect(await question.locator("li").allTextContents()).toEqual(["main the trunk", "<b>next</b>"]);
    // Its terminal takes the choice; here is nothing that could seem to.
    expect(await question.getByRole("button").count()).toBe(0);
    await page.close();
  });

  // @req dashboard.own-turns
  test("of a session that waits in its own terminal, the question stands with its options under what waits", async () => {
    const page = await scene.open("/");
    // As the daemon says it while a session's dialog is open.
    await page.route("**/v1/peers", async (route) => {
      const response = await route.fetch();
      const body = (await response.json()) as { peers: Peer[] };
      const presence = { state: "waiting" as const, since: Date.now(), detail: "a question" };
      await route.fulfill({
        json: { ...body, peers: body.peers.map((peer) => (peer.name === "shop" ? { ...peer, presence } : peer)) },
      });
    });
    await page.goto(scene.url("/#/waits"));
    await page.reload();
    const card = page.getByRole("article", { name: "shop waits in its own terminal" });
    await card.getByText("Which branch?").waitFor();
    expect(await card.locator(".options li").allTextContents()).toEqual(["main the trunk", "<b>next</b>"]);
    await page.close();
  });

  // @req dashboard.own-turns
  test("of a session whose own side reads its record, it is asked for when somebody looks, masked, and gone with the session", async () => {
    const turns = {
      turns: [
        { by: "user" as const, at: 1_000, text: "count **them**" },
        { by: "session" as const, at: 2_000, text: `token=abcdef123456789 ${"x".repeat(3_000)}`, rest_chars: 7 },
      ],
      is_whole: false,
    };
    const session = await fakeSession(scene.daemon.sandbox, "open", { runtime: "opencode", turns });
    const page = await scene.open(`/#/peer/${session.id}`);
    await page.getByText("Its own conversation").click();
    const shown = page.getByRole("log", { name: "What was said in open" });
    expect(await shown.locator(".turn.user strong").textContent()).toBe("them");
    await page.getByText(/The newest only/).waitFor();
    await shown.getByText(/… 1,\d+ more characters/).waitFor();
    expect(await shown.textContent()).not.toContain("abcdef123456789");
    for (const name of readdirSync(scene.daemon.home).filter((file) => file.startsWith("repowire.db")))
      expect([name, readFileSync(join(scene.daemon.home, name), "latin1").includes("count **them**")]).toEqual([
        name,
        false,
      ]);
    await session[Symbol.asyncDispose]();
    await page.getByText("Nothing to show: OpenCode itself reads its record, and is not running.").waitFor();
    await using old = await fakeSession(scene.daemon.sandbox, "old", { runtime: "opencode" });
    await page.goto(scene.url(`/#/peer/${old.id}`));
    await page.getByText("Its own conversation").click();
    await page.getByText("Nothing to show: its plugin is of an older repowire; restart OpenCode.").waitFor();
    const endless = {
      turns: [{ by: "user" as const, text: "x".repeat(LIMITS.ownTurnTextCharsMax + 1) }],
      is_whole: true,
    };
    await using wrong = await fakeSession(scene.daemon.sandbox, "wrong", { runtime: "opencode", turns: endless });
    await page.goto(scene.url(`/#/peer/${wrong.id}`));
    await page.getByText("Its own conversation").click();
    await page.getByText("Nothing to show: what its own side sent cannot be understood.").waitFor();
    await page.close();
  });

  // @req dashboard.own-turns
  test("of a runtime without such a record it is said that there is none", async () => {
    await using session = await fakeSession(scene.daemon.sandbox, "plain");
    const page = await scene.open(`/#/peer/${session.id}`);
    await page.getByText("Its own conversation").click();
    await page.getByText("Nothing to show: its runtime keeps no record that repowire reads.").waitFor();
    await expect(session.call("turns", { peer: "shop" })).rejects.toThrow(/^human_required/);
    await page.close();
  });
});
