import { Database } from "bun:sqlite";
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { findDaemon } from "../../src/client/index.ts";
import { readDaemonRecord } from "../../src/platform/daemon-record.ts";
import { takeLock } from "../../src/platform/lock.ts";
import { ancestry, processCwd, processEnv, processInfo } from "../../src/platform/process.ts";
import { type DaemonProcess, daemonProcess } from "../support/daemon-process.ts";
import { fakeSession } from "../support/fake-session.ts";
import { fromSource, processesOf, type Ran, type SetupSandbox, setupSandbox } from "../support/setup-sandbox.ts";
import { until } from "../support/until.ts";

// Real processes, on machines that have other work too.
setDefaultTimeout(60_000);

const logOf = ({ paths }: SetupSandbox): string =>
  existsSync(paths.daemonLog) ? readFileSync(paths.daemonLog, "utf8") : "";

/** Runs the daemon itself, where it is expected not to start. */
const run = (sandbox: SetupSandbox, env: Record<string, string> = {}) =>
  sandbox.run([...fromSource(), "daemon", "run", "--detached"], { env });

function refused({ code, out, err }: Ran, exit: number, sentence: RegExp): void {
  expect([code, out]).toEqual([exit, ""]);
  expect(err).toMatch(/^repowire: [^\n]+\n$/);
  expect(err).toMatch(sentence);
}

describe("A daemon that cannot start says why in one sentence, and keeps nothing it took", () => {
  test("its port is used by another program", async () => {
    await using sandbox = await setupSandbox({ claude: null });
    const foreign = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("") });
    try {
      const env = { REPOWIRE_PORT: String(foreign.port) };
      refused(
        await run(sandbox, env),
        69,
        /^repowire: Port \d+ on 127\.0\.0\.1 is used by another program\..*REPOWIRE_PORT/,
      );
      const asked = await sandbox.run([...fromSource(), "daemon", "start"], { env });
      refused(asked, 69, /could not start: Port \d+/);
      expect(readDaemonRecord(sandbox.paths.home)).toBeUndefined();
    } finally {
      await foreign.stop(true);
    }
    expect((await sandbox.repowire("daemon", "start")).code).toBe(0);
  });

  test("another daemon has the lock", async () => {
    await using daemon = await daemonProcess();
    refused(await run(daemon.sandbox), 69, /Another repowire daemon already serves .*daemon status/);
    expect((await daemon.mesh.whoami({})).peer.name).toBe("script");
  });

  test("its home is no folder, or cannot be made", async () => {
    await using sandbox = await setupSandbox({ claude: null });
    const file = sandbox.write("a-file", "mine");
    for (const home of [file, `${file}/deeper`]) {
      refused(await run(sandbox, { REPOWIRE_HOME: home }), 74, /is not writable \(\w+\)\. Mend its owner and mode/);
      for (const words of [
        ["daemon", "start"],
        ["peer", "list"],
      ]) {
        const asked = await sandbox.run([...fromSource(), ...words], { env: { REPOWIRE_HOME: home } });
        refused(asked, 74, /a-file/);
      }
    }
    expect(readFileSync(file, "utf8")).toBe("mine");
  });

  test("a setting is wrong", async () => {
    await using sandbox = await setupSandbox({ claude: null });
    mkdirSync(sandbox.paths.home, { recursive: true });
    writeFileSync(sandbox.paths.config, "prot: 1\n");
    refused(await run(sandbox), 65, /config\.yaml: unknown setting "prot"\. Known: port/);
    writeFileSync(sandbox.paths.config, "");
    refused(await run(sandbox, { REPOWIRE_PORT: "many" }), 65, /REPOWIRE_PORT: "port"/);
  });

  test("its database is of a newer version: refused, and left as it is", async () => {
    await using daemon = await daemonProcess();
    await daemon.end("SIGTERM");
    const { database } = daemon.sandbox.paths;
    const db = new Database(database);
    db.run("PRAGMA user_version = 999");
    db.close();
    const before = readFileSync(database);
    refused(await run(daemon.sandbox), 74, /written by a newer repowire \(schema 999; .*Nothing was changed/);
    expect(readFileSync(database).equals(before)).toBe(true);
    refused(await daemon.cli("peer", "list"), 69, /could not start: .*newer repowire/);
  });
});

