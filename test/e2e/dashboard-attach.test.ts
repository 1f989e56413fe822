import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { JSHandle, Page } from "playwright-core";
import { HTTP_PATHS, LIMITS, PAGE_HEADER } from "../../src/protocol/index.ts";
import { type BrowserScene, browserScene, withBrowser } from "../support/browser-scene.ts";
import { type FakeSession, fakeSession } from "../support/fake-session.ts";
import { until } from "../support/until.ts";

/** Files that a person sends from the page, in a real Chromium: what arrives, and what is refused. */
setDefaultTimeout(60_000);

let scene: BrowserScene;
let backend: FakeSession;
let frontend: FakeSession;

const sha256 = (bytes: Uint8Array | string) => new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
const file = (name: string, content: string | Uint8Array) => ({
  name,
  mimeType: "text/plain",
  buffer: Buffer.from(content),
});

async function choose(page: Page, ...files: ReturnType<typeof file>[]): Promise<void> {
  const chooser = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Attach files" }).click();
  await (await chooser).setFiles(files);
}

const entry = (page: Page, name: string) =>
  page.getByRole("list", { name: "files to send" }).getByRole("listitem").filter({ hasText: name });

/** What a browser hands over with a drop or a paste. */
const carried = (page: Page, name: string, content: string): Promise<JSHandle<DataTransfer>> =>
  page.evaluateHandle(
    ([title = "", text = ""]) => {
      const data = new DataTransfer();
      data.items.add(new File([text], title));
      return data;
    },
    [name, content],
  );

