import { Database } from "bun:sqlite";
import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { UpdateStep } from "../../src/cli/update/run.ts";
import { findDaemon, httpMesh } from "../../src/client/index.ts";
import { buildBundles } from "../../src/platform/bundle.ts";
import { readDaemonRecord } from "../../src/platform/daemon-record.ts";
import { takeLock } from "../../src/platform/lock.ts";
import { isolatedBun, PLATFORM } from "../../src/platform/program.ts";
import { VERSION } from "../../src/protocol/index.ts";
import { launcherPath } from "../../src/setup/launchers.ts";
import { MIGRATIONS } from "../../src/store/sqlite/migrations.ts";
import { type FakeSession, fakeSession } from "../support/fake-session.ts";
import { processesOf, type Ran, type SetupSandbox, setupSandbox } from "../support/setup-sandbox.ts";
import { faultyVersion, versionsIn } from "../support/versions.ts";

// Real processes, on machines that have other work too. One home for all tests: each leaves it with this version, or brings it back.
setDefaultTimeout(180_000);

const NEXT = "99.0.0";
let sandbox: SetupSandbox;
/** The bundles of this version and the next. */
let here: string;
let next: string;

const json = ({ out, err }: Ran) => {
  if (out === "") throw new Error(err);
  return JSON.parse(out);
};
const cli = (...words: string[]) => sandbox.run([sandbox.paths.cliLauncher, ...words]);
const version = async () => (await cli("--version")).out.trim();
const from = (path: string) => cli("update", "--from", path, "--json");

beforeAll(async () => {
  sandbox = await setupSandbox();
  [here, next] = [sandbox.file("here"), sandbox.file("next")];
  await buildBundles(next, { version: NEXT });
  expect(json(await sandbox.repowire("setup", "--yes", "--json"))).toMatchObject({ ok: true });
  // Exactly that build: two builds of the same sources may differ in their bytecode.
  cpSync(join(sandbox.paths.versions, VERSION), here, { recursive: true });
});
/** Brings the home back to this version. */
const comeBack = async () => {
  if ((await version()) !== VERSION) expect(json(await from(here))).toMatchObject({ ok: true, version: VERSION });
};
afterAll(() => sandbox[Symbol.asyncDispose]());

/** What must hold whatever happened: launchers start one whole version, and its daemon answers. */
async function expectWhole(expected: string): Promise<void> {
  expect(await version()).toBe(expected);
  const hook = await sandbox.run([launcherPath(sandbox.paths, "hook"), "Stop"], { stdin: '{"session_id":"s"}' });
  expect(hook).toEqual({ code: 0, out: "", err: "" });
  expect((await cli("daemon", "start")).code).toBe(0);
  expect((await cli("status")).code).toBe(0);
}

// @req update.atomic
describe("An update that is killed", () => {
  /** From whichever version is current to the other one. */
  const target = async () =>
    (await version()) === VERSION ? { wanted: NEXT, path: next } : { wanted: VERSION, path: here };

  const STEPS: [UpdateStep, "before" | "after"][] = [
    ["added", "before"],
    ["tried", "before"],
    ["switched", "after"],
    ["refreshed", "after"],
    ["restarted", "after"],
    ["cleaned", "after"],
  ];
  test.each(STEPS)(
    "after it was %s leaves the version from %s, whole, and the next goes through",
    async (step, side) => {
      const script = join(import.meta.dir, "..", "fixtures", "dying-update.ts");
      const bunfig = join(import.meta.dir, "..", "..", "scripts", "empty-bunfig.toml");
      const before = await version();
      const { wanted, path } = await target();
      const killed = await sandbox.run([...isolatedBun(process.execPath, bunfig), script, path, step]);
      expect(killed.code).toBe(137);
      await expectWhole(side === "before" ? before : wanted);
      expect(json(await from(path))).toMatchObject({ ok: true, version: wanted });
      expect(await version()).toBe(wanted);
      expect(readDaemonRecord(sandbox.paths.home)?.version).toBe(wanted);
      expect(versionsIn(sandbox.paths)).toEqual([wanted]);
    },
  );

  test.each([150, 300, 600])("after %i ms, wherever it is then, leaves a whole version and no rest", async (ms) => {
    const before = await version();
    const { wanted, path } = await target();
    const child = Bun.spawn([sandbox.paths.cliLauncher, "update", "--from", path], {
      env: sandbox.env,
      stdout: "ignore",
      stderr: "ignore",
    });
    await Bun.sleep(ms); // the very point: any moment
    child.kill("SIGKILL");
    await child.exited;
    expect([before, wanted]).toContain(await version());
    expect(json(await from(path))).toMatchObject({ ok: true });
    await expectWhole(wanted);
    expect(versionsIn(sandbox.paths)).toEqual([wanted]);
    // The trial's daemon ended with it.
    const running = processesOf(sandbox.paths).filter((pid) => pid !== readDaemonRecord(sandbox.paths.home)?.pid);
    expect(running).toEqual([]);
  });

  test("was the only one: a second at the same time is refused, with what to do", async () => {
    const { wanted, path } = await target();
    const lock = takeLock(sandbox.paths.versionsLock);
    const second = await cli("update", "--from", path);
    expect([second.code, second.err]).toEqual([75, expect.stringContaining("Try again when it is through")]);
    lock?.release();
    expect(json(await from(path))).toMatchObject({ ok: true, version: wanted });
  });

  test("just before the last step of copying leaves nothing that is taken for a version", async () => {
    const back = await target();
    const before = await version();
    const copy = sandbox.file("copy");
    cpSync(join(sandbox.paths.versions, before), copy, { recursive: true });
    expect(json(await from(back.path))).toMatchObject({ ok: true, version: back.wanted });
    // No process has this pid: the kernel's limit is far below.
    renameSync(copy, join(sandbox.paths.versions, ".staging-99999999-abc"));
    const { wanted, path } = await target();
    expect(json(await from(path))).toMatchObject({ ok: true, version: wanted });
    expect(versionsIn(sandbox.paths)).toEqual([wanted]);
  });
});

