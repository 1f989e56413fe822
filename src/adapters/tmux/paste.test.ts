import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { tempHome } from "../../../test/support/temp-home.ts";
import { privateTerminal, type Terminal } from "../../../test/support/terminal.ts";
import type { Composer, ComposerProbe } from "./composer.ts";
import { findPane, type Pane } from "./find.ts";
import { look } from "./look.ts";
import { linePattern, pasteAndEnter } from "./paste.ts";
import { findTmux } from "./server.ts";

const FAKE = resolve(import.meta.dir, "../../../test/fixtures/fake-tui.ts");
const TAG = "[repowire k7q2x]";

const hasTmux = findTmux() !== undefined;
if (!hasTmux) {
  const say = "tmux is missing, so the tests of src/adapters/tmux do not run. Install it: apt-get install tmux";
  if (process.env.REPOWIRE_CI === "1") throw new Error(say);
  console.warn(say);
}

const probe: ComposerProbe = {
  read({ title, lines }): Composer {
    if (!title.includes("Ready")) return { state: "none", why: `busy: ${title}`, passes: true };
    const line = lines.findLastIndex((text) => text.startsWith(" > "));
    const bottom = lines.findIndex((text, at) => at > line && text.startsWith("▀"));
    if (line < 0 || bottom < 0) return { state: "none", why: "no composer", passes: true };
    const text = lines
      .slice(line, bottom)
      .map((part) => part.slice(3))
      .join("\n");
    return text === "  Type your message" ? { state: "empty", line } : { state: "holds", text, line };
  },
};

