import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { findDaemon, httpUrl } from "../../src/client/index.ts";
import { buildBinary } from "../../src/platform/bundle.ts";
import { readDaemonRecord } from "../../src/platform/daemon-record.ts";
import { processArgs, processExecutable } from "../../src/platform/process.ts";
import { ENTRY_WORD } from "../../src/platform/program.ts";
import { VERSION } from "../../src/protocol/index.ts";
import { launcherPath } from "../../src/setup/launchers.ts";
import { channelClient } from "../support/channel-client.ts";
import { processesOf, type SetupSandbox, setupSandbox } from "../support/setup-sandbox.ts";
import { until } from "../support/until.ts";

// It is built once, which takes some ten seconds, and these tests build on one another in order: one person's first day.
setDefaultTimeout(120_000);

let sandbox: SetupSandbox;
let binary: string;

beforeAll(async () => {
  sandbox = await setupSandbox({ others: { opencode: "1.18.33" } });
  binary = sandbox.file("download/repowire");
  await buildBinary(binary);
});
afterAll(() => sandbox[Symbol.asyncDispose]());

const json = (ran: { out: string; err: string }) => {
  if (ran.out === "") throw new Error(ran.err);
  return JSON.parse(ran.out);
};
const launcher = (name: Parameters<typeof launcherPath>[1]) => launcherPath(sandbox.paths, name);
const installed = () => join(sandbox.paths.versions, VERSION, "repowire");

describe("In a repository that wants to run code in it, the binary", () => {
  const marker = () => sandbox.file("marker");
  let repository: string;

  beforeAll(() => {
    repository = sandbox.file("hostile");
    mkdirSync(repository);
    const evil = join(repository, "evil.ts");
    writeFileSync(evil, `require("node:fs").writeFileSync(${JSON.stringify(marker())}, "ran");`);
    writeFileSync(join(repository, "bunfig.toml"), `preload = [${JSON.stringify(evil)}]\n[run]\nbun = true\n`);
    writeFileSync(join(repository, ".env"), `REPOWIRE_HOME=${sandbox.file("elsewhere")}\nBUN_BE_BUN=1\n`);
    writeFileSync(join(repository, "package.json"), '{ "name": "hostile", "type": "commonjs" }');
    writeFileSync(join(repository, "tsconfig.json"), '{ "compilerOptions": { "jsxImportSource": "./evil" } }');
  });

  // As somebody runs it who has set no home: the file in the repository would be heard.
  const run = (file: string, ...words: string[]) =>
    sandbox.run(["/usr/bin/env", "-u", "REPOWIRE_HOME", file, ...words], { cwd: repository });

  test("would run it if it were compiled as Bun does by itself, which is what this test rests on", async () => {
    const script = sandbox.write("print.ts", 'console.log(process.env.REPOWIRE_HOME ?? "none");');
    const open = sandbox.file("download/open");
    await Bun.build({ entrypoints: [script], target: "bun", compile: { outfile: open } });
    expect((await run(open)).out.trim()).toBe(sandbox.file("elsewhere"));
    expect(existsSync(marker())).toBe(true);
    rmSync(marker());
    rmSync(open);
  });

  // @req program.binary-isolated
  test("reads neither its bunfig.toml nor its .env", async () => {
    const ran = await run(binary, "status", "--json");
    expect(json(ran)).toMatchObject({ home: sandbox.paths.home, version: VERSION });
    const hook = await sandbox.run([binary, `${ENTRY_WORD}hook`, "Stop"], {
      cwd: repository,
      stdin: '{"session_id":"s"}',
    });
    expect(hook).toEqual({ code: 0, out: "", err: "" });
    expect(existsSync(marker())).toBe(false);
    expect(existsSync(sandbox.file("elsewhere"))).toBe(false);
    rmSync(sandbox.paths.home, { recursive: true, force: true });
  });

  // @req program.binary-isolated
  test("hears nothing of BUN_OPTIONS and BUN_BE_BUN through its launchers", async () => {
    const setup = json(await sandbox.run([binary, "setup", "--yes", "--json"], { cwd: repository }));
    expect(setup).toMatchObject({ ok: true });
    const env = { BUN_OPTIONS: `--preload ${join(repository, "evil.ts")}`, BUN_BE_BUN: "1" };
    const control = await sandbox.run([binary, "--version"], { cwd: "/", env: { BUN_OPTIONS: env.BUN_OPTIONS } });
    expect([control.code, existsSync(marker())]).toEqual([0, true]);
    rmSync(marker());
    const cli = await sandbox.run([launcher("cli"), "--version"], { cwd: repository, env });
    expect(cli.out.trim()).toBe(VERSION);
    const hook = await sandbox.run([launcher("hook"), "Stop"], { cwd: repository, env, stdin: '{"session_id":"s"}' });
    expect(hook).toEqual({ code: 0, out: "", err: "" });
    expect(existsSync(marker())).toBe(false);
  });
});

