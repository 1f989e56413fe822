import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Subprocess } from "bun";
import { type DaemonAddress, findDaemon, httpMesh } from "../../src/client/index.ts";
import { readDaemonRecord } from "../../src/platform/daemon-record.ts";
import { processInfo } from "../../src/platform/process.ts";
import { entryCommand } from "../../src/platform/program.ts";
import { type TempHome, tempHome } from "../support/temp-home.ts";

const line = (message: object) => `${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`;
const HANDSHAKE =
  line({
    id: 1,
    method: "initialize",
    params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "test", version: "1" } },
  }) + line({ method: "notifications/initialized" });

describe("the tools over stdio", () => {
  let home: TempHome;
  let daemon: Subprocess;
  let address: DaemonAddress;

  beforeAll(async () => {
    home = tempHome();
    daemon = startDaemon();
    address = await until(() => findDaemon(home.path));
  });
  afterAll(async () => {
    // After the kill the tools' server may have been the first to start a daemon: whoever serves is ended.
    const serving = readDaemonRecord(home.path)?.pid;
    daemon.kill("SIGTERM");
    await daemon.exited;
    if (serving !== undefined && processInfo(serving)) process.kill(serving, "SIGTERM");
    await until(() => (serving === undefined || processInfo(serving) === undefined ? true : undefined));
    home[Symbol.dispose]();
  });

  const env = () => ({ PATH: process.env.PATH ?? "", HOME: home.path, REPOWIRE_HOME: home.path, REPOWIRE_PORT: "0" });

  function startDaemon(): Subprocess {
    return Bun.spawn([...entryCommand("cli"), "daemon", "run", "--detached"], {
      cwd: home.path,
      env: env(),
      stdio: ["ignore", "ignore", "inherit"],
    });
  }

  function server(runtime: string, more: Record<string, string>) {
    const child = Bun.spawn([...entryCommand("mcp"), runtime], {
      cwd: home.path,
      env: { ...env(), ...more },
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    });
    const reader = child.stdout.getReader();
    let rest = "";
    async function answer(id: number): Promise<Record<string, unknown>> {
      for (;;) {
        const end = rest.indexOf("\n");
        if (end < 0) {
          const { value, done } = await reader.read();
          if (done) throw new Error("the server ended");
          rest += new TextDecoder().decode(value);
          continue;
        }
        const message = JSON.parse(rest.slice(0, end));
        rest = rest.slice(end + 1);
        if (message.id === id) return message.result ?? message.error;
      }
    }
    const send = (text: string) => {
      child.stdin.write(text);
      child.stdin.flush();
    };
    return { child, send, answer };
  }

  test("a session that is no peer gets no tools; the server ends with its input", async () => {
    const { child, send, answer } = server("gemini", { REPOWIRE_PEER: "0" });
    send(HANDSHAKE);
    expect(await answer(1)).toMatchObject({ serverInfo: { name: "repowire" } });
    send(line({ id: 2, method: "tools/list" }));
    expect(await answer(2)).toEqual({ tools: [] });
    child.stdin.end();
    expect(await child.exited).toBe(0);
  });

  test("a peer's tools speak for the process that started the server, also after the daemon was replaced", async () => {
    const { child, send, answer } = server("gemini", { REPOWIRE_PEER: "1", REPOWIRE_NAME: "tooled" });
    const whoami = (id: number) => line({ id, method: "tools/call", params: { name: "whoami", arguments: {} } });
    const textOf = (result: Record<string, unknown>) => JSON.stringify(result);
    send(HANDSHAKE);
    await answer(1);
    // The test is the CLI here, so its own calls over HTTP are its session's.
    const self = await until(async () => {
      const { peer } = await httpMesh(address).whoami({});
      return peer.name === "tooled" ? peer : undefined;
    });
    expect(self).toMatchObject({ runtime: "gemini", pid: process.pid, identity: "proven", delivery: { rung: "pull" } });
    send(whoami(3));
    expect(textOf(await answer(3))).toContain("tooled");
    daemon.kill("SIGKILL");
    await daemon.exited;
    daemon = startDaemon();
    address = await until(() => findDaemon(home.path));
    send(whoami(4));
    expect(textOf(await answer(4))).toContain("tooled");
    expect((await httpMesh(address).whoami({})).peer.id).toBe(self.id);
    child.stdin.end();
    expect(await child.exited).toBe(0);
  });

  test("it ends with the CLI that started it, though its pipes stay open", async () => {
    // The shell is the CLI; it dies, and `sleep` keeps the server's input open.
    const script = `{ printf '%s' '${HANDSHAKE}'; exec sleep 60; } | ${entryCommand("mcp").join(" ")} gemini & echo $!; wait`;
    const cli = Bun.spawn(["sh", "-c", script], {
      cwd: home.path,
      env: { ...env(), REPOWIRE_PEER: "1" },
      stdio: ["ignore", "pipe", "ignore"],
      detached: true,
    });
    const output = cli.stdout.getReader();
    let said = "";
    while (!said.includes("serverInfo")) said += new TextDecoder().decode((await output.read()).value);
    const pid = Number(said.match(/^\d+$/m)?.[0]);
    expect(processInfo(pid)).toBeDefined();
    cli.kill("SIGKILL");
    await until(() => (processInfo(pid) === undefined ? true : undefined));
    process.kill(-cli.pid, "SIGKILL");
  });

  test("an unknown runtime is refused with those that there are", async () => {
    const { child } = server("emacs", {});
    expect(await child.exited).toBe(1);
    expect(await new Response(child.stderr).text()).toContain('no tools over stdio for "emacs". Known: gemini');
  });
});

async function until<T>(look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error("it never came");
    await Bun.sleep(50);
  }
}