withBrowser("Attaching files on the page", () => {
  beforeAll(async () => {
    scene = await browserScene();
    const start = (name: string) => fakeSession(scene.daemon.sandbox, name);
    [backend, frontend] = await Promise.all([start("backend"), start("frontend")]);
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

  // @req dashboard.attach
  test("files that are chosen go with the question, and its recipient reads the same bytes", async () => {
    const page = await scene.open(`/#/peer/${backend.id}`);
    const bytes = crypto.getRandomValues(new Uint8Array(60_000));
    await choose(page, file("build <1>.bin", bytes), file("note.txt", "nine sheep"));
    // Its name is shown as the recipient will read it.
    await entry(page, "build _1_.bin").getByText("60 kB · attached").waitFor();
    await entry(page, "note.txt").getByText("10 bytes · attached").waitFor();
    await page.getByText("2 of 2 files attached.").waitFor({ state: "attached" });
    expect(await page.getByRole("button", { name: "Ask", exact: true }).isDisabled()).toBe(true);
    await page.getByText("Write a line for the file to go with.").waitFor();
    await page.getByLabel("Question to backend").fill("What broke it?");
    await page.keyboard.press("Control+Enter");
    const { handle, attachments = [] } = await backend.got("What broke it?");
    expect(attachments.map(({ name, size, sha256: hash }) => [name, size, hash])).toEqual([
      ["build _1_.bin", bytes.length, sha256(bytes)],
      ["note.txt", 10, sha256("nine sheep")],
    ]);
    const out = scene.daemon.sandbox.file("saved.bin");
    expect((await backend.repowire("attachment", "get", attachments[0]?.id ?? "", "--out", out)).code).toBe(0);
    expect(sha256(readFileSync(out))).toBe(sha256(bytes));
    await page.locator(".message.mine").getByRole("button", { name: "Save note.txt" }).waitFor();
    expect(await page.getByRole("list", { name: "files to send" }).count()).toBe(0);
    await backend.call("reply", { id: handle, text: "the first line" });
    await page.close();
  });

  // @req dashboard.attach
  test("they are dropped and pasted as well, outlive a reload, and are taken out by keyboard", async () => {
    const page = await scene.open(`/#/peer/${frontend.id}`);
    await page.getByLabel("Question to frontend").fill("see these");
    const dropped = await carried(page, "dropped.txt", "dropped");
    await page.dispatchEvent(".messages", "dragover", { dataTransfer: dropped });
    await page.locator(".composer.dropping").waitFor();
    await page.dispatchEvent(".messages", "drop", { dataTransfer: dropped });
    await entry(page, "dropped.txt").getByText("attached").waitFor();
    expect(await page.locator(".composer.dropping").count()).toBe(0);
    const pasted = await carried(page, "pasted.png", "pasted");
    await page.getByLabel("Question to frontend").evaluate((field, clipboardData) => {
      field.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
    }, pasted);
    await entry(page, "pasted.png").getByText("attached").waitFor();

    await page.reload();
    for (const name of ["dropped.txt", "pasted.png"]) await entry(page, name).getByText("attached").waitFor();
    await page.getByRole("button", { name: "Remove dropped.txt" }).focus();
    await page.keyboard.press("Enter");
    await entry(page, "dropped.txt").waitFor({ state: "detached" });
    const focused = () => page.evaluate(() => document.activeElement?.getAttribute("aria-label"));
    expect(await focused()).toBe("Remove pasted.png");
    await page.getByLabel("What it is").selectOption("notify");
    await page.getByRole("button", { name: "Tell", exact: true }).click();
    const { attachments = [] } = await frontend.got("see these");
    expect(attachments.map(({ name, sha256: hash }) => [name, hash])).toEqual([["pasted.png", sha256("pasted")]]);

    await choose(page, file("last.txt", "x"));
    await page.getByRole("button", { name: "Remove last.txt" }).focus();
    await page.keyboard.press("Space");
    await entry(page, "last.txt").waitFor({ state: "detached" });
    expect(await focused()).toBe("Attach files");
    await page.close();
  });

  // @req dashboard.attach
  test("one file goes to all of a circle, and to several with a question", async () => {
    const page = await scene.open("/");
    await page.getByRole("button", { name: /^Tell all/ }).click();
    await choose(page, file("all.md", "# all"));
    await page.getByLabel("What all should know").fill("the plan");
    await page.getByRole("button", { name: "Tell 2" }).click();
    await page.getByRole("button", { name: "Ask several…" }).click();
    const dialog = page.getByRole("dialog", { name: "Ask several" });
    for (const name of ["backend", "frontend"]) await dialog.getByRole("checkbox", { name }).check();
    await choose(page, file("some.md", "# some"));
    await dialog.getByLabel("The question").fill("does it fit?");
    await dialog.getByRole("button", { name: "Ask 2" }).click();
    for (const session of [backend, frontend]) {
      const { handle, attachments } = await session.got("does it fit?");
      expect(attachments?.[0]?.sha256).toBe(sha256("# some"));
      await session.call("reply", { id: handle, text: "yes" });
      // What all are told starts no turn: it came along with the question.
      expect((await session.got("the plan")).attachments?.[0]?.sha256).toBe(sha256("# all"));
    }
    await page.close();
  });

  // @req dashboard.attach
  test("a file that did not get through is not attached, and is brought again when asked", async () => {
    const page = await scene.open(`/#/peer/${backend.id}`);
    await page.getByLabel("Question to backend").fill("after the break?");
    await page.route(`**${HTTP_PATHS.attachments}?*`, (route) => route.abort());
    await choose(page, file("late.txt", "late"));
    await entry(page, "late.txt").getByText("The daemon does not answer").waitFor();
    await page.unroute(`**${HTTP_PATHS.attachments}?*`);
    await page.getByRole("button", { name: "Attach late.txt again" }).click();
    await entry(page, "late.txt").getByText("4 bytes · attached").waitFor();
    await page.getByRole("button", { name: "Ask", exact: true }).click();
    const { handle, attachments } = await backend.got("after the break?");
    expect(attachments?.[0]?.sha256).toBe(sha256("late"));
    await backend.call("reply", { id: handle, text: "yes" });
    await page.close();
  });

  // @req dashboard.attach
  test("what is refused says why, nothing goes without it, and nothing that was written is lost", async () => {
    const page = await scene.open(`/#/peer/${backend.id}`);
    const field = page.getByLabel("Question to backend");
    await field.fill("all of it?");
    await choose(page, file("huge.log", new Uint8Array(LIMITS.attachmentBytesMax + 1)));
    await entry(page, "huge.log").getByText("10 MB at most").waitFor();
    await page.getByRole("button", { name: "Remove huge.log" }).click();

    const nine = Array.from({ length: LIMITS.attachmentsPerMessageMax + 1 }, (_, at) => file(`part${at}`, "x"));
    await choose(page, ...nine);
    await page.getByRole("alert").getByText("At most 8 files go with a message. Left out: part8.").waitFor();
    const all = page.getByRole("list", { name: "files to send" }).getByRole("listitem");
    await until(async () => (await all.getByText("· attached").count()) === 8, "eight files");
    expect(await all.count()).toBe(8);
    while ((await all.count()) > 0)
      await all
        .first()
        .getByRole("button", { name: /^Remove/ })
        .click();

    // More than one person may have lying about, without a message.
    await page.evaluate(
      async ([path = "", header = "", count = "0"]) => {
        const headers = { [header]: localStorage.getItem("repowire.page") ?? "" };
        for (let sent = 0; sent < Number(count); sent++)
          await fetch(`${path}?name=x`, { method: "POST", headers, body: "x" });
      },
      [HTTP_PATHS.attachments, PAGE_HEADER, String(LIMITS.attachmentsUnsentMax)],
    );
    await choose(page, file("one-more.txt", "x"));
    const more = entry(page, "one-more.txt");
    await more.getByText(/You have \d+ files here that went with no message yet/).waitFor();
    await page.getByRole("button", { name: "Ask", exact: true }).click();
    await page
      .getByRole("alert")
      .getByText(/Not attached: one-more\.txt/)
      .waitFor();
    expect(await field.inputValue()).toBe("all of it?");
    await page.getByRole("button", { name: "Attach one-more.txt again" }).click();
    await more.getByText("not attached").waitFor();
    await page.getByRole("button", { name: "Remove one-more.txt" }).click();
    expect(backend.received.some(({ body }) => body === "all of it?")).toBe(false);
    await page.getByRole("button", { name: "Ask", exact: true }).click();
    expect((await backend.got("all of it?")).attachments ?? []).toEqual([]);
    await page.close();
  });
});
