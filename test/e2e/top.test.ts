import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { locateDaemon } from "../../src/client/index.ts";
import { type DaemonProcess, daemonProcess } from "../support/daemon-process.ts";
import { type FakeSession, fakeSession } from "../support/fake-session.ts";
import { type Person, person } from "../support/person.ts";
import { fromSource } from "../support/setup-sandbox.ts";
import { privateTerminal, type Terminal } from "../support/terminal.ts";

setDefaultTimeout(60_000);

let daemon: DaemonProcess;
let backend: FakeSession;
let frontend: FakeSession;
let user: Person;
let terminal: Terminal;
let opened = 0;

beforeAll(async () => {
  daemon = await daemonProcess();
  backend = await fakeSession(daemon.sandbox, "backend");
  frontend = await fakeSession(daemon.sandbox, "frontend");
  user = person(daemon.sandbox);
  terminal = privateTerminal(daemon.sandbox.file("."));
});
afterAll(async () => {
  user?.[Symbol.dispose]();
  await backend?.[Symbol.asyncDispose]();
  await frontend?.[Symbol.asyncDispose]();
  await daemon[Symbol.asyncDispose]();
});

/** `repowire` alone or with words, in a shell that stays when it ends. */
function open(...words: string[]): string {
  const name = `top-${opened++}`;
  const line = [...fromSource(), ...words].map((word) => `'${word}'`).join(" ");
  terminal.open(name, {
    cwd: daemon.sandbox.root,
    env: daemon.sandbox.env,
    command: ["sh", "-c", `echo before; ${line}; echo "[exit $?]"; sleep 600`],
  });
  return name;
}

describe("repowire top", () => {
  // @req cli.top
  test("shows the mesh as it is, follows it, and gives the terminal back", async () => {
    const name = open("top");
    const first = await terminal.waitFor(name, /frontend/);
    expect(first).toMatch(/^repowire {2}\d\d:\d\d {2}\d peers/);
    expect(first).toContain("q ends");
    expect(first).not.toContain("before");
    backend.requestPermission({ request: "r1", tool: "Bash", description: "try", preview: "npm test" });
    backend.report({ type: "waiting", detail: "Bash" });
    const waiting = await terminal.waitFor(name, /waiting \(Bash\)/);
    // Who waits on a person stands first.
    expect(waiting.indexOf("backend")).toBeLessThan(waiting.indexOf("frontend"));
    expect(waiting).toContain("1 thing waits on you: repowire");
    await frontend.call("notify", { peer: "backend", text: "hello" });
    await terminal.waitFor(name, /frontend .* 1 +push/);
    terminal.press(name, "s");
    await terminal.waitFor(name, /s sorts \(by name\)/);
    terminal.press(name, "Right");
    await terminal.waitFor(name, /s sorts \(by messages\)/);
    for (const [columns, rows] of [
      [80, 24],
      [120, 40],
      [40, 6],
    ] as const) {
      terminal.resize(name, columns, rows);
      const resized = await terminal.waitFor(name, /^repowire .*\n\nNAME .*\n(?:backend|frontend|script)/);
      const lines = resized.split("\n");
      expect(lines.length).toBeLessThanOrEqual(rows);
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
    }
    terminal.press(name, "q");
    const after = await terminal.waitFor(name, /\[exit 0\]/);
    expect(after).toStartWith("before");
    expect(after).not.toContain("frontend");
    terminal.kill(name);
  });

  test("says when the daemon is away, starts none, and goes on when it is back", async () => {
    const name = open("top");
    await terminal.waitFor(name, /frontend/);
    await daemon.end("SIGTERM");
    const away = await terminal.waitFor(name, /As it was at \d\d:\d\d/);
    expect(away).toMatch(/^The repowire daemon (?:is not running|does not answer)/);
    // What was known stays in sight.
    expect(away).toContain("frontend");
    // Twice the time in which it would look again.
    await Bun.sleep(4_000);
    expect(locateDaemon(daemon.home)).toBeUndefined();
    await daemon.start();
    await terminal.waitFor(name, /^repowire .*\n\nNAME .*(?:\n.*)*frontend .*push/);
    // Events flow again, too.
    await frontend.call("notify", { peer: "backend", text: "hello again" });
    await terminal.waitFor(name, /frontend .* [12] +push/);
    terminal.press(name, "q");
    await terminal.waitFor(name, /\[exit 0\]/);
    terminal.kill(name);
  });

  test("a signal that ends it leaves the terminal as it was", async () => {
    const name = open("top");
    await terminal.waitFor(name, /frontend/);
    const shell = terminal.pid(name);
    const [child] = Bun.spawnSync(["pgrep", "-P", String(shell)])
      .stdout.toString()
      .trim()
      .split("\n");
    process.kill(Number(child), "SIGTERM");
    const after = await terminal.waitFor(name, /\[exit 143\]/);
    expect(after).toStartWith("before");
    terminal.kill(name);
  });

  test("without a terminal it is one table", async () => {
    const { out, code } = await backend.repowire("top");
    expect([code, out.split("\n").filter((line) => line.includes("frontend")).length]).toEqual([0, 1]);
    const names = JSON.parse((await user.repowire("top", "--json")).out).peers.map(
      (peer: { name: string }) => peer.name,
    );
    expect(names).toEqual(expect.arrayContaining(["backend", "frontend"]));
  });
});

