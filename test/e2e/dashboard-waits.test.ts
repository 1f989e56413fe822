import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type BrowserScene, browserScene, withBrowser } from "../support/browser-scene.ts";
import { type FakeSession, fakeSession } from "../support/fake-session.ts";

/** What a person decides about messages that are kept back, in a real Chromium. */
setDefaultTimeout(60_000);

let scene: BrowserScene;
let backend: FakeSession;
let frontend: FakeSession;

withBrowser("What is held", () => {
  beforeAll(async () => {
    scene = await browserScene();
    const start = (name: string) => fakeSession(scene.daemon.sandbox, name);
    [backend, frontend] = await Promise.all([start("backend"), start("frontend")]);
    await scene.someone.repowire("peer", "inbound", "backend", "hold");
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

  // @req dashboard.held
  test("stands with sender, recipient, reason and text; let through on one page it is gone from every other", async () => {
    const [page, other] = [await scene.open("/#/waits"), await scene.open("/#/waits")];
    await frontend.call("notify", { peer: "backend", text: "the *contract* changed <img src=x>" });
    const card = page.getByRole("article", { name: "A message of frontend for backend is held" });
    for (const at of [page, other]) await at.getByText("the contract changed <img src=x>").waitFor();
    expect(await card.locator("h2").textContent()).toContain("frontend has a message for backend, held");
    await card.getByText(/its user decided so/).waitFor();
    expect(await card.getByText("fix:").count()).toBe(0);
    // Nothing is chosen beforehand.
    await page.keyboard.press("Enter");
    expect(await page.evaluate(() => document.activeElement?.tagName)).not.toBe("BUTTON");
    expect(backend.received).toEqual([]);
    await card.getByRole("button", { name: "Let through" }).click();
    await page.getByText(/^Let through: for backend it is/).waitFor();
    await backend.got("the *contract* changed <img src=x>");
    for (const at of [page, other]) await at.getByText("Nothing waits on you").waitFor();
    await page.close();
    await other.close();
  });

  // @req dashboard.held
  test("sent back, its sender reads why; a long text is read whole before", async () => {
    const page = await scene.open("/#/waits");
    const question = `Which version? ${"long ".repeat(500)}END`;
    const asked = await frontend.call("ask", { peer: "backend", question, wait_seconds: 0 });
    await page.getByText(/has a question for/).waitFor();
    expect(await page.getByText(/END$/).count()).toBe(0);
    await page.getByRole("button", { name: /^Show the rest/ }).click();
    await page.getByText(/END$/).waitFor();
    await page.getByLabel(/^Reason if you refuse/).fill("not tonight");
    await page.getByRole("button", { name: "Refuse" }).click();
    await page.getByText("Sent back; frontend is told why.").waitFor();
    await page.getByText("Nothing waits on you").waitFor();
    const told = await frontend.call("inbox", { id: asked.id });
    expect(JSON.stringify(told)).toContain("not tonight");
    await page.close();
  });

  // @req dashboard.held
  test("the first verdict counts: whoever comes second reads what became of it", async () => {
    const page = await scene.open("/#/waits");
    await frontend.call("notify", { peer: "backend", text: "a race" });
    await page.getByText("a race").waitFor();
    // Between the press and the daemon somebody else was quicker.
    await page.route("**/v1/decide_held", async (route) => {
      const { id } = route.request().postDataJSON() as { id: string };
      expect((await scene.someone.repowire("refuse", id, "I was first")).code).toBe(0);
      await route.continue();
    });
    await page.getByRole("button", { name: "Let through" }).click();
    const said = page.locator(".toast.refused");
    await said.waitFor();
    expect(await said.textContent()).toMatch(/Not done\. .* for backend it is refused \(I was first\)/);
    await page.getByText("Nothing waits on you").waitFor();
    expect(backend.received.map(({ body }) => body)).not.toContain("a race");
    await page.close();
  });
});
