import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findDaemon, httpMesh } from "../../src/client/index.ts";
import { readDaemonRecord } from "../../src/platform/daemon-record.ts";
import type { HomePaths } from "../../src/platform/paths.ts";
import { processArgs, processesFrom } from "../../src/platform/process.ts";
import { VERSION } from "../../src/protocol/index.ts";
import { installProgram } from "../../src/setup/install.ts";
import { fromInstalled, fromSource, type Ran, type SetupSandbox, setupSandbox } from "../support/setup-sandbox.ts";

// Real processes, on machines that have other work too.
setDefaultTimeout(60_000);

/** Made once: bundling takes a second, and these tests are about everything else. The first test sets up from source. */
let template: SetupSandbox;
let sandbox: SetupSandbox;

beforeAll(async () => {
  template = await setupSandbox();
  await installProgram(template.paths);
});
beforeEach(async () => {
  sandbox = await setupSandbox({ program: fromInstalled(template.paths) });
});
afterEach(() => sandbox[Symbol.asyncDispose]());
afterAll(() => template[Symbol.asyncDispose]());

const json = ({ out }: Ran) => JSON.parse(out);
const SETTINGS = ".claude/settings.json";
const STATE = ".claude.json";

/** What of the home folder is not the fake CLI's. */
const homeEntries = () => readdirSync(sandbox.root).filter((name) => name !== "bin");

describe("Setup and uninstall", () => {
  // @req setup.undone
  test("on a machine that is as a person left it give everything back, byte for byte", async () => {
    const settings = '{\n\t"theme": "dark", // mine\n\t"hooks": {\n\t\t"Stop": []\n\t}\n}';
    const state = '{\r\n  "numStartups": 3,\r\n  "mcpServers": {}\r\n}\r\n';
    sandbox.write(SETTINGS, settings);
    sandbox.write(STATE, state);

    const setup = json(await sandbox.run([...fromSource(), "setup", "--yes", "--json"]));
    expect(setup).toMatchObject({ ok: true, daemon: { how: "started" }, selftest: { ok: true } });
    expect(sandbox.text(SETTINGS)).toContain("// mine");
    expect(Bun.JSONC.parse(sandbox.text(STATE))).toMatchObject({
      numStartups: 3,
      mcpServers: { repowire: { command: join(sandbox.paths.bin, "repowire-channel") } },
    });

    // As a person does it later: with the installed command.
    const cli = sandbox.paths.cliLauncher;
    const dry = json(await sandbox.run([cli, "uninstall", "--dry-run", "--json"]));
    expect(dry.files.map((file: { outcome: string }) => file.outcome)).toEqual(["restored", "restored"]);
    const pid = readDaemonRecord(sandbox.paths.home)?.pid ?? 0;
    const uninstall = await sandbox.run([cli, "uninstall", "--yes", "--remove-data", "--json"]);
    expect(json(uninstall)).toMatchObject({ ok: true, daemon_stopped: true, data: "removed", left: [] });
    expect(sandbox.text(SETTINGS)).toBe(settings);
    expect(sandbox.text(STATE)).toBe(state);
    expect(homeEntries().sort()).toEqual([".claude", STATE]);
    expect(processArgs(pid)).toEqual([]);
  });

  test("where nothing was leave nothing, and without --remove-data the messages, token and config", async () => {
    await sandbox.repowire("setup", "--yes", "--json");
    expect(homeEntries().sort()).toEqual([".claude", STATE, ".repowire"]);
    const uninstall = await sandbox.repowire("uninstall", "--yes");
    expect(uninstall.code).toBe(0);
    expect(uninstall.out).toContain("left: ~/.repowire: your messages, token, config and logs");
    expect(homeEntries()).toEqual([".repowire"]);
    const kept = readdirSync(sandbox.paths.home);
    expect(kept).toEqual(expect.arrayContaining(["repowire.db", "token"]));
    for (const gone of ["bin", "versions", "run", "setup.json", "daemon.json"]) expect(kept).not.toContain(gone);

    const again = await sandbox.repowire("uninstall");
    expect(again.out).toContain(
      "repowire is not installed in ~/.repowire. Your messages, token and config are still there",
    );
    await sandbox.repowire("uninstall", "--yes", "--remove-data");
    expect(homeEntries()).toEqual([]);
  });

  // @req setup.undone
  test("keep what somebody else wrote in between", async () => {
    await sandbox.repowire("setup", "--yes", "--json");
    const state = JSON.parse(sandbox.text(STATE));
    sandbox.write(STATE, JSON.stringify({ ...state, numStartups: 4 }, null, 2));
    const { out } = await sandbox.repowire("uninstall", "--yes");
    expect(out).toContain(
      "~/.claude.json has lost repowire's values (others have written to it since, and that stays)",
    );
    expect(JSON.parse(sandbox.text(STATE))).toEqual({ numStartups: 4 });
  });

  test("leave a file that is broken by then, say so, and take it back once it is mended", async () => {
    await sandbox.repowire("setup", "--yes", "--json");
    const settings = sandbox.text(SETTINGS);
    sandbox.write(SETTINGS, `${settings}}`);
    const first = await sandbox.repowire("uninstall", "--yes");
    expect(first.code).toBe(1);
    expect(first.out).toMatch(/left: ~\/\.claude\/settings\.json: .*settings\.json, line \d+: end of file expected/);
    expect(existsSync(sandbox.paths.setupRecord)).toBe(true);
    sandbox.write(SETTINGS, settings);
    expect((await sandbox.repowire("uninstall", "--yes")).code).toBe(0);
    expect(existsSync(sandbox.file(SETTINGS))).toBe(false);
  });
});