describe.skipIf(!hasTmux)("a text for a session in a pane", () => {
  const timing = { quietMs: 0, settleMs: 150, showMs: 800, takeMs: 1_000 };
  let home: ReturnType<typeof tempHome>;
  let terminal: Terminal;
  let runs = 0;
  const open: string[] = [];

  beforeAll(() => {
    home = tempHome();
    terminal = privateTerminal(home.path);
    // A server ends with its last session, and the next one must not meet it on its way out.
    terminal.open("keeper", { cwd: home.path, env: {}, command: ["sleep", "600"] });
  });
  afterEach(() => {
    for (const name of open.splice(0)) terminal.kill(name);
  });
  afterAll(() => {
    terminal.close();
    home[Symbol.dispose]();
  });

  async function fake() {
    const name = `tui${runs++}`;
    const log = join(home.path, `${name}.log`);
    terminal.open(name, {
      cwd: home.path,
      env: { PATH: process.env.PATH ?? "" },
      command: [process.execPath, "--no-env-file", FAKE, log],
    });
    open.push(name);
    await terminal.waitFor(name, /Type your message/);
    const pid = terminal.pid(name);
    const pane = await findPane(pid);
    if (!pane) throw new Error("the pane was not found");
    const events = () => readFileSync(log, "utf8").trim().split("\n");
    const deliver = (more: Partial<Parameters<typeof pasteAndEnter>[0]> = {}) =>
      pasteAndEnter({ pane, pid, text: TAG, probe, timing, ...more });
    return { name, pid, pane, events, deliver, screen: () => terminal.screen(name) };
  }

  test("an idle composer takes it once, whole", async () => {
    const session = await fake();
    expect(await session.deliver()).toMatchObject({ verdict: "delivered" });
    expect(session.events()).toEqual(["ready", "pasted", `sent ${TAG}`]);
    expect(await buffers(session.pane)).toBe("");
  });

  test("the pane is found by its server and by ancestry, with a name for people", async () => {
    const session = await fake();
    expect(session.pane.id).toMatch(/^%\d+$/);
    expect(session.pane.rootPid).toBe(session.pid);
    expect(session.pane.label).toBe(`${session.name}:0.0`);
    expect(await findPane(process.pid, { tmux: `${join(home.path, "tmux.sock")},1,0` })).toBeUndefined();
    expect((await look(session.pane)).title).toContain("Ready");
  });

  test("a draft: nothing is pasted and nothing pressed", async () => {
    const session = await fake();
    terminal.press(session.name, "h", "a", "l", "f");
    await terminal.waitFor(session.name, /> half/);
    expect(await session.deliver()).toMatchObject({
      verdict: "not_delivered",
      reason: expect.stringContaining("draft"),
    });
    expect(session.events()).toEqual(["ready"]);
    expect(session.screen()).toContain("> half");
  });

  test.each([
    ["a running turn", "C-b"],
    ["a dialog", "C-f"],
  ])("%s: nothing is pasted and nothing pressed", async (_what, key) => {
    const session = await fake();
    terminal.press(session.name, key);
    await Bun.sleep(300);
    expect(await session.deliver()).toMatchObject({ verdict: "not_delivered", passes: true });
    expect(session.events()).toEqual(["ready"]);
  });

  test("somebody types behind the text: it stays, and Enter is not pressed", async () => {
    const session = await fake();
    const delivering = session.deliver({ timing: { ...timing, settleMs: 600 } });
    await terminal.waitFor(session.name, /k7q2x/);
    terminal.press(session.name, "x");
    expect(await delivering).toMatchObject({ verdict: "unconfirmed" });
    expect(session.events()).toEqual(["ready", "pasted"]);
    expect(session.screen()).toContain(`> ${TAG}x`);
  });

  test("a dialog opens between paste and Enter: it is not answered", async () => {
    const session = await fake();
    const delivering = session.deliver({ timing: { ...timing, settleMs: 600 } });
    await terminal.waitFor(session.name, /k7q2x/);
    terminal.press(session.name, "C-f");
    expect(await delivering).toMatchObject({ verdict: "unconfirmed" });
    expect(session.events()).toEqual(["ready", "pasted"]);
  });

  test("a dialog opens after the last look: tmux itself withholds the Enter", async () => {
    const session = await fake();
    let looks = 0;
    const late: ComposerProbe = {
      read(seen) {
        const composer = probe.read(seen);
        // The third look is the one that finds the text in the composer; the screen changes before the Enter that follows it.
        if (composer.state === "holds" && ++looks === 1) {
          terminal.press(session.name, "C-f");
          Bun.sleepSync(300);
        }
        return composer;
      },
    };
    expect(await session.deliver({ probe: late })).toMatchObject({
      verdict: "unconfirmed",
      reason: expect.stringContaining("not pressed"),
    });
    expect(session.events()).toEqual(["ready", "pasted"]);
  });

  test("its text was left from before: Enter alone finishes it", async () => {
    const session = await fake();
    terminal.press(session.name, "-l", TAG);
    await terminal.waitFor(session.name, /k7q2x/);
    expect(await session.deliver()).toMatchObject({ verdict: "delivered" });
    expect(session.events()).toEqual(["ready", `sent ${TAG}`]);
  });

  test("Enter that only made a new line is not taken for a delivery", async () => {
    const session = await fake();
    const result = await session.deliver({ timing: { ...timing, settleMs: 0 } });
    // Where the machine was slow, the Enter came late enough to count.
    if (result.verdict === "delivered") expect(session.events()).toContain(`sent ${TAG}`);
    else expect(session.events()).not.toContain(`sent ${TAG}`);
  });

  test("copy mode: nothing", async () => {
    const session = await fake();
    await session.pane.server.run(["copy-mode", "-t", session.pane.id]);
    expect(await session.deliver()).toMatchObject({
      verdict: "not_delivered",
      reason: expect.stringContaining("copy"),
    });
    expect(session.events()).toEqual(["ready"]);
  });

  test("the program was stopped and the shell has the terminal: nothing is pasted", async () => {
    const log = join(home.path, "stopped.log");
    terminal.open("stopped", {
      cwd: home.path,
      env: { PATH: process.env.PATH ?? "" },
      command: ["sh", "-c", `set -m; '${process.execPath}' --no-env-file '${FAKE}' '${log}' & sleep 60`],
    });
    open.push("stopped");
    const shell = terminal.pid("stopped");
    const pid = await until(() => Number(Bun.spawnSync(["pgrep", "-P", String(shell), "-f", FAKE]).stdout.toString()));
    const pane = await findPane(pid);
    if (!pane) throw new Error("the pane was not found");
    expect(await pasteAndEnter({ pane, pid, text: TAG, probe, timing })).toMatchObject({
      verdict: "not_delivered",
      reason: expect.stringContaining("foreground"),
    });
    process.kill(pid, "SIGKILL");
  });

  test("the pane is gone: said so", async () => {
    const session = await fake();
    terminal.kill(session.name);
    expect(await session.deliver()).toMatchObject({ verdict: "not_delivered" });
  });

  test("text that a terminal or a CLI could act on is refused", async () => {
    const session = await fake();
    for (const text of ["two\nlines", "\x1b[31mred", "!ls", "/quit", " x"])
      expect(session.deliver({ text })).rejects.toThrow("only one plain line");
    expect(session.events()).toEqual(["ready"]);
  });

  async function buffers(pane: Pane): Promise<string> {
    return (await pane.server.run(["list-buffers"])).trim();
  }
});

async function until(look: () => number): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const found = look();
    if (found > 0) return found;
    await Bun.sleep(50);
  }
  throw new Error("it never came");
}

test("a line's pattern fits the line alone", () => {
  const line = " > [repowire k7q2x]  (a.b) {c}, #d: › e";
  const pattern = linePattern(line);
  expect(pattern).not.toMatch(/[#{},:]/);
  expect(new RegExp(pattern.replaceAll("[[]", "\\[").replaceAll("[]]", "\\]")).test(line)).toBe(true);
  for (const other of [`${line}x`, line.replace("k7q2x", "k7q2y"), ` ${line}`])
    expect(new RegExp(pattern.replaceAll("[[]", "\\[").replaceAll("[]]", "\\]")).test(other)).toBe(false);
});
