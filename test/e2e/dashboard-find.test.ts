import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { type BrowserScene, browserScene, withBrowser } from "../support/browser-scene.ts";
import { type FakeSession, fakeSession } from "../support/fake-session.ts";

/** Finding what was said, and keeping it, in a real Chromium. */
setDefaultTimeout(60_000);

let scene: BrowserScene;
let backend: FakeSession;
let frontend: FakeSession;

withBrowser("Find", () => {
  beforeAll(async () => {
    scene = await browserScene();
    const start = (name: string) => fakeSession(scene.daemon.sandbox, name);
    [backend, frontend] = await Promise.all([start("backend"), start("frontend")]);
    await frontend.call("notify", { peer: "backend", text: "the contract changed" });
    await backend.call("notify", { peer: "frontend", text: "which contract do you mean" });
    await frontend.call("ask", { peer: "backend", question: "Is the contract **paged**?", wait_seconds: 0 });
    await backend.got("Is the contract **paged**?");
  });
  afterAll(async () => {
    await frontend?.[Symbol.asyncDispose]();
    await backend?.[Symbol.asyncDispose]();
    await scene?.[Symbol.asyncDispose]();
  });
  afterEach(() => {
    expect(scene.faults()).toEqual([]);
    expect(scene.hosts()).toEqual([new URL(scene.url("/")).host]);
  });

  // @req dashboard.find-kept
  test("is narrowed by sender, kind and days, and its address leads to the same search again", async () => {
    const page = await scene.open("/#/find/contract");
    await page.getByText("3 found").waitFor();
    await page.getByText("Narrow it down").click();
    await page.getByLabel("Sent by").selectOption({ label: "frontend" });
    await page.getByText("2 found").waitFor();
    await page.getByLabel("Kind").selectOption("ask");
    await page.getByText("1 found").waitFor();
    await page.locator(".found li", { hasText: "paged" }).waitFor();
    const tomorrow = new Date(Date.now() + 36 * 3_600_000).toISOString().slice(0, 10);
    await page.getByLabel("From day").fill(tomorrow);
    await page.getByText("0 found").waitFor();
    // Typing a day keeps the field: what is looked for changes around it.
    expect(await page.evaluate(() => document.activeElement?.getAttribute("type"))).toBe("date");
    await page.getByLabel("From day").fill("2026-01-01");
    await page.getByText("1 found").waitFor();

    const other = await scene.open(new URL(page.url()).pathname + new URL(page.url()).hash);
    await other.getByText("1 found").waitFor();
    expect(await other.getByLabel("Kind").inputValue()).toBe("ask");
    expect(await other.getByLabel("From day").inputValue()).toBe("2026-01-01");
    expect(await other.getByLabel("Words of a message").inputValue()).toBe("contract");
    expect(await other.getByLabel("Sent by").locator("option:checked").textContent()).toBe("frontend");
    await other.close();
    await page.goBack();
    await page.getByText("0 found").waitFor();
    await page.getByRole("button", { name: "Clear" }).click();
    await page.getByText("3 found").waitFor();
    await page.close();
  });

  // @req dashboard.find-kept
  test("without words it is the newest that fit, and a hit leads to its message with the trace open", async () => {
    const page = await scene.open("/#/find/?kind=notify");
    await page.getByText("2 newest").waitFor();
    expect(await page.locator(".found li").first().textContent()).toContain("which contract do you mean");
    await page.locator(".found a").first().click();
    const open = page.locator(".message", { has: page.locator(".trace") });
    await open.getByText("which contract do you mean").waitFor();
    await page.goto(scene.url("/#/find/contract?from=nobody-here"));
    await page.getByRole("alert").waitFor();
    expect(await page.getByRole("alert").textContent()).toContain("nobody-here");
    await page.close();
  });

  // @req dashboard.save
  test("a run is saved as one file, which replays as it was recorded; without what was said, if so wanted", async () => {
    const page = await scene.open("/#/find/");
    const save = async (bodies: boolean): Promise<string> => {
      await page.getByRole("button", { name: "Save a run…" }).click();
      const dialog = page.getByRole("dialog", { name: "Save a run as a file" });
      await dialog.waitFor();
      if (!bodies) await dialog.getByRole("checkbox").uncheck();
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        dialog.getByRole("button", { name: "Save", exact: true }).click(),
      ]);
      await dialog.waitFor({ state: "detached" });
      return download.path();
    };
    const whole = await save(true);
    await page.getByText(/^Saved 3 messages and \d+ events of 2 peers\.$/).waitFor();
    const replayed = await scene.daemon.cli("replay", whole);
    expect([replayed.code, replayed.out]).toEqual([0, expect.stringContaining("the same way to the same end")]);
    expect(readFileSync(whole, "utf8")).toContain("Is the contract **paged**?");
    const text = readFileSync(await save(false), "utf8");
    expect(text).toContain('"type":"message"');
    expect(text).not.toContain("contract");
    await page.close();
  });

  // @req dashboard.save
  test("a thread is saved as Markdown, as it was written, with who, when and what is proven", async () => {
    const { messages } = await backend.call("history", { kind: "ask", limit: 1 });
    const page = await scene.open(`/#/thread/${messages[0]?.thread}`);
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Save as Markdown" }).click(),
    ]);
    const text = readFileSync(await download.path(), "utf8");
    expect(download.suggestedFilename()).toMatch(/\.md$/);
    expect(text).toMatch(/## frontend asks \(.*Z\)\n\nbackend: (presented|seen)\n\nIs the contract \*\*paged\*\*\?/);
    await page.close();
  });
});