/** The real home alone: its trial goes well. */
const onlyHere = (script: string) =>
  `if (process.argv.includes("run") && process.env.REPOWIRE_HOME === ${JSON.stringify(sandbox.paths.home)}) { ${script} process.stderr.write("repowire: it cannot work today\\n"); process.exit(70); }`;

// @req update.goes-back
describe("A new version that does not work", () => {
  /** A session that is no process of a version. */
  let keeper: FakeSession;
  let note: string;
  beforeEach(comeBack);
  const mesh = async () => {
    const address = await findDaemon(sandbox.paths.home);
    if (!address) throw new Error("no daemon");
    return httpMesh(address);
  };
  const stored = async () => JSON.stringify(await (await mesh()).history({}));
  beforeAll(async () => {
    keeper = await fakeSession(sandbox, "keeper");
  });
  beforeEach(async () => {
    note = `kept ${crypto.randomUUID()}`;
    await (await mesh()).notify({ peer: "keeper", text: note });
  });
  afterAll(() => keeper?.[Symbol.asyncDispose]());

  test("in its trial is not made current, and nothing is changed", async () => {
    const daemon = readDaemonRecord(sandbox.paths.home);
    const script =
      'if (process.argv.includes("run")) { process.stderr.write("repowire: no luck\\n"); process.exit(70); }';
    const faulty = faultyVersion(next, sandbox.file("no-trial"), "99.0.1", script);
    const { code, err } = await cli("update", "--from", faulty);
    expect(code).not.toBe(0);
    expect(err).toContain(`99.0.1 failed its trial: no luck. Nothing was changed: ${VERSION} stays.`);
    expect(await version()).toBe(VERSION);
    expect(versionsIn(sandbox.paths)).toEqual([VERSION]);
    expect(readDaemonRecord(sandbox.paths.home)).toEqual(daemon);
  });

  test("that does not even start is refused", async () => {
    const faulty = faultyVersion(next, sandbox.file("no-start"), "99.0.2", "process.exit(3);");
    const { code, err } = await cli("update", "--from", faulty);
    expect([code, err]).toEqual([69, expect.stringContaining("does not start")]);
    expect(versionsIn(sandbox.paths)).toEqual([VERSION]);
  });

  test("in the home itself is taken back, and that is said", async () => {
    const faulty = faultyVersion(next, sandbox.file("no-home"), "99.0.3", onlyHere(""));
    const ran = await from(faulty);
    expect(ran.code).not.toBe(0);
    expect(json(ran)).toMatchObject({ ok: false, state: "went_back", before: VERSION });
    expect(json(ran).error.detail).toBe(
      `99.0.3 was installed, but it does not work here: The repowire daemon could not start: it cannot work today ${VERSION} is back and runs.`,
    );
    await expectWhole(VERSION);
    expect(readDaemonRecord(sandbox.paths.home)?.version).toBe(VERSION);
    expect(versionsIn(sandbox.paths)).toEqual([VERSION]);
    expect(await stored()).toContain(note);
  });

  test("and has changed the database by then: its copy from before is put back with all that it held", async () => {
    const file = JSON.stringify(sandbox.paths.database);
    const schema = MIGRATIONS.length + 1;
    const migrate = `const { Database } = require("bun:sqlite"); const fs = require("node:fs"); const db = new Database(${file}); const copy = ${file} + ".before-schema-${schema}"; if (!fs.existsSync(copy)) db.query("VACUUM INTO ?1").run(copy); db.run("PRAGMA user_version = ${schema}"); db.close();`;
    const facts = `if (process.argv.includes("facts")) { console.log(JSON.stringify({ program: "repowire", version: "99.0.4", schema: ${schema} })); process.exit(0); }`;
    const faulty = faultyVersion(next, sandbox.file("newer"), "99.0.4", facts + onlyHere(migrate));
    const ran = json(await from(faulty));
    expect(ran).toMatchObject({ ok: false, state: "went_back" });
    await expectWhole(VERSION);
    expect(await stored()).toContain(note);
    expect(existsSync(`${sandbox.paths.database}.of-99.0.4`)).toBe(true);
  });

  test("and has changed the database and served before it failed: it stays, since what it accepted would be lost", async () => {
    const schema = MIGRATIONS.length + 1;
    const record = JSON.stringify(sandbox.file(".repowire/daemon.json"));
    const file = JSON.stringify(sandbox.paths.database);
    const serve = `const { Database } = require("bun:sqlite"); const db = new Database(${file}); db.run("PRAGMA user_version = ${schema}"); db.close(); require("node:fs").writeFileSync(${record}, JSON.stringify({ instance: "x", pid: 99999999, port: 1, version: "99.0.6", started_at: 1 }));`;
    const facts = `if (process.argv.includes("facts")) { console.log(JSON.stringify({ program: "repowire", version: "99.0.6", schema: ${schema} })); process.exit(0); }`;
    const faulty = faultyVersion(next, sandbox.file("served"), "99.0.6", facts + onlyHere(serve));
    const ran = json(await from(faulty));
    expect(ran).toMatchObject({ ok: false, state: "updated" });
    expect(ran.error.detail).toContain("there is no way back without loss: 99.0.6 stays");
    expect(await version()).toBe("99.0.6");
    // As a person who knows that nothing was accepted would mend it.
    {
      using db = new Database(sandbox.paths.database);
      db.run(`PRAGMA user_version = ${MIGRATIONS.length}`);
    }
    await comeBack();
    expect(await stored()).toContain(note);
  });

  test("knows an older database only: it is refused before anything is changed", async () => {
    const facts = `if (process.argv.includes("facts")) { console.log(JSON.stringify({ program: "repowire", version: "99.0.5", schema: 1 })); process.exit(0); }`;
    const older = faultyVersion(next, sandbox.file("older"), "99.0.5", facts);
    const { code, err } = await cli("update", "--from", older);
    expect(code).toBe(74);
    expect(err).toContain(
      `99.0.5 is older than the database: ${sandbox.paths.database} has schema ${MIGRATIONS.length}, and it knows 1. It could lose what is stored. Nothing was changed: ${VERSION} stays.`,
    );
    using db = new Database(sandbox.paths.database, { readonly: true });
    expect(db.query("PRAGMA user_version").get()).toEqual({ user_version: MIGRATIONS.length });
    expect(versionsIn(sandbox.paths)).toEqual([VERSION]);
  });
});