describe("Setup", () => {
  test("shows the plan and does nothing with --dry-run", async () => {
    sandbox.write(SETTINGS, "{}");
    const { out, code } = await sandbox.repowire("setup", "--dry-run");
    expect(code).toBe(0);
    for (const part of [
      "Not on this machine: OpenCode, Codex, Gemini CLI",
      "Claude Code 2.1.330, ~/bin/claude",
      '~/.claude.json           new file: add MCP server "repowire"',
      "~/.claude/settings.json  add hooks for SessionStart, UserPromptSubmit, PreToolUse, PostToolUse, PermissionRequest, Stop, StopFailure, SessionEnd",
      "add permission for 8 tools",
      "The tools: ask_peer, reply, notify_peer,",
      "Nothing was changed.",
    ])
      expect(out).toContain(part);
    expect(homeEntries()).toEqual([".claude"]);
    expect(sandbox.text(SETTINGS)).toBe("{}");
  });

  test("refuses to change files without consent when there is no terminal to ask in", async () => {
    const { code, err } = await sandbox.repowire("setup");
    expect(code).toBe(77);
    expect(err).toContain("There is no terminal here to ask in");
    expect(err).toContain("repowire setup --yes");
    expect(homeEntries()).toEqual([]);
  });

  test("says which runtimes there are", async () => {
    const { code, err } = await sandbox.repowire("setup", "emacs", "--yes");
    expect([code, err]).toEqual([
      65,
      expect.stringContaining('cannot set up "emacs". It can set up: claude-code, opencode, codex, gemini.'),
    ]);
  });

  test("says how to get Claude Code where there is none", async () => {
    rmSync(sandbox.file("bin/claude"));
    const { code, err } = await sandbox.repowire("setup", "claude-code", "--yes");
    expect([code, err]).toEqual([66, expect.stringContaining("npm install -g @anthropic-ai/claude-code")]);
    expect(homeEntries()).toEqual([]);
  });

  test("stops before anything is done at a file it cannot edit, or at somebody else's server of that name", async () => {
    sandbox.write(SETTINGS, '{\n  "theme": dark\n}');
    const invalid = await sandbox.repowire("setup", "--yes");
    expect(invalid.code).toBe(65);
    expect(invalid.err).toContain(`${sandbox.file(SETTINGS)}, line 2: invalid symbol`);
    rmSync(sandbox.file(SETTINGS));
    const state = '{ "mcpServers": { "repowire": { "command": "theirs" } } }';
    sandbox.write(STATE, state);
    const conflict = await sandbox.repowire("setup", "--yes");
    expect(conflict.code).toBe(65);
    expect(conflict.err).toContain(
      'already has an MCP server named "repowire" that is not this one: it starts `theirs`',
    );
    expect(sandbox.text(STATE)).toBe(state);
    expect(existsSync(sandbox.paths.home)).toBe(false);
  });

  test("changes nothing when it runs again, and says so", async () => {
    await sandbox.repowire("setup", "--yes", "--json");
    const before = [SETTINGS, STATE, ".repowire/setup.json"].map((name) => sandbox.text(name));
    const program = statSync(join(sandbox.paths.versions, VERSION)).ino;
    const again = await sandbox.repowire("setup", "--yes");
    expect(again.out).toContain("~/.claude.json has everything already");
    expect(again.out).toContain("daemon runs on");
    expect([SETTINGS, STATE, ".repowire/setup.json"].map((name) => sandbox.text(name))).toEqual(before);
    expect(statSync(join(sandbox.paths.versions, VERSION)).ino).toBe(program);
  });

  test("from an installed program copies it, with its Bun, and needs no sources", async () => {
    const ran = await sandbox.repowire("setup", "--yes", "--json");
    expect(json(ran)).toMatchObject({ ok: true, program: { name: VERSION, is_new: true }, selftest: { ok: true } });
    const files = (paths: HomePaths) => readdirSync(join(paths.versions, VERSION)).sort();
    expect(files(sandbox.paths)).toEqual(files(template.paths));
  });

  test("has the daemon run from the installed program: one that runs from elsewhere is replaced", async () => {
    await sandbox.repowire("daemon", "start");
    const before = readDaemonRecord(sandbox.paths.home)?.pid;
    const setup = json(await sandbox.repowire("setup", "--yes", "--json"));
    expect(setup.daemon.how).toBe("restarted");
    const after = readDaemonRecord(sandbox.paths.home)?.pid;
    expect(after).not.toBe(before);
    expect(processesFrom(join(sandbox.paths.versions, VERSION)).map(({ pid }) => pid)).toContain(after ?? 0);
  });

  test("of another build replaces the daemon under a running session, which comes back and keeps its own version", async () => {
    await sandbox.repowire("setup", "--yes", "--json");
    const old = join(sandbox.paths.versions, VERSION);
    const cli = sandbox.paths.cliLauncher;
    const session = Bun.spawn([cli, "selftest-peer", "backend"], { stdin: "pipe", stdout: "pipe", stderr: "ignore" });
    await session.stdout.getReader().read();
    // As if it had been made from other sources.
    writeFileSync(join(old, "hook.js"), `${sandbox.text(`.repowire/versions/${VERSION}/hook.js`)}\n`);

    const upgrade = json(await sandbox.repowire("setup", "--yes", "--json"));
    expect(upgrade).toMatchObject({ ok: true, program: { is_new: true }, daemon: { how: "restarted" } });
    expect(upgrade.old_versions).toEqual({ removed: [], in_use: [{ name: VERSION, pids: [session.pid] }] });
    expect(upgrade.runtimes[0].files.map((file: { changed: boolean }) => file.changed)).toEqual([false, false]);
    const address = await findDaemon(sandbox.paths.home);
    if (!address) throw new Error("no daemon");
    const deadline = Date.now() + 5_000;
    const answered = async () =>
      (await httpMesh(address).ask({ peer: "backend", question: "still there?", wait_seconds: 5 })).state ===
      "answered";
    while (!(await answered()) && Date.now() < deadline);
    expect(await answered()).toBe(true);

    session.stdin.end();
    await session.exited;
    expect(json(await sandbox.repowire("setup", "--yes", "--json")).old_versions.removed).toEqual([VERSION]);
  });

  test("says what is wrong when the daemon cannot start, and what was done before", async () => {
    await using taken = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() });
    sandbox.env.REPOWIRE_PORT = String(taken.port);
    const ran = await sandbox.repowire("setup", "--yes");
    expect(ran.code).toBe(69);
    expect(ran.out).toContain("~/.claude.json edited");
    expect(ran.out).toContain(`Port ${taken.port} on 127.0.0.1 is used by another program`);
  });

  test("says what the system refuses, as no fault of repowire", async () => {
    sandbox.write("a-file", "");
    sandbox.env.REPOWIRE_HOME = sandbox.file("a-file/home");
    const ran = await sandbox.repowire("setup", "--yes");
    expect(ran.code).toBe(74);
    expect(ran.out + ran.err).toContain("ENOTDIR");
    expect(ran.out + ran.err).not.toContain("fault in repowire");
  });

  test("names the sessions that have to be restarted", async () => {
    const record = { pid: process.pid, cwd: sandbox.file("frontend"), entrypoint: "cli" };
    sandbox.write(`.claude/sessions/${process.pid}.json`, JSON.stringify(record));
    const { out } = await sandbox.repowire("setup", "--yes");
    expect(out).toContain(
      `Restart these sessions, they do not know repowire yet:\n  Claude Code, process ${process.pid}  ~/frontend`,
    );
  });

  test("with channels installs the launcher, prints the line, and promises nothing", async () => {
    const { out } = await sandbox.run([...fromInstalled(template.paths), "setup", "--yes", "--experimental-channels"], {
      env: { DISABLE_TELEMETRY: "1" },
    });
    expect(existsSync(join(sandbox.paths.bin, "repowire-claude"))).toBe(true);
    expect(out).toContain("which is: claude … --dangerously-load-development-channels server:repowire");
    expect(out).toContain("Claude Code shows a warning about development channels at every start");
    expect(out).toContain("depends on your account");
    expect(out).toContain("! DISABLE_TELEMETRY is set in this environment, which turns channels off in Claude Code.");
  });

  test("without the tools' permission leaves Claude Code to ask", async () => {
    await sandbox.repowire("setup", "--yes", "--no-allow-tools", "--json");
    expect(JSON.parse(sandbox.text(SETTINGS)).permissions).toBeUndefined();
  });
});

