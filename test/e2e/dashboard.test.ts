import { afterAll, afterEach, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import type { BrowserContext, Page } from "playwright-core";
import { loginLink } from "../support/browser-login.ts";
import { type BrowserScene, browserScene, withBrowser } from "../support/browser-scene.ts";
import type { DaemonProcess } from "../support/daemon-process.ts";
import { type FakeSession, fakeSession } from "../support/fake-session.ts";
import type { Person } from "../support/person.ts";
import { until } from "../support/until.ts";

/** The dashboard in a real Chromium, against a real daemon with real sessions. */
setDefaultTimeout(60_000);

let scene: BrowserScene;
let daemon: DaemonProcess;
let backend: FakeSession;
let frontend: FakeSession;
let someone: Person;
let page: Page;

withBrowser("The dashboard", () => {
  beforeAll(async () => {
    scene = await browserScene({ env: { REPOWIRE_PAIR_PER_MINUTE: "15" } });
    ({ daemon, someone } = scene);
    const start = (name: string) => fakeSession(daemon.sandbox, name);
    [backend, frontend] = await Promise.all([start("backend"), start("frontend")]);
  });
  afterAll(async () => {
    await frontend?.[Symbol.asyncDispose]();
    await backend?.[Symbol.asyncDispose]();
    await scene?.[Symbol.asyncDispose]();
  });

  beforeEach(async () => {
    page = await open("/");
  });
  afterEach(async () => {
    await page.close();
    expect(scene.faults()).toEqual([]);
    expect(scene.hosts()).toEqual([new URL(url("/")).host]);
  });

  const url = (path: string) => scene.url(path);
  const open = (path: string, at?: BrowserContext) => scene.open(path, at);

  const talkTo = async (name: string, at: Page = page) => {
    await at.getByRole("link", { name, exact: true }).first().click();
    await at.getByRole("heading", { name }).waitFor();
  };

  // @req dashboard.link-logs-in
  test("a link logs its browser in and leaves no code in the address; opened again elsewhere it says what to do", async () => {
    const link = await loginLink(someone);
    const stranger = await scene.browser.newContext();
    const inside = await stranger.newPage();
    await inside.goto(link);
    await inside.getByRole("heading", { name: "Mesh" }).waitFor();
    expect(inside.url()).not.toContain("login");
    const outside = await (await scene.browser.newContext()).newPage();
    await outside.goto(link);
    await outside.getByText("This link was used already").waitFor();
    await outside.getByText("repowire dashboard", { exact: true }).waitFor();
    await outside.context().close();
    await inside.reload();
    await inside.getByRole("heading", { name: "Mesh" }).waitFor();
    await stranger.close();
  });

  // @req dashboard.mesh
  test("shows each peer with its presence, and a change at once", async () => {
    await page.getByRole("link", { name: "backend", exact: true }).waitFor();
    const card = page.locator("article.peer", { hasText: "backend" });
    await backend.call("describe", { text: "adds paging to <b>users</b>" });
    await card.getByText("adds paging to <b>users</b>").waitFor();
    backend.report({ type: "turn_started", inputs: [] } as never);
    await card.getByText(/busy/).first().waitFor();
    backend.report({ type: "turn_ended", outcome: "done" } as never);
    await card.getByText(/idle/).first().waitFor();
  });

  // @req dashboard.mesh
  test("a message lights its edge as it passes, and the light goes out", async () => {
    await page.locator("svg.graph .node").nth(1).waitFor();
    expect(await page.locator("svg.graph .passing").count()).toBe(0);
    await frontend.call("notify", { peer: "backend", text: "passing by" });
    await page.locator("svg.graph .passing").first().waitFor({ state: "attached" });
    await page.locator("svg.graph .passing").first().waitFor({ state: "detached" });
  });

  // @req dashboard.states-as-proven
  test("a question asked here shows each state as it is proven, and none before", async () => {
    await talkTo("backend");
    await page.getByLabel("Question to backend").fill("Is it *paged*?");
    await page.getByRole("button", { name: "Ask", exact: true }).click();
    const asked = page.locator(".message.mine", { hasText: "Is it" }).last();
    await backend.got("Is it *paged*?");
    await asked.locator(".chip", { hasText: "presented" }).waitFor();
    await asked.locator(".chip", { hasText: "no answer yet" }).waitFor();
    expect(await asked.locator(".chip", { hasText: "seen" }).count()).toBe(0);
    expect(await asked.locator("em").textContent()).toBe("paged");
    const { handle } = await backend.got("Is it *paged*?");
    await backend.call("reply", { id: handle, text: "By **50**." });
    await asked.locator(".chip", { hasText: "seen" }).waitFor();
    await asked.locator(".chip", { hasText: "answered" }).waitFor();
    const answer = page.locator(".message.answer", { hasText: "By" }).last();
    expect(await answer.locator("strong").last().textContent()).toBe("50");
    // It is on the screen of the person it is for: that is what "presented" says.
    await answer.locator(".chip", { hasText: "presented" }).waitFor();
    await asked.getByRole("button", { name: "Trace" }).click();
    await asked.getByText("accepted").waitFor();
    await asked.locator(".trace li", { hasText: /^\d.*answered/ }).waitFor();
    expect(await page.getByLabel("Question to backend").inputValue()).toBe("");
  });

  // @req dashboard.refused-shown
  test("what the daemon refuses is shown as refused, with its reason, and stays to be changed", async () => {
    await talkTo("backend");
    await someone.repowire("peer", "inbound", "backend", "refuse");
    await page.getByLabel("Question to backend").fill("Will you?");
    await page.getByRole("button", { name: "Ask", exact: true }).click();
    const refusal = page.getByRole("alert");
    await refusal.waitFor();
    expect(await refusal.textContent()).toMatch(/^Not sent\. .*backend/);
    expect(await page.getByLabel("Question to backend").inputValue()).toBe("Will you?");
    expect(await page.locator(".message", { hasText: "Will you?" }).count()).toBe(0);
    await someone.repowire("peer", "inbound", "backend", "accept");
    await page.getByLabel("Question to backend").fill("");
  });

  // @req dashboard.drafts
  test("a draft outlives live updates, a reload, and another conversation", async () => {
    await talkTo("backend");
    await page.getByLabel("Question to backend").fill("half a thou");
    await frontend.call("notify", { peer: "backend", text: "something else" });
    await page.getByText("something else").waitFor();
    expect(await page.getByLabel("Question to backend").inputValue()).toBe("half a thou");
    await page.reload();
    await page.getByLabel("Question to backend").waitFor();
    expect(await page.getByLabel("Question to backend").inputValue()).toBe("half a thou");
    await page.getByRole("link", { name: "Back to the mesh" }).click();
    await talkTo("frontend");
    expect(await page.getByLabel("Question to frontend").inputValue()).toBe("");
    await page.getByLabel("Question to frontend").fill("");
    await page.getByRole("link", { name: "Back to the mesh" }).click();
    await talkTo("backend");
    expect(await page.getByLabel("Question to backend").inputValue()).toBe("half a thou");
    await page.getByLabel("Question to backend").fill("");
  });

  // @req dashboard.decide
  test("a permission request is decided on one page, and gone from the other", async () => {
    const other = await open("/#/waits");
    await page.goto(url("/#/waits"));
    backend.requestPermission({
      request: "r1",
      tool: "Bash",
      description: "Removes <i>all</i>",
      preview: "rm -rf build",
    } as never);
    for (const at of [page, other]) await at.getByText("rm -rf build").waitFor();
    expect(await page.getByText("Removes <i>all</i>").count()).toBe(1);
    // Nothing is chosen beforehand: Enter on the page does nothing.
    await page.keyboard.press("Enter");
    expect(await page.evaluate(() => document.activeElement?.tagName)).not.toBe("BUTTON");
    expect(backend.verdicts).toEqual([]);
    await page.getByLabel("Reason, for the model (not needed)").fill("keep build");
    await page.getByRole("button", { name: "Deny" }).click();
    await page.getByText("Bash of backend: denied.").waitFor();
    for (const at of [page, other]) await at.getByText("rm -rf build").waitFor({ state: "detached" });
    const verdict = await until(() => backend.verdicts.at(-1), "the verdict");
    expect(verdict).toMatchObject({ behavior: "deny", reason: "keep build" });

    backend.requestPermission({ request: "r2", tool: "Bash", preview: "make" } as never);
    await other.getByRole("button", { name: "Approve" }).click();
    await page.getByText("Nothing waits on you").waitFor();
    await until(() => backend.verdicts.find(({ request }) => request === "r2"), "the second verdict");
    await other.close();
  });

  // @req dashboard.answer
  test("a question to the person is answered here", async () => {
    const { id } = await backend.call("ask", { peer: (await me()).name, question: "Which branch?", wait_seconds: 0 });
    await page.getByRole("link", { name: /Waits on me/ }).click();
    await page.getByText("Which branch?").waitFor();
    await page.getByLabel("Answer", { exact: true }).fill("main");
    await page.getByRole("button", { name: "Answer", exact: true }).click();
    expect(await backend.got("main")).toMatchObject({ kind: "answer", answer_to: { handle: id, outcome: "answer" } });
    await page.getByText("Nothing waits on you").waitFor();
  });

  async function me() {
    const { out } = await someone.repowire("whoami", "--json");
    return (JSON.parse(out) as { peer: { name: string } }).peer;
  }

  // @req dashboard.act
  test("names, circles and messages to all go through the daemon, and are shown when it has done them", async () => {
    await talkTo("frontend");
    await page.getByRole("button", { name: "Rename…" }).click();
    await page.getByLabel("New name").fill("backend");
    await page.getByRole("button", { name: "Rename", exact: true }).click();
    await page.getByText(/^Not done\./).waitFor();
    await page.getByLabel("New name").fill("storefront");
    await page.getByRole("button", { name: "Rename", exact: true }).click();
    await page.getByText("frontend is now storefront.").waitFor();
    await page.getByRole("heading", { name: "storefront" }).waitFor();
    await someone.repowire("peer", "rename", "storefront", "frontend");
    await page.getByRole("heading", { name: "frontend" }).waitFor();
    await page.getByRole("link", { name: "Back to the mesh" }).click();
    await page.getByRole("button", { name: "Tell all…" }).click();
    await page.getByLabel("What all should know").fill("main is green");
    await page.getByText(/Goes to 2 sessions \(.*\), about 128 tokens together \(an estimate\)/).waitFor();
    expect(backend.received.map(({ body }) => body)).not.toContain("main is green");
    await page.getByRole("button", { name: "Tell 2" }).click();
    await page.getByText(/^Stored for 2:/).waitFor();
    const { messages } = await backend.call("history", { kind: "broadcast" });
    expect(messages.at(-1)).toMatchObject({ text: "main is green" });
  });

  // @req dashboard.act
  test("what the loop guard has stopped goes on when the person says so", async () => {
    await using chatty = await fakeSession(daemon.sandbox, "chatty");
    const tell = (n: number) => chatty.call("notify", { peer: "backend", text: `thanks ${n}` });
    for (let n = 0; n < 20; n++) if ((await tell(n).catch((error: Error) => error)) instanceof Error) break;
    await expect(tell(99)).rejects.toThrow("paused");
    await page.getByRole("link", { name: /Waits on me/ }).click();
    await page.getByText(/chatty.*messages are paused/).waitFor();
    await page.getByRole("button", { name: "Let them go on" }).click();
    await page.getByText("Nothing waits on you").waitFor();
    await tell(100);
  });

  // @req dashboard.act
  test("a session is ended only after it was asked about, and shown as gone when it is", async () => {
    await using short = await fakeSession(daemon.sandbox, "shortlived");
    await talkTo("shortlived");
    await page.getByRole("button", { name: "End…" }).click();
    await page.getByRole("button", { name: "Leave it running" }).click();
    expect((await short.call("whoami", {})).peer.name).toBe("shortlived");
    await page.getByRole("button", { name: "End…" }).click();
    await page.getByRole("button", { name: "End it" }).click();
    await page.getByText(/^shortlived was ended/).waitFor();
    await page
      .getByText(/offline since/)
      .first()
      .waitFor();
  });

  test("sessions are started only where config.yaml says so: it says nothing, so the page says what to write", async () => {
    await page.getByRole("button", { name: "Start a session" }).click();
    await page.getByText(/It lists none yet/).waitFor();
    expect(await page.getByRole("button", { name: "Start", exact: true }).count()).toBe(0);
  });

  // @req dashboard.heals
  test("a daemon that is killed is shown as gone, and comes back without a reload, with what happened meanwhile", async () => {
    await talkTo("backend");
    await page.evaluate(() => Object.assign(globalThis, { sameDocument: true }));
    await daemon.end();
    await page.getByText("No connection to the daemon").waitFor();
    await page.getByLabel("Question to backend").fill("while you were gone");
    expect(await page.getByRole("button", { name: "Ask", exact: true }).isDisabled()).toBe(true);
    await daemon.start();
    await page.getByText("No connection to the daemon").waitFor({ state: "detached" });
    await until(
      async () => (await daemon.mesh.peers({})).peers.filter(({ delivery }) => delivery?.rung).length >= 2,
      "the sessions are back",
    );
    await frontend.call("notify", { peer: "backend", text: "told after the restart" });
    await page.getByText("told after the restart").waitFor();
    await page.getByRole("button", { name: "Ask", exact: true }).click();
    await page.locator(".message.mine", { hasText: "while you were gone" }).waitFor();
    expect(await page.evaluate(() => "sameDocument" in globalThis)).toBe(true);
  });

  // @req dashboard.offline
  test("the page opens while the daemon is down, says so, and is there when the daemon is", async () => {
    await page.evaluate(() => navigator.serviceWorker.ready);
    await daemon.end();
    await page.reload();
    await page.getByText("No connection to the daemon").waitFor();
    const kept = await page.evaluate(async () => {
      const names = await caches.keys();
      const lists = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
      return lists.flat().map((request) => new URL(request.url).pathname);
    });
    expect(kept.filter((path) => !/^\/($|assets\/|icon|manifest)/.test(path))).toEqual([]);
    await daemon.start();
    await page.getByText("No connection to the daemon").waitFor({ state: "detached" });
    await page.getByRole("link", { name: "backend", exact: true }).waitFor();
  });

  // @req dashboard.keyboard
  test("all of it goes by keyboard: palette, places, help", async () => {
    await page.getByRole("heading", { name: "Mesh" }).waitFor();
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keyboard" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.keyboard.press("w");
    await page.getByRole("heading", { name: "Waits on me" }).waitFor();
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox", { name: "Peer or command" }).waitFor();
    await page.keyboard.type("backe");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "backend" }).waitFor();
    await page.keyboard.press("r");
    await page.keyboard.type("by hand");
    await page.keyboard.press("Control+Enter");
    await page.locator(".message.mine", { hasText: "by hand" }).waitFor();
  });
});