describe("From a registry", () => {
  beforeEach(comeBack);
  /** What it gives out; a test may change it. */
  let tarball: Uint8Array<ArrayBuffer>;
  let integrity: string;
  let latest: string;
  let registry: ReturnType<typeof Bun.serve>;
  const sha512 = (bytes: Uint8Array) => `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
  const update = (...words: string[]) =>
    sandbox.run([sandbox.paths.cliLauncher, "update", ...words], {
      env: { npm_config_registry: `http://127.0.0.1:${registry.port}/` },
    });

  async function pack(folder: string): Promise<Uint8Array<ArrayBuffer>> {
    const files = readdirSync(folder).map((name) => [`package/dist/${name}`, readFileSync(join(folder, name))]);
    const others = { "package/package.json": "{}", "package/dist/../../../escaped": "x", "package/src/cli.js": "x" };
    return new Bun.Archive({ ...Object.fromEntries(files), ...others }, { compress: "gzip" }).bytes();
  }

  beforeAll(async () => {
    tarball = await pack(next);
    registry = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch(request) {
        const { pathname, origin } = new URL(request.url);
        if (pathname === "/repowire.tgz") return new Response(tarball);
        if (pathname !== "/repowire/latest") return new Response("{}", { status: 404 });
        return Response.json({ version: latest, dist: { tarball: `${origin}/repowire.tgz`, integrity } });
      },
    });
  });
  beforeEach(() => {
    [latest, integrity] = [NEXT, sha512(tarball)];
  });
  afterAll(() => registry?.stop(true));

  // @req update.checked
  test("the newest version is installed, when its sha512 is the announced one", async () => {
    expect(json(await update("--check", "--json"))).toMatchObject({ installed: VERSION, offered: NEXT, update: true });
    integrity = sha512(new TextEncoder().encode("something else"));
    const refused = await update();
    expect([refused.code, refused.err]).toEqual([69, expect.stringContaining("its sha512 differs")]);
    integrity = "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=";
    expect((await update()).err).toContain("no sha512");
    expect(versionsIn(sandbox.paths)).toEqual([VERSION]);
    integrity = sha512(tarball);
    expect(json(await update("--json"))).toMatchObject({ ok: true, state: "updated", version: NEXT });
    await expectWhole(NEXT);
    expect((await update()).out).toBe(`repowire ${NEXT} is already current.\n`);
    expect(readdirSync(sandbox.root)).not.toContain("escaped");
  });

  test("what is announced as another version, or as none, is refused", async () => {
    latest = "99.0.9";
    expect((await update()).err).toContain(`holds ${NEXT}, announced as 99.0.9`);
    latest = "../../x";
    expect((await update()).err).toContain("names a version that is none");
    expect(versionsIn(sandbox.paths)).toEqual([VERSION]);
  });

  test("an older one is no update, and an absent registry says what to do", async () => {
    latest = "0.0.1";
    expect((await update()).out).toBe(`repowire ${VERSION} is already current.\n`);
    const { code, err } = await sandbox.run([sandbox.paths.cliLauncher, "update"], {
      env: { npm_config_registry: "http://127.0.0.1:1" },
    });
    expect([code, err]).toEqual([69, expect.stringContaining("repowire update --from TARBALL, FOLDER or BINARY")]);
  });

  test("the same tarball does as a file; bytecode of another platform is left out", async () => {
    const foreign = sandbox.file("foreign");
    mkdirSync(foreign);
    for (const name of readdirSync(next)) copyFileSync(join(next, name), join(foreign, name));
    const facts = join(foreign, "program.json");
    writeFileSync(facts, readFileSync(facts, "utf8").replace(PLATFORM, "plan9-mips"));
    const file = sandbox.write("repowire-99.0.0.tgz", await pack(foreign));
    expect(json(await from(file))).toMatchObject({ ok: true, state: "updated", version: NEXT });
    expect(readdirSync(join(sandbox.paths.versions, NEXT)).filter((name) => name.endsWith(".jsc"))).toEqual([]);
    await expectWhole(NEXT);
  });
});

