import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type DaemonProcess, daemonProcess } from "../support/daemon-process.ts";
import { type FakeSession, fakeSession } from "../support/fake-session.ts";
import { type Person, person } from "../support/person.ts";
import { until } from "../support/until.ts";

/**
 * A session whose folder, branch, description, messages, permission requests and reasons all try to steer the terminal of the person
 * who looks at them. Every command of the command line is run by that person, as text and as JSON.
 */
setDefaultTimeout(120_000);

/** Window title, clipboard, clear screen, a C1 introducer, a device query, reversed writing, a carriage return over the line. */
const HOSTILE =
  "\u001b]0;owned\u0007\u001b]52;c;b3duZWQ=\u0007\u001b[2J\u009b31m\u001b[6n\u001bP+q\u001b\\\u202eecho\u202c\u0085\u007f\rroot";
const ACTS = /(?![\n\t])[\p{Cc}\u202a-\u202e\u2066-\u2069]/u;
/** The only thing we write ourselves, and only with numbers. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the very sign that is looked for
const COLOURS = /\u001b\[[0-9;]*m/g;

let daemon: DaemonProcess;
let mallory: FakeSession;
let user: Person;
let asked: string;
beforeAll(async () => {
  daemon = await daemonProcess();
  const folder = `evil ${HOSTILE}`;
  const root = join(daemon.sandbox.root, folder);
  mkdirSync(join(root, ".git"), { recursive: true });
  writeFileSync(join(root, ".git", "HEAD"), `ref: refs/heads/b${HOSTILE.replaceAll("\n", "")}`);
  mallory = await fakeSession(daemon.sandbox, folder);
  user = person(daemon.sandbox);
  await mallory.call("describe", { text: HOSTILE });
  const put = await user.repowire("peer", "ask", mallory.name, "-w", "0", "--json", `what? ${HOSTILE}`);
  asked = JSON.parse(put.out).id;
  const question = () => mallory.received.find(({ body }) => body.startsWith("what?"));
  const { handle } = await until(question, "the question");
  await mallory.call("reply", { id: handle, text: HOSTILE, outcome: "progress" });
  await mallory.call("reply", { id: handle, text: `done\n${HOSTILE}` });
  const { name } = JSON.parse((await user.repowire("whoami", "--json")).out).peer;
  await mallory.call("ask", { peer: name, question: `you? ${HOSTILE}`, wait_seconds: 0 });
  await mallory.call("notify", { peer: name, text: `news\n${HOSTILE}` });
  mallory.requestPermission({ request: "r1", tool: `Bash${HOSTILE}`, description: HOSTILE, preview: `ls\n${HOSTILE}` });
  mallory.report({ type: "waiting", detail: `Bash ${HOSTILE}` });
});
afterAll(async () => {
  user?.[Symbol.dispose]();
  await mallory?.[Symbol.asyncDispose]();
  await daemon[Symbol.asyncDispose]();
});

/** Words for each command; those that show nothing of a peer, or act on files, say why they are left out. */
const COMMANDS: Record<string, (() => string[][]) | string> = {
  worktree: () => [
    ["worktree", "list"],
    ["worktree", "remove", `x${HOSTILE}`],
    ["worktree", "trust", `x${HOSTILE}`],
  ],
  circle: () => [
    ["circle", "list"],
    ["circle", "move", `x${HOSTILE}`, "dev"],
  ],
  orchestrator: () => [["orchestrator", "init", daemon.sandbox.file(`night-${HOSTILE}`)]],
  setup: () => [["setup", "--dry-run"]],
  status: () => [["status"]],
  discover: () => [["discover"]],
  peer: () => [
    ["peer", "list", "--all"],
    ["peer", "ask", mallory.name, "-w", "0", `again? ${HOSTILE}`],
    ["peer", "notify", mallory.name, `hello ${HOSTILE}`],
    ["peer", "notify", `no such ${HOSTILE}`, "x"],
    ["peer", "inbound", mallory.name, "hold"],
    ["peer", "inbound", mallory.name, "auto"],
    ["peer", "rename", mallory.name, `x${HOSTILE}`],
  ],
  trace: () => [
    ["trace", asked],
    ["trace", "last"],
    ["trace", HOSTILE],
  ],
  log: () => [["log", "-n", "500"]],
  search: () => [
    ["search", "owned"],
    ["search", HOSTILE],
  ],
  history: () => [["history"], ["history", mallory.name]],
  inbox: () => [["inbox"], ["inbox", asked], ["inbox", HOSTILE]],
  reply: () => [["reply", "zzzzz", HOSTILE]],
  approvals: () => [["approvals"], ["approvals", "--all"]],
  approve: () => [["approve", HOSTILE]],
  deny: () => [["deny", "zzzzz", HOSTILE]],
  held: () => [["held"]],
  release: () => [["release", HOSTILE]],
  refuse: () => [["refuse", "zzzzz", HOSTILE]],
  schedule: () => [
    ["schedule", "add", mallory.name, HOSTILE, "--in", "1h"],
    ["schedule", "add", HOSTILE, "x", "--in", "1h"],
    ["schedule", "add", mallory.name, "x", "--when", `${HOSTILE} idle`],
    ["schedule", "list"],
    ["schedule", "remove", HOSTILE],
  ],
  commands: () => [["commands"]],
  overview: () => [["overview"], []],
  top: () => [["top"]],
  morning: () => [
    ["morning", "--out", daemon.sandbox.file(`night-${Math.random()}.html`)],
    ["morning", "--json"],
  ],
  attachment: () => [
    ["attachment", "get", HOSTILE],
    ["attachment", "get", "zzzzz"],
  ],
  watch: () => [
    ["watch", HOSTILE],
    ["watch", mallory.name, "--waits", "--timeout", "1s"],
  ],
  quiet: () => [
    ["quiet", mallory.name, "1h"],
    ["quiet", mallory.name, "off"],
    ["quiet", HOSTILE],
  ],
  resume: () => [["resume"], ["resume", HOSTILE]],
  whoami: () => [["whoami"], ["whoami", asked]],
  daemon: () => [
    ["daemon", "status"],
    ["daemon", "logs"],
  ],
  dashboard: () => [["dashboard", "--print"]],
  doctor: () => [["doctor"]],
  export: () => [["export", "--out", daemon.sandbox.file(`run-${Math.random()}.jsonl`)]],
  purge: () => [["purge", "--older-than", "3000"]],
  claude: "starts an agent CLI, whose output is its own",
  codex: "starts an agent CLI, whose output is its own",
  gemini: "starts an agent CLI, whose output is its own",
  opencode: "starts an agent CLI, whose output is its own",
  spawn: "starts an agent CLI; what is said of it is what `peer list` says",
  kill: "ends a session; what is said of it is what `peer list` says",
  mcp: "speaks a protocol on stdout",
  replay: "prints what `log` prints, of a file",
  service: "shows files of this user, and the log as `daemon logs` does",
  completion: () => [["completion", "bash"]],
  update: "shows a version's own number and files of this user",
  uninstall: "shows files of this user",
};