test("A damaged database is moved aside, said aloud, and a new one begun", async () => {
  await using daemon = await daemonProcess();
  await daemon.end("SIGTERM");
  const { database } = daemon.sandbox.paths;
  writeFileSync(database, Buffer.alloc(20_000, "not a database "));
  await daemon.start();
  const health = (await (await daemon.fetch("/health")).json()) as {
    ok: boolean;
    parts: { store: { detail: string } };
  };
  expect(health.ok).toBe(true);
  expect(health.parts.store.detail).toContain("the old database was damaged and moved to");
  const aside = readdirSync(dirname(database)).find((name) => name.startsWith(`${basename(database)}.damaged-`));
  expect(statSync(`${daemon.home}/${aside}`).size).toBe(20_000);
  expect((await daemon.mesh.events({})).events.map(({ type }) => type)).toContain("store.damaged");
  expect((await daemon.cli("daemon", "status")).out).toContain("damaged");
});

describe("Started on demand", () => {
  test("while a killed one still holds the lock to its last breath, it is started again", async () => {
    await using sandbox = await setupSandbox({ claude: null });
    mkdirSync(sandbox.paths.home, { recursive: true, mode: 0o700 });
    const dying = takeLock(sandbox.paths.lock);
    const started = sandbox.repowire("daemon", "start");
    await until(() => logOf(sandbox).includes("already serves"), "the first try is refused");
    dying?.release();
    expect((await started).code).toBe(0);
    expect(await findDaemon(sandbox.paths.home)).toBeDefined();
  });

  test("by several at once, there is one, and all use it", async () => {
    await using sandbox = await setupSandbox({ claude: null });
    const started = await Promise.all(Array.from({ length: 5 }, () => sandbox.repowire("daemon", "start", "--json")));
    const answers = started.map(({ out }) => JSON.parse(out) as { running: boolean; port: number });
    expect(started.map(({ code, err }) => [code, err])).toEqual(started.map(() => [0, ""]));
    const port = (await findDaemon(sandbox.paths.home))?.port;
    expect(answers.map((answer) => answer.port)).toEqual(answers.map(() => port as number));
    await until(() => processesOf(sandbox.paths).length === 1, "the losers end");
  });

  test("it is nobody's child, at home in its home, with an environment of its own and private files", async () => {
    await using sandbox = await setupSandbox({ claude: null });
    const env = { SECRET_OF_SESSION: "s", ANTHROPIC_API_KEY: "k", BUN_OPTIONS: "", LANG: "C.UTF-8" };
    await sandbox.run([...fromSource(), "daemon", "start"], { env, cwd: sandbox.root });
    const pid = readDaemonRecord(sandbox.paths.home)?.pid ?? 0;
    expect(ancestry(pid).map((info) => info.pid)).not.toContain(process.pid);
    expect(processInfo(pid)?.hasTerminal).toBe(false);
    expect(processCwd(pid)).toBe(sandbox.paths.home);
    expect(processEnv(pid, "LANG")).toBe("C.UTF-8");
    for (const name of ["SECRET_OF_SESSION", "ANTHROPIC_API_KEY", "BUN_OPTIONS"])
      expect(processEnv(pid, name)).toBeUndefined();
    const { home, token, database, lock, daemonRecord, daemonLog, spool, run: runFolder } = sandbox.paths;
    for (const path of [home, token, database, lock, daemonRecord, daemonLog, spool, runFolder])
      expect([path, statSync(path).mode & 0o077]).toEqual([path, 0]);
  });
});

describe("repowire daemon", () => {
  test("start, status, logs and stop say what is, as text and as JSON", async () => {
    await using sandbox = await setupSandbox({ claude: null });
    const daemon = (...words: string[]) => sandbox.repowire("daemon", ...words);
    refused(await daemon("status"), 69, /not running\. Start it with `repowire daemon start`/);
    expect(await daemon("status", "--json")).toEqual({ code: 69, out: '{"running":false}\n', err: "" });
    expect((await daemon("logs")).out).toContain("There is no log yet");
    expect(await daemon("stop")).toEqual({ code: 0, out: "no daemon was running\n", err: "" });
    expect((await daemon("start")).out).toMatch(/^started on http:\/\/127\.0\.0\.1:\d+\n$/);
    expect((await daemon("start")).out).toMatch(/^already running on/);
    expect((await daemon("status")).out).toMatch(/^repowire \S+ on http.*\n {2}ok {3}store/);
    expect(JSON.parse((await daemon("status", "--json")).out)).toMatchObject({
      running: true,
      ok: true,
      parts: { store: { ok: true } },
    });
    expect((await daemon("logs")).out).toContain("daemon started");
    const before = readDaemonRecord(sandbox.paths.home)?.pid;
    expect((await daemon("restart")).out).toMatch(/^restarted on http:\/\/127\.0\.0\.1:\d+\n$/);
    expect(readDaemonRecord(sandbox.paths.home)?.pid).not.toBe(before);
    expect(JSON.parse((await daemon("stop", "--json")).out)).toEqual({ running: false, stopped: true });
    expect(await findDaemon(sandbox.paths.home)).toBeUndefined();
    expect(readDaemonRecord(sandbox.paths.home)).toBeUndefined();
  });

  test("stop ends one that does not answer, and does not say that there was none", async () => {
    await using daemon = await daemonProcess();
    daemon.child.kill("SIGSTOP");
    const stopping = daemon.cli("daemon", "stop");
    // The signal to end waits until the process may run again.
    await until(
      () => readFileSync(`/proc/${daemon.child.pid}/status`, "utf8").match(/^ShdPnd:\s+0*[1-9a-f]/m),
      "the signal",
    );
    daemon.child.kill("SIGCONT");
    expect(await stopping).toEqual({ code: 0, out: "stopped\n", err: "" });
  });
});