test("What is no version of repowire is refused with what is", async () => {
  await comeBack();
  const text = sandbox.write("notes.txt", "hello");
  const empty = sandbox.file("empty");
  mkdirSync(empty);
  const torn = sandbox.write("torn.tgz", Buffer.concat([readFileSync(join(next, "cli.js")).subarray(0, 10)]));
  writeFileSync(torn, Buffer.from("1f8b0800000000000003", "hex"));
  const half = sandbox.file("half");
  mkdirSync(half);
  copyFileSync(join(next, "program.json"), join(half, "program.json"));
  const evil = sandbox.file("evil");
  mkdirSync(evil);
  writeFileSync(join(evil, "program.json"), JSON.stringify({ version: "../../evil", bun: "1", platform: PLATFORM }));
  for (const path of [text, empty, torn, half, evil, process.execPath, "/bin/sh"]) {
    const { code, err } = await cli("update", "--from", path);
    expect([path, code]).toEqual([path, 65]);
    expect(err).toMatch(/is no version of repowire|cannot be read as a packed npm package/);
  }
  expect((await cli("update", "--from", sandbox.file("nowhere"))).code).toBe(66);
  expect(versionsIn(sandbox.paths)).toEqual([VERSION]);
  await expectWhole(VERSION);
});

test("Where nothing is installed, there is nothing to update", async () => {
  await using other = await setupSandbox();
  const { code, err } = await other.repowire("update", "--from", next);
  expect([code, err]).toEqual([66, expect.stringContaining("Run `repowire setup` first")]);
  expect(existsSync(other.paths.home)).toBe(false);
});
