import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ENTRIES, programRoot } from "../../src/platform/program.ts";
import { MeshEvent } from "../../src/protocol/index.ts";
import { type DaemonProcess, daemonProcess } from "../support/daemon-process.ts";
import { type FakeSession, fakeSession } from "../support/fake-session.ts";
import { person } from "../support/person.ts";
import type { Ran } from "../support/setup-sandbox.ts";
import { until } from "../support/until.ts";

// Real processes, on machines that have other work too.
setDefaultTimeout(60_000);

/** This very process stands in for Claude Code: the hooks are its children. */
let daemon: DaemonProcess;
let other: FakeSession;

beforeAll(async () => {
  daemon = await daemonProcess();
  other = await fakeSession(daemon.sandbox, "other");
});
afterAll(async () => {
  await other[Symbol.asyncDispose]();
  await daemon[Symbol.asyncDispose]();
});
beforeEach(() => rmSync(daemon.sandbox.paths.spool, { recursive: true, force: true }));

const HOOK = [process.execPath, join(programRoot(), ENTRIES.hook.source)];

function hook(words: string[], input: string | Record<string, unknown>): Promise<Ran> {
  const stdin =
    typeof input === "string" ? input : JSON.stringify({ session_id: "s1", cwd: daemon.sandbox.root, ...input });
  return daemon.sandbox.run([...HOOK, ...words], {
    cwd: daemon.sandbox.root,
    stdin,
    env: { CLAUDE_PID: String(process.pid), CLAUDE_PROJECT_DIR: daemon.sandbox.root, REPOWIRE_NAME: "hooked" },
  });
}

const SILENT = { code: 0, out: "", err: "" };
const spooled = (): string[] =>
  existsSync(daemon.sandbox.paths.spool) ? readdirSync(daemon.sandbox.paths.spool).sort() : [];
const contextOf = ({ out }: Ran): string => JSON.parse(out).hookSpecificOutput.additionalContext;
const hookedPeer = async () =>
  (await other.call("peers", { include_offline: true })).peers.find((peer) => peer.name === "hooked");

describe("With the daemon up", () => {
  test("a session is told at its start who it is, and is a peer", async () => {
    const line = contextOf(await hook(["SessionStart"], { source: "startup" }));
    expect(line).toStartWith("repowire: you are hooked (circle default). Online: other (memory)");
    expect(await hookedPeer()).toMatchObject({
      presence: { state: "online" },
      capabilities: expect.arrayContaining(["hooks"]),
    });
  });

  test.each([
    ["nothing on stdin", ["Stop"], ""],
    ["no JSON", ["Stop"], "{"],
    ["a list", ["Stop"], "[1]"],
    ["fields of another kind", ["Stop"], '{"session_id":7,"cwd":[]}'],
    ["an event that does not exist", ["Dance"], "{}"],
    ["no event", [], "{}"],
    ["a runtime that does not exist", ["cobol", "Stop"], "{}"],
    ["a runtime with an inherited name", ["constructor", "Stop"], "{}"],
  ])("%s never disturbs the session, and leaves nothing behind", async (_name, words, input) => {
    expect(await hook(words, input)).toEqual(SILENT);
    expect(spooled()).toEqual([]);
  });
});

describe("With the daemon down", () => {
  test("events wait on disk, private, and are told in their order at the next start", async () => {
    await daemon.end("SIGTERM");
    expect(await hook(["UserPromptSubmit"], { prompt: "go" })).toEqual(SILENT);
    expect(await hook(["Stop"], { last_assistant_message: "done" })).toEqual(SILENT);
    expect(await hook(["UserPromptSubmit"], { prompt: "and on" })).toEqual(SILENT);
    expect(await hook(["PermissionRequest"], { tool_name: "Bash" })).toEqual(SILENT);
    const files = spooled();
    expect(files.length).toBe(3);
    for (const file of files) {
      expect(file).toEndWith(".json");
      const { spooled_at: at } = JSON.parse(readFileSync(join(daemon.sandbox.paths.spool, file), "utf8"));
      expect(at).toBeWithin(Date.now() - 60_000, Date.now());
      expect(statSync(join(daemon.sandbox.paths.spool, file)).mode & 0o777).toBe(0o600);
    }
    await daemon.start();
    expect(spooled()).toEqual([]);
    const { id } = (await hookedPeer()) ?? {};
    using user = person(daemon.sandbox);
    const { out } = await user.repowire("log", "--json");
    const events: MeshEvent[] = out
      .trim()
      .split("\n")
      .map((line) => MeshEvent.parse(JSON.parse(line)));
    const states = events
      .filter(({ type, peer }) => type === "peer.presence" && peer === id)
      .map(({ data }) => data.state);
    expect(states.slice(-3)).toEqual(["busy", "online", "busy"]);
  });

  test("what is broken in the spool, or about a process that ended, is dropped and keeps nothing else up", async () => {
    await daemon.end("SIGTERM");
    await hook(["Stop"], {});
    const [file] = spooled();
    const good = JSON.parse(readFileSync(join(daemon.sandbox.paths.spool, file ?? ""), "utf8"));
    const write = (name: string, content: string) => writeFileSync(join(daemon.sandbox.paths.spool, name), content);
    write("0-broken.json", "{");
    write("0-gone.json", JSON.stringify({ ...good, pid: 4_194_305, name: "ghost-1" }));
    // The pid was used again: this process is younger than the report.
    write("0-reused.json", JSON.stringify({ ...good, pid: other.pid, name: "ghost-2", spooled_at: 1_000_000 }));
    await daemon.start();
    expect(spooled()).toEqual([]);
    const names = (await daemon.mesh.peers({ include_offline: true })).peers.map(({ name }) => name);
    expect(names.filter((name) => name.startsWith("ghost"))).toEqual([]);
    expect(await hookedPeer()).toMatchObject({ presence: { state: "online" } });
  });

  test("a report that was told late takes no mail with it: its hook can print nothing any more", async () => {
    await other.call("notify", { peer: "hooked", text: "for your next turn", urgency: "fyi" });
    await daemon.end("SIGTERM");
    await hook(["UserPromptSubmit"], { prompt: "go" });
    await hook(["Stop"], {});
    await daemon.start();
    await until(async () => (await hookedPeer())?.presence.state === "online", "the turn is over");
    expect(contextOf(await hook(["UserPromptSubmit"], { prompt: "next" }))).toContain("other: for your next turn");
  });

  test("and another program on its port, the event waits just the same", async () => {
    await daemon.end();
    const heard: (string | null)[] = [];
    const foreign = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch(request) {
        heard.push(request.headers.get("authorization"));
        return new Response("no", { status: 404 });
      },
    });
    const { daemonRecord } = daemon.sandbox.paths;
    writeFileSync(daemonRecord, readFileSync(daemonRecord, "utf8").replace(/"port":\d+/, `"port":${foreign.port}`));
    expect(await hook(["Stop"], {})).toEqual(SILENT);
    expect(spooled().length).toBe(1);
    // It is not even asked: the daemon that wrote the record is dead, and the token is not for whoever came after it.
    expect(heard).toEqual([]);
    await foreign.stop(true);
    await daemon.start();
    expect(spooled()).toEqual([]);
  });
});
