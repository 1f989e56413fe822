import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { homePaths } from "../../src/platform/paths.ts";
import { type BrowserScene, browserScene, withBrowser } from "../support/browser-scene.ts";
import { type FakeSession, fakeSession } from "../support/fake-session.ts";
import { git } from "../support/git.ts";
import { fakeAgents } from "../support/launch-world.ts";
import type { TempHome } from "../support/temp-home.ts";

/** What a person does to sessions on the page, in a real Chromium: their roles, their mail, their checkouts, one question to several. */
setDefaultTimeout(60_000);

let bin: TempHome;
let scene: BrowserScene;
let backend: FakeSession;
let frontend: FakeSession;

withBrowser("Acting on the page", () => {
  beforeAll(async () => {
    bin = fakeAgents("opencode");
    scene = await browserScene({
      env: { PATH: `${bin.path}:${process.env.PATH}` },
      prepare(home) {
        const root = dirname(home);
        mkdirSync(join(root, "work"), { recursive: true });
        writeFileSync(
          homePaths(home).config,
          `spawn:\n  folders: [${root}/work]\n  tmux_socket: ${join(root, "tmux.sock")}\n  profiles:\n    quick: { runtime: opencode, args: ["--mode", "works", "--log", "${root}/log"] }\n`,
        );
      },
    });
    const start = (name: string) => fakeSession(scene.daemon.sandbox, name);
    [backend, frontend] = await Promise.all([start("backend"), start("frontend")]);
  });
  afterAll(async () => {
    await frontend?.[Symbol.asyncDispose]();
    await backend?.[Symbol.asyncDispose]();
    await scene?.[Symbol.asyncDispose]();
    bin?.[Symbol.dispose]();
  });
  afterEach(() => {
    expect(scene.faults()).toEqual([]);
    expect(scene.hosts()).toEqual([new URL(scene.url("/")).host]);
  });

  // @req dashboard.act
  test("a session becomes orchestrator only after what that means was shown, and an agent again", async () => {
    const page = await scene.open(`/#/peer/${backend.id}`);
    await page.getByRole("button", { name: "Role…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText(/sees and reaches every circle/).waitFor();
    await dialog.getByRole("button", { name: "Leave it as it is" }).click();
    expect((await backend.call("whoami", {})).peer.role).toBe("agent");
    await page.getByRole("button", { name: "Role…" }).click();
    await page.getByRole("button", { name: "Make it orchestrator" }).click();
    await page.getByText("backend is an orchestrator now.").waitFor();
    expect((await backend.call("whoami", {})).peer.role).toBe("orchestrator");
    await page.getByRole("button", { name: "Role…" }).click();
    await page.getByRole("button", { name: "Take it back" }).click();
    await page.getByText("backend is an agent again.").waitFor();
    expect((await backend.call("whoami", {})).peer.role).toBe("agent");
    await page.close();
  });

  // @req dashboard.act
  test("a session is left in quiet for a while, and its mail follows when that ends; what is decided for good holds", async () => {
    const page = await scene.open(`/#/peer/${backend.id}`);
    await page.getByRole("button", { name: "Mail…" }).click();
    await page.getByLabel("Quiet for").selectOption("15");
    await page.getByRole("button", { name: "Quiet", exact: true }).click();
    await page.getByText(/^backend gets nothing until/).waitFor();
    await frontend.call("notify", { peer: "backend", text: "not now", urgency: "urgent" });
    expect(backend.received).toEqual([]);
    await page.getByRole("button", { name: "Mail…" }).click();
    await page.getByText(/Now they are held: its user wants quiet for 15 min more/).waitFor();
    await page.getByRole("button", { name: "End quiet" }).click();
    await page.getByText(/^backend takes messages as before/).waitFor();
    await backend.got("not now");

    await page.getByRole("button", { name: "Mail…" }).click();
    expect(await page.getByRole("button", { name: "Decide" }).isDisabled()).toBe(true);
    await page.getByLabel("From now on").selectOption("refuse");
    await page.getByRole("button", { name: "Decide" }).click();
    await page.getByText("backend: refuse all.").waitFor();
    await expect(frontend.call("notify", { peer: "backend", text: "hello?" })).rejects.toThrow(/^refused_by_peer/);
    await page.getByRole("button", { name: "Mail…" }).click();
    await page.getByLabel("From now on").selectOption("auto");
    await page.getByRole("button", { name: "Decide" }).click();
    await page.getByText("backend: by the rule for its mode.").waitFor();
    await page.close();
  });

  // @req dashboard.ask-several
  test("one question goes to those that were chosen, nobody beforehand, and how each stands is shown as it becomes known", async () => {
    const page = await scene.open("/");
    await page.getByRole("button", { name: "Ask several…" }).click();
    const dialog = page.getByRole("dialog");
    expect(await dialog.getByRole("checkbox", { checked: true }).count()).toBe(0);
    expect(await dialog.getByRole("button", { name: /^Ask 0/ }).isDisabled()).toBe(true);
    await scene.someone.repowire("peer", "inbound", "frontend", "refuse");
    for (const name of ["backend", "frontend"]) await dialog.getByRole("checkbox", { name }).check();
    await dialog.getByLabel("The question").fill("Which version do you run?");
    await dialog.getByRole("button", { name: "Ask 2" }).click();
    const asked = page.getByRole("dialog", { name: "Asked" });
    await asked.getByRole("listitem").filter({ hasText: "frontend" }).getByText("not asked").waitFor();
    const one = asked.getByRole("listitem").filter({ hasText: "backend" });
    await one.getByText("no answer yet").waitFor();
    const { handle } = await backend.got("Which version do you run?");
    await backend.call("reply", { id: handle, text: "v2" });
    await one.getByText("answered").waitFor();
    await one.getByRole("link", { name: "backend" }).click();
    await page.getByText("v2", { exact: true }).waitFor();
    await scene.someone.repowire("peer", "inbound", "frontend", "auto");
    await page.close();
  });

  // @req dashboard.later
  test("a message is planned, seen and taken back; what is no time is refused, and stays in the field", async () => {
    const page = await scene.open("/");
    await page.getByRole("link", { name: "Later" }).click();
    await page.getByText("Nothing is planned.").waitFor();
    await page.getByLabel("Whom").selectOption({ label: "frontend" });
    await page.getByLabel("Text").fill("run the <b>slow</b> tests");
    await page.getByLabel("When").fill("25:00");
    await page.getByRole("button", { name: "Plan it" }).click();
    await page
      .getByRole("alert")
      .getByText(/That is no time/)
      .waitFor();
    expect(await page.getByLabel("Text").inputValue()).toBe("run the <b>slow</b> tests");
    await page.getByLabel("When").fill("3h");
    await page.getByRole("button", { name: "Plan it" }).click();
    const card = page.getByRole("article", { name: /^for later/ });
    await card.getByText("run the <b>slow</b> tests").waitFor();
    const planned = JSON.parse((await scene.someone.repowire("schedule", "list", "--json")).out).schedules;
    expect(planned).toMatchObject([{ to: "frontend", kind: "notify", text: "run the <b>slow</b> tests" }]);
    await card.getByRole("button", { name: "Take it back" }).click();
    await page.getByText("Nothing is planned.").waitFor();
    await page.close();
  });

  // @req dashboard.attachments
  test("a file that came with a message is saved as it was sent", async () => {
    const file = scene.daemon.sandbox.file("build.html");
    writeFileSync(file, "<script>nine sheep</script>");
    const sent = await scene.someone.repowire("peer", "notify", "frontend", "the report", "--attach", file);
    expect([sent.code, sent.err]).toEqual([0, ""]);
    const page = await scene.open(`/#/peer/${frontend.id}`);
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: /Save build\.html/ }).click();
    const saved = await (await download).path();
    expect(readFileSync(saved, "utf8")).toBe("<script>nine sheep</script>");
    await page.close();
  });

  // @req dashboard.worktrees
  test("a worktree is removed only when what would be lost was named and ticked", async () => {
    const root = join(scene.daemon.sandbox.root, "work", "api");
    mkdirSync(root);
    git(root, "init", "-q");
    writeFileSync(join(root, "a.txt"), "one");
    git(root, "add", ".");
    git(root, "commit", "-qm", "one");
    const made = await scene.someone.repowire("peer", "new", root, "--worktree", "feat/x", "--profile", "quick");
    expect([made.code, made.err]).toEqual([0, ""]);
    const folder = join(scene.daemon.sandbox.root, "work", "api-feat-x");
    writeFileSync(join(folder, "unsaved.txt"), "work");

    const page = await scene.open("/");
    await page.getByRole("link", { name: "Worktrees" }).click();
    const card = page.getByRole("article", { name: "worktree feat/x" });
    await card.getByText("1 file", { exact: true }).waitFor();
    await card.getByText(/api-feat-x \(/).waitFor();
    await card.getByRole("button", { name: "Remove…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText(/unsaved\.txt/).waitFor();
    const remove = dialog.getByRole("button", { name: "Remove it" });
    expect(await remove.isDisabled()).toBe(true);
    await dialog.getByLabel("lose these for good").check();
    // A session works in it: the daemon refuses, and says who.
    await remove.click();
    await page
      .locator(".toast.refused")
      .getByText(/api-feat-x/)
      .waitFor();
    expect(existsSync(join(folder, "unsaved.txt"))).toBe(true);

    await scene.someone.repowire("peer", "kill", "api-feat-x");
    // What came after it was shown is not what was ticked.
    writeFileSync(join(folder, "later.txt"), "more work");
    await remove.click();
    await page
      .locator(".toast.refused")
      .getByText(/other work in it than what is shown/)
      .waitFor();
    expect(existsSync(join(folder, "later.txt"))).toBe(true);
    await dialog.getByRole("button", { name: "Leave it" }).click();
    await card.getByText("2 files", { exact: true }).waitFor();
    await card.getByRole("button", { name: "Remove…" }).click();
    await dialog.getByLabel("lose these for good").check();
    await remove.click();
    await page.getByText(/^Removed .*Lost: .*later\.txt.*unsaved\.txt/).waitFor();
    await page.getByText(/^None yet\./).waitFor();
    expect(existsSync(folder)).toBe(false);
    await page.close();
  });
});