describe("repowire alone", () => {
  // @req cli.alone
  test("shows the mesh, what waits on you with the commands that decide it, and the next step", async () => {
    backend.requestPermission({ request: "r2", tool: "Bash", description: "try", preview: "npm test" });
    const name = open();
    const screen = await terminal.waitFor(name, /\[exit 0\]/);
    expect(screen).toMatch(/\d peers/);
    expect(screen).toMatch(/backend wants Bash since .*npm test/);
    expect(screen).toMatch(/Next: repowire approve \w{5}/);
    expect(screen).toMatch(/repowire approve \w+ {3}or {3}repowire deny \w+ \[reason\]/);
    expect(screen).toContain("repowire --help");
    terminal.kill(name);
    const { out } = await user.repowire("--json");
    expect(JSON.parse(out)).toMatchObject({ you: { to_answer: 0 } });
  });

  test("to a program it is lines without a table, and a question that it lists is not read by that", async () => {
    const { name } = JSON.parse((await user.repowire("whoami", "--json")).out).peer;
    const asked = await backend.call("ask", { peer: name, question: "May I drop it?", wait_seconds: 0 });
    const { out, code } = await user.repowire();
    expect(code).toBe(0);
    expect(out).toContain(`${asked.id}  backend asks you`);
    expect(out).not.toContain("NAME");
    const facts = JSON.parse((await user.repowire("--json")).out);
    expect(facts).toMatchObject({ daemon: { running: true }, you: { to_answer: 1 } });
    expect(facts.questions).toMatchObject([{ id: asked.id, from: "backend", text: "May I drop it?" }]);
    expect(facts.next).toContain("repowire approve");
    expect(await backend.call("inbox", { id: asked.id })).toMatchObject({
      type: "ask",
      outcome: { state: "pending", recipient: { delivery: "queued" } },
    });
    await user.repowire("reply", asked.id, "yes");
  });

  test("where no daemon can be started it says why and what to do", async () => {
    await using taken = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("another program") });
    const env = {
      ...daemon.sandbox.env,
      REPOWIRE_HOME: daemon.sandbox.file("another-home"),
      REPOWIRE_PORT: String(taken.port),
    };
    mkdirSync(env.REPOWIRE_HOME);
    const run = (...words: string[]) => Bun.spawnSync([...fromSource(), ...words], { cwd: daemon.sandbox.root, env });
    const text = run();
    expect([text.exitCode, text.stdout.toString()]).toEqual([0, expect.stringContaining("Next: repowire doctor")]);
    const json = run("--json");
    expect([json.exitCode, JSON.parse(json.stdout.toString()).daemon.running]).toEqual([0, false]);
  });

  test("to an agent it tells nothing of what waits for people", async () => {
    const { out, code } = await frontend.repowire("--json");
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ approvals: [], held: [], pauses: [] });
  });
});