describe("The self-test", () => {
  test("asks a real question, and its seat is gone when it is over", async () => {
    const { selftest } = json(await sandbox.repowire("setup", "--yes", "--json"));
    expect(selftest).toMatchObject({ ok: true, elapsed_ms: expect.any(Number) });
    const states = selftest.trace.steps.map((step: { state: string }) => step.state);
    expect(states).toEqual(expect.arrayContaining(["presented", "seen", "answered", "answer presented"]));
    const address = await findDaemon(sandbox.paths.home);
    if (!address) throw new Error("no daemon");
    const mesh = httpMesh(address);
    const deadline = Date.now() + 5_000;
    const names = async () => (await mesh.peers({ include_offline: true })).peers.map((peer) => peer.name);
    while ((await names()).some((name) => name.startsWith("selftest")) && Date.now() < deadline) await Bun.sleep(50);
    expect(await names()).toEqual([]);
    expect(processesFrom(sandbox.paths.home).filter(({ args }) => args.includes("selftest-peer"))).toEqual([]);
  });

  test("that fails says what failed, and setup's exit code too", async () => {
    await sandbox.repowire("setup", "--yes", "--json");
    // The program's own peer cannot join with a launcher that only knows how to start the daemon.
    const cli = sandbox.paths.cliLauncher;
    const text = sandbox.text(".repowire/bin/repowire");
    writeFileSync(
      cli,
      text.replace("\nv=", '\n[ "$1" != selftest-peer ] || { echo "no peers today" >&2; exit 1; }\nv='),
    );
    const { runSelfTest } = await import("../../src/cli/setup/selftest.ts");
    const address = await findDaemon(sandbox.paths.home);
    if (!address) throw new Error("no daemon");
    expect(await runSelfTest(cli, address)).toMatchObject({
      ok: false,
      failure: "the test peer did not join: no peers today",
    });
  });
});
