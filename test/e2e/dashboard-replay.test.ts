import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { homePaths } from "../../src/platform/paths.ts";
import { sqliteStore } from "../../src/store/sqlite/store.ts";
import { type BrowserScene, browserScene, withBrowser } from "../support/browser-scene.ts";
import { type FakeSession, fakeSession } from "../support/fake-session.ts";
import { peerId } from "../support/records.ts";

/** The mesh as it was, gone through with a slider in a real Chromium. */
setDefaultTimeout(60_000);

const DAY_MS = 86_400_000;
const OLD = 30_000;
let scene: BrowserScene;
let backend: FakeSession;
let frontend: FakeSession;

withBrowser("Replay", () => {
  beforeAll(async () => {
    scene = await browserScene({
      prepare(home) {
        // A busy night some days ago: more than a page holds.
        const store = sqliteStore(homePaths(home).database, { synchronous: "normal" });
        store.transaction((tx) => {
          for (let n = 0; n < OLD; n++)
            tx.events.append(
              { type: "peer.rung", peer: peerId(1), data: { rung: "push", state: "open" } },
              Date.now() - 5 * DAY_MS + n,
            );
        });
        store.close();
      },
    });
    const start = (name: string) => fakeSession(scene.daemon.sandbox, name);
    [backend, frontend] = await Promise.all([start("backend"), start("frontend")]);
    await frontend.call("ask", { peer: "backend", question: "Is it paged?", wait_seconds: 0 });
    const { handle } = await backend.got("Is it paged?");
    await backend.call("reply", { id: handle, text: "By 50." });
    await frontend.got("By 50.");
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

  // @req dashboard.replay
  test("goes through a span by keyboard: who was how, and what was under way, at each event; its address keeps the moment", async () => {
    const page = await scene.open("/#/replay");
    const slider = page.getByRole("slider", { name: "Moment" });
    await slider.focus();
    await page.keyboard.press("Home");
    const said = () => slider.getAttribute("aria-valuetext");
    const wanted = async (what: RegExp) => {
      for (let step = 0; step < 200 && !what.test((await said()) ?? ""); step++)
        await page.keyboard.press("ArrowRight");
      expect(await said()).toMatch(what);
    };
    const was = page.getByRole("region", { name: "As it was" });
    await wanted(/frontend asks: accepted$/);
    await was.getByText("Under way: 0; open questions: 1").waitFor();
    await wanted(/for backend: queued$/);
    await was.getByText("frontend asks backend: queued").waitFor();
    expect(await page.locator("svg.graph line.under-way.queued").count()).toBe(1);
    await wanted(/for backend: presented$/);
    await was.getByText("frontend asks backend: presented").waitFor();
    await was.getByText("Under way: 1; open questions: 1").waitFor();
    await wanted(/question to backend: answered$/);
    await was.getByText(/open questions: 0$/).waitFor();
    // Back to where it had not been seen.
    await page.getByRole("button", { name: "Event before" }).click();
    await was.getByText(/open questions: 1$/).waitFor();
    const moment = await said();
    // The address follows once the person rests; until then it may hold a moment before.
    await page.waitForFunction(() =>
      location.hash.endsWith(`at=${document.querySelector<HTMLElement>("input[type=range]")?.dataset.seq}`),
    );
    await page.reload();
    await page.waitForFunction(
      (text) => document.querySelector("input[type=range]")?.getAttribute("aria-valuetext") === text,
      moment,
    );
    await page.getByRole("button", { name: "Event after" }).click();
    await page.getByRole("link", { name: "What was said" }).click();
    await page.getByText("Is it paged?").first().waitFor();
    await page.close();
  });

  // @req dashboard.replay
  test("plays by itself to the end, and stops when the person takes the slider", async () => {
    const page = await scene.open("/#/replay");
    const slider = page.getByRole("slider", { name: "Moment" });
    await slider.focus();
    await page.keyboard.press("Home");
    await page.getByRole("button", { name: "Play" }).click();
    await page.waitForFunction(() => Number(document.querySelector<HTMLInputElement>("input[type=range]")?.value) > 2);
    await slider.focus();
    await page.keyboard.press("ArrowLeft");
    await page.getByRole("button", { name: "Play" }).waitFor();
    const stays = await slider.inputValue();
    await page.waitForTimeout(1_500);
    expect(await slider.inputValue()).toBe(stays);
    await page.close();
  });

  // @req dashboard.replay
  test("of a long time it holds a part and says so, and is quick in it", async () => {
    const [from, to] = [Date.now() - 6 * DAY_MS, Date.now()];
    const page = await scene.open(`/#/replay?from=${from}&to=${to}`);
    await page.getByText(/^10,000 events: the first 10,000 of that time/).waitFor();
    const slider = page.getByRole("slider", { name: "Moment" });
    await slider.focus();
    const began = performance.now();
    for (const key of ["Home", "End", "PageUp", "Home", "End"]) await page.keyboard.press(key);
    expect(await slider.inputValue()).toBe("9999");
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(await page.evaluate(() => document.getElementsByTagName("*").length)).toBeLessThan(400);
    await page.close();
  });
});
