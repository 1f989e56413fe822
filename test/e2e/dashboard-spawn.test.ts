import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { homePaths } from "../../src/platform/paths.ts";
import { type BrowserScene, browserScene, withBrowser } from "../support/browser-scene.ts";
import { fakeAgents } from "../support/launch-world.ts";
import type { TempHome } from "../support/temp-home.ts";

/** Sessions started and ended on the page, as real processes in a real tmux on a private socket. */
setDefaultTimeout(60_000);

let bin: TempHome;
let scene: BrowserScene;

withBrowser("Starting sessions on the page", () => {
  beforeAll(async () => {
    bin = fakeAgents("opencode");
    scene = await browserScene({
      env: { PATH: `${bin.path}:${process.env.PATH}` },
      prepare(home) {
        const root = dirname(home);
        mkdirSync(join(root, "work", "shop"), { recursive: true });
        writeFileSync(
          homePaths(home).config,
          `spawn:\n  folders: [${root}/work]\n  tmux_socket: ${join(root, "tmux.sock")}\n  profiles:\n    quick: { runtime: opencode, args: ["--mode", "works", "--log", "${root}/log"] }\n`,
        );
      },
    });
  });
  afterAll(async () => {
    await scene?.[Symbol.asyncDispose]();
    bin?.[Symbol.dispose]();
  });

  // @req dashboard.spawn-listed
  test("offers what config.yaml lists and nothing else, refuses with the reason, and shows the session when it is up", async () => {
    const page = await scene.open("/");
    await page.getByRole("button", { name: "start a session" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Folder").waitFor();
    expect(await dialog.getByLabel("Folder").locator("option").allTextContents()).toEqual([
      join(scene.daemon.sandbox.root, "work"),
    ]);
    expect(await dialog.getByLabel("As").locator("option").allTextContents()).toEqual(["quick (OpenCode)"]);

    await dialog.getByLabel("Below it (not needed)").fill("../..");
    await dialog.getByRole("button", { name: "Start", exact: true }).click();
    expect(await dialog.getByRole("alert").textContent()).toMatch(/^Not started\. .* is not among spawn\.folders/);

    await dialog.getByLabel("Below it (not needed)").fill("shop");
    await dialog.getByRole("button", { name: "Start", exact: true }).click();
    await page.getByText(/^shop is up, in /).waitFor();
    await page.getByRole("heading", { name: "shop" }).waitFor();
    await page.getByRole("button", { name: "Screen…" }).click();
    await page
      .getByRole("dialog")
      .getByText(/tmux .*attach/)
      .waitFor();
    await page.getByRole("button", { name: "Close" }).click();

    await page.getByRole("button", { name: "Restart…" }).click();
    await page.getByRole("button", { name: "Restart it" }).click();
    await page.getByText(/^shop is up again/).waitFor();

    await page.getByRole("button", { name: "End…" }).click();
    await page.getByRole("button", { name: "End it" }).click();
    await page.getByText(/^shop was ended/).waitFor();
    await page
      .getByText(/offline since/)
      .first()
      .waitFor();
    expect(scene.faults()).toEqual([]);
    await page.close();
  });
});