describe("Stopped in good order or killed, the daemon keeps what it accepted", () => {
  async function scene(daemon: DaemonProcess, end: () => Promise<void>): Promise<void> {
    await using asker = await fakeSession(daemon.sandbox, "asker");
    const { name } = await fakeSession(daemon.sandbox, "sleeper").then(async (session) => {
      await session[Symbol.asyncDispose]();
      return session;
    });
    await until(
      async () =>
        (await daemon.mesh.peers({ include_offline: true })).peers.find((peer) => peer.name === name)?.presence
          .state === "offline",
      "it is offline",
    );
    const open = await asker.call("ask", { peer: "sleeper", question: "awake?", wait_seconds: 5 });
    expect(open).toMatchObject({ state: "pending", recipient: { presence: { state: "offline" }, delivery: "queued" } });
    await end();
    await daemon.start();
    await using back = await fakeSession(daemon.sandbox, "sleeper");
    expect(back.name).toBe(name);
    const { handle } = await back.got("awake?");
    await back.call("reply", { id: handle, text: "now I am" });
    expect(await asker.got("now I am")).toMatchObject({
      kind: "answer",
      answer_to: { question: "awake?", by: "reply" },
    });
    expect(back.received.length).toBe(1);
  }

  test("stopped", async () => {
    await using daemon = await daemonProcess();
    await scene(daemon, async () => expect(await daemon.end("SIGTERM")).toBe(0));
    expect((await daemon.mesh.events({})).events.map(({ type }) => type)).toContain("daemon.stopped");
  });

  test("killed", async () => {
    await using daemon = await daemonProcess();
    await scene(daemon, async () => expect(await daemon.end("SIGKILL")).not.toBe(0));
  });
});

describe("Each checkout and each session is a peer of its own with a name that stays", () => {
  test("same folder name twice, one inside another, a worktree, two sessions in one folder", async () => {
    await using daemon = await daemonProcess();
    const { sandbox } = daemon;
    const git = (cwd: string, ...words: string[]) => {
      const done = Bun.spawnSync(["git", "-c", "user.name=t", "-c", "user.email=t@localhost", ...words], {
        cwd,
        env: sandbox.env,
      });
      if (done.exitCode !== 0) throw new Error(done.stderr.toString());
    };
    for (const folder of ["one/app", "two/app", "one/app/vendor/lib"]) {
      mkdirSync(sandbox.file(folder), { recursive: true });
      git(sandbox.file(folder), "init", "-q", "--initial-branch=main");
      git(sandbox.file(folder), "commit", "-q", "--allow-empty", "-m", "x");
    }
    git(sandbox.file("one/app"), "worktree", "add", "-q", "-b", "topic", sandbox.file("app-topic"));
    const folders = ["one/app", "two/app", "one/app/vendor/lib", "app-topic", "one/app"];
    const joinAll = async () => {
      const sessions = [];
      for (const folder of folders) sessions.push(await fakeSession(sandbox, folder));
      return sessions;
    };
    const first = await joinAll();
    expect(first.map(({ name }) => name)).toEqual(["app", "app-2", "lib", "app-topic", "app-3"]);
    const { peers } = await daemon.mesh.peers({});
    expect(peers.find(({ name }) => name === "app-topic")).toMatchObject({
      branch: "topic",
      worktree_of: sandbox.file("one/app"),
    });
    expect(peers.find(({ name }) => name === "lib")).toMatchObject({
      path: sandbox.file("one/app/vendor/lib"),
      branch: "main",
    });
    for (const session of first) await session[Symbol.asyncDispose]();
    await until(async () => (await daemon.mesh.peers({})).peers.length === 0, "all are offline");
    await daemon.crashAndRestart();
    const second = await joinAll();
    expect(second.map(({ name, id }) => [name, id])).toEqual(first.map(({ name, id }) => [name, id]));
    for (const session of second) await session[Symbol.asyncDispose]();
  });
});