// @attack terminal-escapes
describe("A person's terminal is not steered by", () => {
  test("any command that was forgotten here: each stands in the list", async () => {
    const { commands } = JSON.parse((await user.repowire("commands", "--json")).out) as {
      commands: { command: string }[];
    };
    const known = [...new Set(commands.map(({ command }) => command.split(" ")[0] ?? ""))];
    expect(known.length).toBeGreaterThan(20);
    expect(known.filter((name) => !(name in COMMANDS))).toEqual([]);
  });

  const tried = Object.entries(COMMANDS).filter(([, words]) => typeof words !== "string");
  test.each(tried.map(([name]) => name))("repowire %s, as text and as JSON", async (name) => {
    const lines = COMMANDS[name];
    if (typeof lines !== "function") throw new Error(`${name} has no words`);
    for (const words of lines()) {
      const { out, err } = await user.repowire(...words);
      expect(`${out}${err}`).not.toBe("");
      expect([words, ACTS.exec(`${out}${err}`.replace(COLOURS, ""))]).toEqual([words, null]);
      const json = await user.repowire(...words.map((word) => (word.endsWith(".jsonl") ? `${word}2` : word)), "--json");
      expect([words, ACTS.exec(`${json.out}${json.err}`.replace(COLOURS, ""))]).toEqual([words, null]);
    }
  });

  test("what was sent: it is all there, as data", async () => {
    const { out } = await user.repowire("history", "--json");
    expect(out).toContain("owned");
    expect(JSON.stringify(JSON.parse(out))).toContain("done");
  });
});
