import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { processArgs } from "../../src/platform/process.ts";
import { VERSION } from "../../src/protocol/index.ts";
import { claudeEdits, claudeFiles } from "../../src/setup/claude-code.ts";
import { currentVersion, installProgram } from "../../src/setup/install.ts";
import { LAUNCHERS, launcherPath, launcherState, writeLaunchers } from "../../src/setup/launchers.ts";
import { type SetupSandbox, setupSandbox } from "../support/setup-sandbox.ts";

// Real processes, on machines that have other work too.
setDefaultTimeout(60_000);

/** A home whose path needs quoting in a shell, for all tests here. */
const HOME = 'a home; it\'s $HOME & "more"';

let sandbox: SetupSandbox;
let hook: string;
let channel: string;

beforeAll(async () => {
  sandbox = await setupSandbox({ home: HOME });
  await installProgram(sandbox.paths);
  writeLaunchers(sandbox.paths, ["cli", "hook", "channel", "claude"]);
  hook = launcherPath(sandbox.paths, "hook");
  channel = launcherPath(sandbox.paths, "channel");
});
afterAll(() => sandbox[Symbol.asyncDispose]());

/** A report of this event in the spool says that the program behind the hook launcher really ran. */
async function runHook(event: string, env: Record<string, string> = {}): Promise<{ code: number; ran: boolean }> {
  rmSync(sandbox.paths.spool, { recursive: true, force: true });
  const { code, out, err } = await sandbox.run([hook, event], { env, stdin: '{"session_id":"s"}' });
  expect([out, err]).toEqual(["", ""]);
  return { code, ran: existsSync(sandbox.paths.spool) };
}

/** A channel that answers the handshake really ran. */
const HANDSHAKE = `${JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "test", version: "1" } },
})}\n`;
/** Nothing is to join the mesh here. */
const NO_PEER = { REPOWIRE_PEER: "0" };

describe("A repository that wants to run code in us", () => {
  const marker = () => sandbox.file("marker");
  let repository: string;

  beforeAll(() => {
    repository = sandbox.file("hostile");
    mkdirSync(repository);
    const evil = join(repository, "evil.ts");
    writeFileSync(
      evil,
      `require("node:fs").appendFileSync(${JSON.stringify(marker())}, process.argv.join(" ") + "\\n");`,
    );
    writeFileSync(join(repository, "bunfig.toml"), `preload = [${JSON.stringify(evil)}]\n[run]\nbun = true\n`);
    writeFileSync(join(repository, ".env"), `REPOWIRE_HOME=${sandbox.file("elsewhere")}\nREPOWIRE_PEER=1\n`);
    writeFileSync(join(repository, "package.json"), '{ "name": "hostile", "scripts": { "cli.js": "touch pwned" } }');
    // Commands that a launcher might look for in the current folder or on a PATH that holds it.
    for (const name of ["bun", "cd", "pwd", "readlink", "dirname", "env"]) {
      writeFileSync(join(repository, name), `#!/bin/sh\necho ${name} >> ${sandbox.file("marker")}\n`, { mode: 0o755 });
    }
  });

  const hostile = (command: string[], stdin?: string, env: Record<string, string> = {}) =>
    sandbox.run(command, {
      cwd: repository,
      stdin,
      env: { PATH: `.:${repository}:/usr/bin:/bin`, BUN_OPTIONS: "--preload ./evil.ts", ...env },
    });

  test("would succeed with Bun as it starts by itself, which is what these tests rest on", async () => {
    rmSync(marker(), { force: true });
    const bun = join(sandbox.paths.versions, "current", "bun");
    const script = sandbox.write("print.js", "console.log(process.env.REPOWIRE_HOME)");
    const { out } = await sandbox.run(["/usr/bin/env", "-u", "REPOWIRE_HOME", bun, script], { cwd: repository });
    expect(out.trim()).toBe(sandbox.file("elsewhere"));
    expect(readFileSync(marker(), "utf8")).toContain("print.js");
  });

  test("runs nothing in the command line, which keeps its own home", async () => {
    rmSync(marker(), { force: true });
    const { out, code } = await hostile([launcherPath(sandbox.paths, "cli"), "status", "--json"]);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ home: sandbox.paths.home, version: VERSION });
    expect(existsSync(marker())).toBe(false);
  });

  test("runs nothing in the hook, whose report goes to its own home", async () => {
    rmSync(marker(), { force: true });
    rmSync(sandbox.paths.spool, { recursive: true, force: true });
    const { code } = await hostile([hook, "Stop"], '{"session_id":"s"}');
    expect(code).toBe(0);
    expect(existsSync(sandbox.paths.spool)).toBe(true);
    expect(existsSync(marker())).toBe(false);
    expect(existsSync(sandbox.file("elsewhere"))).toBe(false);
  });

  // @req private.repository
  test("runs nothing in the channel, and does not make it a peer against the user's word", async () => {
    rmSync(marker(), { force: true });
    const { out } = await hostile([channel], HANDSHAKE, NO_PEER);
    expect(JSON.parse(out)).toMatchObject({ id: 1, result: { serverInfo: { version: VERSION } } });
    expect(out).not.toContain("claude/channel");
    expect(existsSync(marker())).toBe(false);
  });
});

