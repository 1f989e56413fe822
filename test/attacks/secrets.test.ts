import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { entryCommand } from "../../src/platform/program.ts";
import { CODEX_MCP_SCOPE, scopedToken } from "../../src/platform/token.ts";
import { HTTP_PATHS } from "../../src/protocol/index.ts";
import { type ChannelClient, channelClient } from "../support/channel-client.ts";
import { type DaemonProcess, daemonProcess } from "../support/daemon-process.ts";
import { type FakeSession, fakeSession } from "../support/fake-session.ts";
import { type Person, person } from "../support/person.ts";
import { processesOf } from "../support/processes-of.ts";
import { toolsClient } from "../support/tools-client.ts";
import { until } from "../support/until.ts";

/**
 * A whole scene with every kind of process: daemon, channel, tools over stdio, hook, command line, sessions; with questions, answers,
 * permissions, refusals, a crash. Then everything that others could look at is searched for the token and for what was said.
 */
setDefaultTimeout(120_000);

const SAID = "said-7f3a91c2";
/** As a session's own environment has it: it must not go on into what the session starts for everybody. */
const KEY = "sk-ant-secret0123456789abcdef";

let daemon: DaemonProcess;
let session: FakeSession;
let channel: ChannelClient;
let tools: Client;
let user: Person;
let token: string;

beforeAll(async () => {
  daemon = await daemonProcess({ env: { REPOWIRE_LOG_LEVEL: "debug" } });
  token = daemon.address().token;
  session = await fakeSession(daemon.sandbox, "session");
  channel = await channelClient({
    command: entryCommand("channel-claude-code"),
    cwd: daemon.sandbox.root,
    env: { ...daemon.sandbox.env, REPOWIRE_NAME: "channelled", REPOWIRE_LOG_LEVEL: "debug" },
  });
  await channel.client.listTools();
  tools = await toolsClient(daemon.sandbox);
  user = person(daemon.sandbox);
  const asked = user.repowire("peer", "ask", session.name, "-w", "20", `${SAID} question`);
  const { handle } = await session.got(`${SAID} question`);
  await session.call("describe", { text: `${SAID} description` });
  await session.call("reply", { id: handle, text: `${SAID} answer` });
  expect((await asked).out).toContain(`${SAID} answer`);
  await channel.call("notify_peer", { peer: "session", text: `${SAID} channel` });
  await tools.callTool({ name: "notify_peer", arguments: { peer: "session", text: `${SAID} tools` } });
  session.requestPermission({
    request: "r1",
    tool: "Bash",
    description: `${SAID} permission`,
    preview: `${SAID} preview`,
  });
  await daemon.sandbox.run([...entryCommand("hook"), "UserPromptSubmit"], {
    cwd: daemon.sandbox.root,
    stdin: JSON.stringify({ session_id: "s", cwd: daemon.sandbox.root, prompt: `${SAID} prompt` }),
    env: { CLAUDE_PID: String(process.pid) },
  });
  // Refusals and faults are logged, too.
  await daemon.fetch("/v1/notify", { method: "POST", body: `{"peer":"${SAID}","text":"${SAID}","${SAID}":1}` });
  await daemon.fetch("/v1/notify", { method: "POST", body: `${SAID} is no JSON` });
  await daemon.fetch(`/v1/${SAID}?token=${token}`, { method: "POST", headers: { authorization: `Bearer x${token}` } });
  await daemon.crashAndRestart();
  await until(async () => (await session.call("whoami", {})).peer.name === "session", "the session is back");
  await session.call("notify", { peer: "channelled", text: `${SAID} again` });
});
afterAll(async () => {
  user?.[Symbol.dispose]();
  await tools?.close();
  await channel?.[Symbol.asyncDispose]();
  await session?.[Symbol.asyncDispose]();
  await daemon[Symbol.asyncDispose]();
});

const secrets = () => ({ token, credential: scopedToken(token, CODEX_MCP_SCOPE), said: SAID });
const foundIn = (text: string) =>
  Object.entries(secrets()).flatMap(([name, secret]) => (text.includes(secret) ? [name] : []));

// @attack secrets-in-logs
test("No log holds the token, a credential, or anything that was said, at the level that tells most", () => {
  const { logs } = daemon.sandbox.paths;
  const files = (readdirSync(logs, { recursive: true }) as string[]).filter((name) =>
    statSync(join(logs, name)).isFile(),
  );
  const text = files.map((name) => readFileSync(join(logs, name), "utf8")).join("\n");
  // Empty, it would prove nothing.
  expect(text.split("\n").length).toBeGreaterThan(5);
  expect(text).toContain("session joined");
  expect(foundIn(text)).toEqual([]);
});

// @attack secrets-in-files
test("What was said is in the database alone, the token in its own file alone", () => {
  const places = (readdirSync(daemon.home, { recursive: true }) as string[]).flatMap((name) => {
    const file = join(daemon.home, name);
    return statSync(file, { throwIfNoEntry: false })?.isFile()
      ? foundIn(readFileSync(file, "latin1")).map((what) => `${what} in ${name}`)
      : [];
  });
  const unexpected = places.filter((place) => place !== "token in token" && !/^said in repowire\.db/.test(place));
  expect(unexpected).toEqual([]);
  expect(places).toContain("token in token");
});

// @attack secrets-in-processes
test("No process of ours has them in its environment or on its command line", () => {
  const ours = processesOf(daemon.home);
  // Daemon, session, channel and its shell, tools, the person's tmux.
  expect(ours.length).toBeGreaterThanOrEqual(6);
  for (const { pid } of ours) {
    const read = (what: string) => readFileSync(`/proc/${pid}/${what}`, "latin1");
    expect([pid, foundIn(read("environ")), foundIn(read("cmdline"))]).toEqual([pid, [], []]);
  }
});

// @attack secrets-in-answers
test("Nothing that is there for looking at holds them: health, metrics, the pages about the API, a refusal", async () => {
  for (const path of [HTTP_PATHS.health, "/metrics", "/openapi.json", "/docs", "/v1/nothing"]) {
    for (const authorization of [`Bearer ${token}`, "Bearer wrong", ""]) {
      const response = await daemon.fetch(path, { headers: { authorization } });
      const text = `${await response.text()}${JSON.stringify([...response.headers])}`;
      expect([path, authorization === "", foundIn(text)]).toEqual([path, authorization === "", []]);
    }
  }
});

// @attack secrets-inherited
test("A daemon that a session starts inherits none of the session's own secrets", async () => {
  await daemon.end("SIGTERM");
  const { code } = await daemon.sandbox.run([...entryCommand("cli"), "peer", "list"], {
    env: { ANTHROPIC_API_KEY: KEY, GITHUB_TOKEN: KEY, OTHER: KEY, NODE_OPTIONS: "--no-warnings", LD_PRELOAD: "" },
  });
  expect(code).toBe(0);
  const { pid } = JSON.parse(readFileSync(daemon.sandbox.paths.daemonRecord, "utf8"));
  const environ = readFileSync(`/proc/${pid}/environ`, "latin1");
  expect(environ).toContain("HOME=");
  expect(environ).not.toContain(KEY);
  expect(environ).not.toMatch(/NODE_OPTIONS|LD_PRELOAD|ANTHROPIC|GITHUB/);
});