test("A home with bundles goes over to the binary with an update, and its launchers stay as they are", async () => {
  await using other = await setupSandbox();
  expect(json(await other.repowire("setup", "--yes", "--json"))).toMatchObject({ ok: true });
  const { versions, cliLauncher } = other.paths;
  const launcherBefore = readFileSync(cliLauncher, "utf8");
  const update = json(await other.run([cliLauncher, "update", "--from", binary, "--json"]));
  expect(update).toMatchObject({ ok: true, state: "updated", refreshed: { launchers: [], changed: [] } });
  expect(update.old_versions.removed).toEqual([VERSION]);
  const folder = readlinkSync(join(versions, "current"));
  expect(processExecutable(readDaemonRecord(other.paths.home)?.pid ?? 0)).toBe(join(versions, folder, "repowire"));
  expect(readFileSync(cliLauncher, "utf8")).toBe(launcherBefore);
  expect((await other.run([cliLauncher, "update", "--from", binary])).out).toContain("is already current");
});

// @req program.binary-whole
describe("From the binary alone", () => {
  test("setup installs it as a version, asks itself a question, and the daemon runs from there", async () => {
    const setup = json(await sandbox.run([binary, "setup", "--yes", "--json"]));
    expect(setup).toMatchObject({ ok: true, program: { name: VERSION, is_new: false }, selftest: { ok: true } });
    expect(readdirSync(join(sandbox.paths.versions, VERSION)).sort()).toEqual(["manifest.json", "repowire"]);
    // A file of its own: the download may be written anew in its place.
    expect(statSync(installed()).ino).not.toBe(statSync(binary).ino);
    const pid = readDaemonRecord(sandbox.paths.home)?.pid ?? 0;
    expect(processExecutable(pid)).toBe(installed());
    expect(processArgs(pid).slice(1)).toEqual([`${ENTRY_WORD}cli`, "daemon", "run", "--detached"]);
  });

  test("nothing of the download is needed any more", async () => {
    rmSync(sandbox.file("download"), { recursive: true });
    expect((await sandbox.run([launcher("cli"), "--version"])).out.trim()).toBe(VERSION);
  });

  test("OpenCode has its plugins, and the daemon serves the dashboard", async () => {
    const plugin = sandbox.text(".config/opencode/plugins/repowire.js");
    expect(plugin).toStartWith(`// repowire plugin for OpenCode ${VERSION};`);
    expect(plugin.length).toBeGreaterThan(50_000);
    expect(sandbox.text(".config/opencode/repowire/tui.js")).toContain("repowire.home");
    const address = await findDaemon(sandbox.paths.home);
    if (!address) throw new Error("no daemon");
    const page = await fetch(httpUrl(address, "/"), { headers: { authorization: `Bearer ${address.token}` } });
    expect(await page.text()).toContain("<title>");
  });

  test("a question goes from one session's channel to another's, and its answer back", async () => {
    const folders = ["frontend", "backend"].map((name) => sandbox.file(name));
    for (const folder of folders) mkdirSync(folder);
    const [from, to] = folders;
    const start = (cwd = "") => channelClient({ command: [launcher("channel")], cwd, env: sandbox.env });
    await using frontend = await start(from);
    await using backend = await start(to);
    expect(processExecutable(backend.channelPid)).toBe(installed());
    await Promise.all([frontend.client.listTools(), backend.client.listTools()]);
    const listed = async () => (await frontend.call("list_peers")).text;
    await until(async () => (await listed()).includes("backend"), "the other session");
    const call = frontend.call("ask_peer", { peer: "backend", question: "What does GET /users return?" });
    const { meta } = await backend.pushed("GET /users return?");
    await backend.call("reply", { id: meta.id, text: "200, a list" });
    expect((await call).text).toContain("200, a list");
    const status = await sandbox.run([launcher("cli"), "status"]);
    expect([status.code, status.out]).toEqual([0, expect.stringContaining("backend")]);
  });

  test("the tools server speaks, and a part that there is not is refused", async () => {
    const hello = `${JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "initialize",
      params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "test", version: "1" } },
    })}\n`;
    const { out } = await sandbox.run([installed(), `${ENTRY_WORD}mcp`, "gemini"], { stdin: hello });
    expect(JSON.parse(out.split("\n")[0] ?? "")).toMatchObject({ id: 1, result: { serverInfo: { version: VERSION } } });
    expect((await sandbox.run([installed(), `${ENTRY_WORD}nothing`])).code).toBe(2);
  });

  test("uninstall leaves nothing", async () => {
    const ran = await sandbox.run([launcher("cli"), "uninstall", "--yes", "--remove-data", "--json"]);
    expect(json(ran)).toMatchObject({ ok: true, daemon_stopped: true, left: [] });
    expect(existsSync(sandbox.paths.home)).toBe(false);
    expect(processesOf(sandbox.paths)).toEqual([]);
    expect(existsSync(sandbox.file(".config"))).toBe(false);
    expect(readFileSync(sandbox.file("hostile/.env"), "utf8")).toContain("elsewhere");
  });
});