describe("A launcher", () => {
  test("works from any folder, even one that is gone", async () => {
    const gone = sandbox.file("gone");
    mkdirSync(gone);
    const cli = launcherPath(sandbox.paths, "cli");
    const script = 'cd "$1" && rmdir "$1" && exec "$2" --version';
    const { out } = await sandbox.run(["/bin/sh", "-c", script, "sh", gone, cli]);
    expect(out.trim()).toBe(VERSION);
  });

  test("works through the PATH, with a CDPATH, and through a link", async () => {
    const env = { PATH: `${sandbox.paths.bin}:/usr/bin:/bin`, CDPATH: "/:/tmp" };
    const link = sandbox.file("linked");
    symlinkSync(launcherPath(sandbox.paths, "cli"), link);
    for (const command of [
      ["/bin/sh", "-c", "repowire --version"],
      [link, "--version"],
    ]) {
      expect((await sandbox.run(command, { env })).out.trim()).toBe(VERSION);
    }
  });

  test("passes words on as they are", async () => {
    const { err } = await sandbox.run([launcherPath(sandbox.paths, "cli"), "no such *", "a  b"]);
    expect(err).toContain("'no such *'");
  });

  test("becomes the program, so that the program's parent is the session and not a shell", async () => {
    const child = Bun.spawn([channel], {
      env: { ...sandbox.env, ...NO_PEER },
      stdin: "pipe",
      stdout: "pipe",
      stderr: "ignore",
    });
    child.stdin.write(HANDSHAKE);
    child.stdin.flush();
    await child.stdout.getReader().read();
    const version = join(sandbox.paths.versions, currentVersion(sandbox.paths) ?? "");
    const args = processArgs(child.pid);
    expect([args[0], args.at(-1)]).toEqual([join(version, "bun"), join(version, "channel-claude-code.js")]);
    child.stdin.end();
    expect(await child.exited).toBe(0);
  });

  test("is there, outdated or missing", () => {
    expect(launcherState(sandbox.paths, "hook")).toBe("there");
    const text = readFileSync(hook);
    writeFileSync(hook, "#!/bin/sh\n");
    expect(launcherState(sandbox.paths, "hook")).toBe("outdated");
    writeFileSync(hook, text);
    expect(writeLaunchers(sandbox.paths, ["cli", "hook", "channel", "claude"])).toEqual([]);
  });
});

describe("The hook launcher", () => {
  test("runs for a person's session", async () => {
    expect(await runHook("Stop")).toEqual({ code: 0, ran: true });
    expect(await runHook("Stop", { CLAUDE_CODE_ENTRYPOINT: "cli" })).toEqual({ code: 0, ran: true });
  });

  test("ends at once for a headless run, unless that is to be a peer", async () => {
    for (const entrypoint of ["sdk-cli", ""])
      expect(await runHook("Stop", { CLAUDE_CODE_ENTRYPOINT: entrypoint })).toEqual({ code: 0, ran: false });
    expect(await runHook("Stop", { CLAUDE_CODE_ENTRYPOINT: "sdk-cli", REPOWIRE_PEER: "1" })).toMatchObject({
      ran: true,
    });
  });

  test("ends at once between tools, unless the daemon has asked for it in this very session", async () => {
    expect(await runHook("PostToolUse", { CLAUDE_PID: "4242" })).toEqual({ code: 0, ran: false });
    mkdirSync(sandbox.paths.between, { recursive: true });
    writeFileSync(join(sandbox.paths.between, "4243"), "");
    expect(await runHook("PostToolUse", { CLAUDE_PID: "4242" })).toMatchObject({ ran: false });
    writeFileSync(join(sandbox.paths.between, "4242"), "");
    expect(await runHook("PostToolUse", { CLAUDE_PID: "4242" })).toMatchObject({ ran: true });
    rmSync(sandbox.paths.between, { recursive: true });
  });
});

test("The command that setup writes into Claude Code's settings starts the hook, whatever the home is called", async () => {
  const files = claudeFiles({ HOME: sandbox.root });
  const [, settings] = claudeEdits(sandbox.paths, files, { allowTools: false });
  const command = settings?.edits.find((edit) => edit.path[1] === "Stop")?.mark ?? "";
  rmSync(sandbox.paths.spool, { recursive: true, force: true });
  const ran = await sandbox.run(["/bin/sh", "-c", command], { stdin: '{"session_id":"s"}' });
  expect(ran).toEqual({ code: 0, out: "", err: "" });
  expect(existsSync(sandbox.paths.spool)).toBe(true);
});

describe("With the version gone", () => {
  test("hook and channel end silently with 0, the command line says what to do", async () => {
    const name = currentVersion(sandbox.paths) ?? "";
    const folder = join(sandbox.paths.versions, name);
    renameSync(folder, sandbox.file("away"));
    try {
      for (const launcher of [hook, channel])
        expect(await sandbox.run([launcher, "Stop"], { stdin: "{}" })).toEqual({ code: 0, out: "", err: "" });
      const { code, err } = await sandbox.run([launcherPath(sandbox.paths, "cli"), "--version"]);
      expect([code, err]).toEqual([69, "repowire: no version is installed in this home. Run: npx repowire setup\n"]);
    } finally {
      renameSync(sandbox.file("away"), folder);
    }
  });
});

describe(`${LAUNCHERS.claude} starts Claude Code with its channel option where it swallows nothing`, () => {
  const FLAG = ["--dangerously-load-development-channels", "server:repowire"];
  test.each([
    ["no words", [], FLAG],
    ["a prompt", ["fix the  tests"], ["fix the  tests", ...FLAG]],
    ["options and a prompt", ["--model", "opus", "go on", "-c"], ["--model", "opus", "go on", "-c", ...FLAG]],
    ["a prompt behind --", ["-c", "--", "-x is wrong", "--"], ["-c", ...FLAG, "--", "-x is wrong", "--"]],
    ["empty and odd words", ["", "*", "$HOME"], ["", "*", "$HOME", ...FLAG]],
  ])("%s", async (_name, words, expected) => {
    const { out } = await sandbox.run([launcherPath(sandbox.paths, "claude"), ...words]);
    expect(out).toBe(expected.map((word) => `${word}\n`).join(""));
  });
});
