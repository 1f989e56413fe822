import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { AxeResults } from "axe-core";
import type { BrowserContext, Page } from "playwright-core";
import { LIMITS } from "../../src/protocol/index.ts";
import { type BrowserScene, browserScene, PHONE, withBrowser } from "../support/browser-scene.ts";
import { type FakeSession, fakeSession } from "../support/fake-session.ts";

/** Whether everybody can read and use the page: axe's judgement of every view, in both themes, on a phone and on a desk. */
setDefaultTimeout(120_000);

const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const DESK = { width: 1_440, height: 900 };

let scene: BrowserScene;
let sessions: FakeSession[] = [];

withBrowser("The dashboard's looks", () => {
  beforeAll(async () => {
    scene = await browserScene();
  });
  afterAll(async () => {
    for (const session of sessions) await session[Symbol.asyncDispose]();
    await scene?.[Symbol.asyncDispose]();
  });

  // @req dashboard.first-run
  test("an empty mesh shows two commands, and becomes the live page with the first peer", async () => {
    const page = await scene.open("/");
    await page.getByRole("heading", { name: "No agent is here yet" }).waitFor();
    await page.getByText("repowire setup", { exact: true }).waitFor();
    expect(await serious(page)).toEqual([]);
    const start = (name: string) => fakeSession(scene.daemon.sandbox, name);
    sessions = [await start("backend")];
    await page.getByRole("heading", { name: "Mesh" }).waitFor();
    await page.getByRole("link", { name: "backend", exact: true }).waitFor();
    sessions.push(await start("frontend"));
    await page.close();
    const [backend, frontend] = sessions;
    await backend?.call("describe", { text: "adds paging" });
    await frontend?.call("ask", {
      peer: "backend",
      question: "Is `it` **paged**?\n\n1. yes\n2. no\n\n> or so",
      wait_seconds: 0,
    });
    await frontend?.call("notify", {
      peer: "backend",
      text: "| a | b |\n|---|---|\n| 1 | [x](https://a.test) |\n\n```\ncode\n```",
    });
    const held = { peer: "frontend", text: "kept **back**" };
    await scene.someone.repowire("quiet", "frontend", "30m");
    await backend?.call("notify", held);
    backend?.requestPermission({ request: "r", tool: "Edit", preview: "--- a\n+++ b\n@@ -1 +1 @@\n-old\n+new" });
  });

  // @req dashboard.accessible
  describe.each([
    ["light", PHONE],
    ["dark", PHONE],
    ["light", DESK],
    ["dark", DESK],
  ] as const)("in the %s theme, at %o", (colorScheme, viewport) => {
    let context: BrowserContext;
    beforeAll(async () => {
      // The policy of the page would keep the judge out.
      context = await scene.alike({ colorScheme, viewport, bypassCSP: true, reducedMotion: "reduce" });
    });
    afterAll(() => context?.close());

    test.each([
      ["the mesh", "/", "Mesh"],
      ["a conversation", "/#/peer/", "backend"],
      ["what waits", "/#/waits", "Waits on me"],
      ["a search", "/#/find/paged", "Find"],
      ["health", "/#/health", "Health"],
      ["worktrees", "/#/worktrees", "Worktrees"],
      ["planned messages", "/#/later", "Later"],
      ["a replay", "/#/replay", "Replay"],
    ])("%s has no serious finding, and nothing wider than the window", async (_name, path, heading) => {
      const page = await scene.open(path === "/#/peer/" ? path + sessions[0]?.id : path, context);
      await page.getByRole("heading", { name: heading, level: 1 }).waitFor();
      if (path === "/#/peer/") {
        await page.getByRole("button", { name: "Trace" }).first().click();
        await attachSome(page);
      }
      if (path === "/#/health") await page.getByRole("button", { name: "Follow" }).click();
      if (path === "/#/replay") await page.getByRole("slider").waitFor();
      await page.waitForTimeout(300);
      expect(await serious(page)).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
      await page.close();
    });

    test.each([
      ["asking several", "/", "Ask several…"],
      ["a peer's mail", "/#/peer/", "Mail…"],
      ["a peer's role", "/#/peer/", "Role…"],
      ["saving a run", "/#/find/", "Save a run…"],
    ])("the dialog for %s has none", async (_name, path, button) => {
      const page = await scene.open(path === "/#/peer/" ? path + sessions[0]?.id : path, context);
      await page.getByRole("button", { name: button }).click();
      await page.getByRole("dialog").waitFor();
      expect(await serious(page)).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
      await page.close();
    });

    test.each([
      ["the palette", "Control+k"],
      ["the help", "?"],
    ])("%s has none either", async (_name, key) => {
      const page = await scene.open("/", context);
      await page.getByRole("heading", { name: "Mesh" }).waitFor();
      await page.keyboard.press(key);
      await page.getByRole("dialog").waitFor();
      expect(await serious(page)).toEqual([]);
      await page.close();
    });
  });

  test("a thumb finds every button of the phone's page, and no field makes it zoom", async () => {
    const paths = ["/", `/#/peer/${sessions[0]?.id}`, "/#/waits", "/#/find/?kind=ask", "/#/health", "/#/replay"];
    for (const path of paths) {
      const page = await scene.open(path);
      await page.getByRole("heading", { level: 1 }).waitFor();
      await page.waitForTimeout(200);
      const small = await page.evaluate(() => {
        const seen = [...document.querySelectorAll<HTMLElement>("button, select, nav a, input, textarea")].filter(
          (element) => element.offsetWidth > 1 && getComputedStyle(element).visibility === "visible",
        );
        return seen.flatMap((element) => {
          const { width, height } = element.getBoundingClientRect();
          const isField = /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName);
          const zooms = isField && Number.parseFloat(getComputedStyle(element).fontSize) < 16;
          return height < 32 || width < 32 || zooms ? [`${element.outerHTML.slice(0, 80)} ${width}x${height}`] : [];
        });
      });
      expect([path, small.filter((line) => !line.includes('class="skip"'))]).toEqual([path, []]);
      await page.close();
    }
  });
});

/** One that is taken, under a name wider than a phone, and one that is refused. */
async function attachSome(page: Page): Promise<void> {
  const file = (name: string, bytes: number) => ({ name, mimeType: "text/plain", buffer: Buffer.alloc(bytes) });
  const files = [file(`${"a-long-name-".repeat(8)}.log`, 1), file("huge.bin", LIMITS.attachmentBytesMax + 1)];
  await page.locator(".composer input[type=file]").setInputFiles(files);
  await page.getByText("1 byte · attached").waitFor();
  await page.locator(".to-send .why").waitFor();
}

/** Axe's findings that are serious or worse, each with the element. */
async function serious(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(
    () => (globalThis as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run(), // put there by the line above
  );
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 150)} ${failureSummary}`),
    );
}
