import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { findDaemon, httpMesh } from "../../src/client/index.ts";
import { fromSource, type SetupSandbox, setupSandbox } from "../support/setup-sandbox.ts";

// Real processes, on machines that have other work too.
setDefaultTimeout(60_000);

/** A machine with repowire set up, one session that has joined and one that has not. */
let sandbox: SetupSandbox;
let stranger: Subprocess;
let joined: Subprocess;

async function status(): Promise<
  Record<string, never> & { advice: { found: string; next: string; of?: string }[]; runtimes: { parts?: object }[] }
> {
  const { out } = await sandbox.repowire("status", "--json");
  return JSON.parse(out);
}

beforeAll(async () => {
  sandbox = await setupSandbox();
});
afterAll(async () => {
  for (const child of [stranger, joined]) {
    child?.kill("SIGKILL");
    await child?.exited;
  }
  await sandbox[Symbol.asyncDispose]();
});

function startStranger(): void {
  stranger = Bun.spawn(["/bin/sleep", "600"], { stdout: "ignore" });
  const record = { pid: stranger.pid, cwd: sandbox.file("frontend"), version: "2.1.330", entrypoint: "cli" };
  mkdirSync(sandbox.file(".claude/sessions"), { recursive: true });
  writeFileSync(sandbox.file(`.claude/sessions/${stranger.pid}.json`), JSON.stringify(record));
}

describe("repowire status", () => {
  test("before setup says that nothing is installed, and starts no daemon", async () => {
    expect(await status()).toMatchObject({
      home: sandbox.paths.home,
      program: { launchers: { repowire: "missing", "repowire-hook": "missing", "repowire-channel": "missing" } },
      daemon: null,
      runtimes: [
        {
          runtime: "claude-code",
          installed: false,
          active: 0,
          cli: { version: "2.1.330" },
          parts: { server: { there: 0, of: 1 }, hooks: { there: 0, of: 8 } },
        },
        { runtime: "opencode", cli: null, installed: false },
        { runtime: "codex", cli: null, installed: false },
        { runtime: "gemini", cli: null, installed: false },
      ],
      config: {
        values: { port: { value: 0, origin: "environment" }, retention_days: { value: 30, origin: "default" } },
      },
      peers: [],
      advice: [{ found: "repowire is not installed in this home", next: "repowire setup" }],
    });
    expect(await findDaemon(sandbox.paths.home)).toBeUndefined();
  });

  test("after setup shows each part, each peer with its rung and proof, and who is no peer", async () => {
    startStranger();
    await sandbox.repowire("setup", "--yes", "--json");
    const cli = sandbox.paths.cliLauncher;
    joined = Bun.spawn([cli, "selftest-peer", "backend"], { stdin: "pipe", stdout: "pipe", stderr: "ignore" });
    if (joined.stdout instanceof ReadableStream) await joined.stdout.getReader().read();
    const address = await findDaemon(sandbox.paths.home);
    if (!address) throw new Error("no daemon");
    await httpMesh(address).ask({ peer: "backend", question: "there?", wait_seconds: 10 });

    const found = await status();
    expect(found).toMatchObject({
      daemon: { ok: true, port: address.port, parts: { store: { ok: true } } },
      not_peers: [{ pid: stranger.pid, cwd: sandbox.file("frontend"), needs_restart: true }],
    });
    expect(found.runtimes[0]).toMatchObject({
      installed: true,
      parts: { server: { there: 1, of: 1 }, hooks: { there: 8, of: 8 }, tools: { there: 8, of: 8 } },
    });
    expect(found.peers).toContainEqual(
      expect.objectContaining({
        name: "backend",
        pid: joined.pid,
        delivery: expect.objectContaining({ rung: "push", proven_by: "reply", latency_ms: expect.any(Number) }),
      }),
    );
    expect(found.advice).toEqual([
      {
        found: `the session in ${sandbox.file("frontend")} (Claude Code, process ${stranger.pid}) is no peer: it started before setup`,
        next: "restart it",
      },
    ]);

    const { out, code } = await sandbox.repowire("status");
    expect(code).toBe(0);
    expect(out).toMatch(/backend +script +online +push +reply +\d/);
    expect(out).toContain(`Claude Code, process ${stranger.pid}  ~/frontend  (2.1.330)`);
    expect(out).toMatch(/Claude Code +2\.1\.330 +yes /);
  });

  test("names what is missing, broken or in the way, with one next step each", async () => {
    const settings = JSON.parse(sandbox.text(".claude/settings.json"));
    const { Stop: _gone, ...hooks } = settings.hooks;
    sandbox.write(".claude/settings.json", JSON.stringify({ disableAllHooks: true, hooks }));
    rmSync(join(sandbox.paths.bin, "repowire-claude"), { force: true });
    const found = await status();
    expect(found.runtimes[0]?.parts).toMatchObject({ hooks: { there: 7, of: 8 }, tools: { there: 0, of: 8 } });
    expect(found.advice).toEqual(
      expect.arrayContaining([
        {
          found: "Claude Code: not all hooks are there, so receipts are incomplete",
          next: "repowire setup claude-code",
          of: "broken",
        },
        { found: "Claude Code asks before it uses some of the repowire tools", next: "repowire setup claude-code" },
        { found: expect.stringContaining('"disableAllHooks": true'), next: "remove that line" },
      ]),
    );

    sandbox.write(".claude/settings.json", "{");
    expect((await status()).advice[0]?.found).toContain("settings.json, line 1: close brace expected");
    rmSync(sandbox.paths.cliLauncher);
    expect((await status()).advice).toContainEqual({
      found: "repowire in the home's bin folder: missing or of another version",
      next: "repowire setup",
      of: "broken",
    });
    writeFileSync(sandbox.paths.config, "port: many\n");
    const broken = await sandbox.run([...fromSource(), "status"], { env: { REPOWIRE_PORT: "" } });
    expect(broken.out).toContain(`${sandbox.paths.config}: "port":`);
  });
});
