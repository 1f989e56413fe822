import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { GROUPS } from "../../src/cli/help.ts";
import { ERRORS } from "../../src/protocol/index.ts";
import { type DaemonProcess, daemonProcess } from "../support/daemon-process.ts";
import { type FakeSession, fakeSession } from "../support/fake-session.ts";
import { type Person, person } from "../support/person.ts";
import type { Ran } from "../support/setup-sandbox.ts";

/** Every command that can be run, by a person and with `--json`: what a script reads of it, and how it ends. */
setDefaultTimeout(120_000);

interface Usage {
  command: string;
  arguments: { name: string; required: boolean }[];
  options: string[];
}

/** What is run of a command, and its exit code: 0 unless said; `lines`: one JSON value on each line. */
interface Run {
  words: string[];
  exit?: number;
  lines?: boolean;
}

let daemon: DaemonProcess;
let backend: FakeSession;
let user: Person;
let asked: string;
let question: string;
let usages: Usage[];

const { not_found, peer_not_found, handle_unknown, invalid_input, too_slow } = ERRORS;
const PENDING = 75;
const nobody = (...words: string[]): Run => ({ words, exit: peer_not_found.exit });
const noHandle = (...words: string[]): Run => ({ words, exit: handle_unknown.exit });
const notFound = (...words: string[]): Run => ({ words, exit: not_found.exit });
const ok = (...words: string[]): Run => ({ words });
const out = (name: string) => daemon.sandbox.file(`${name}-${Math.random().toString(36).slice(2)}`);

/** By the command as it is typed; those with no row, or a row too many, fail the first test. */
const WALK: Record<string, (() => Run[]) | string> = {
  // No agent CLI is on this machine.
  setup: () => [
    { words: ["setup", "--dry-run"], exit: not_found.exit },
    { words: ["setup", "emacs"], exit: invalid_input.exit },
  ],
  overview: () => [ok("overview"), ok()],
  top: () => [ok("top")],
  status: () => [ok("status")],
  doctor: () => [ok("doctor")],
  discover: () => [ok("discover")],
  dashboard: () => [ok("dashboard", "--print")],
  "peer list": () => [ok("peer", "list"), ok("peer", "list", "--all", "--circle", "none")],
  "peer ask": () => [
    { words: ["peer", "ask", "backend", "-w", "0", "which port?"], exit: PENDING },
    nobody("peer", "ask", "backnd", "which port?"),
  ],
  "peer notify": () => [ok("peer", "notify", "backend", "hello"), nobody("peer", "notify", "backnd", "hello")],
  "peer rename": () => [ok("peer", "rename", "backend", "backend"), nobody("peer", "rename", "backnd", "x")],
  "peer inbound": () => [ok("peer", "inbound", "backend", "auto"), nobody("peer", "inbound", "backnd", "hold")],
  "peer role": () => [ok("peer", "role", "backend", "agent"), nobody("peer", "role", "backnd", "agent")],
  "peer new": () => [{ words: ["peer", "new", daemon.sandbox.root, "--runtime", "emacs"], exit: invalid_input.exit }],
  "peer attach": () => [nobody("peer", "attach", "backnd")],
  "peer restart": () => [nobody("peer", "restart", "backnd")],
  "peer resume": () => [nobody("peer", "resume", "backnd")],
  "peer kill": () => [nobody("peer", "kill", "backnd")],
  "peer move": () => [ok("peer", "move", "backend", "default"), nobody("peer", "move", "backnd", "x")],
  "worktree list": () => [ok("worktree", "list")],
  "worktree remove": () => [notFound("worktree", "remove", "none")],
  "worktree trust": () => [{ words: ["worktree", "trust", daemon.sandbox.root], exit: invalid_input.exit }],
  "circle list": () => [ok("circle", "list")],
  "circle move": () => [nobody("circle", "move", "backnd", "x")],
  "circle inbound": () => [ok("circle", "inbound", "default", "accept")],
  "orchestrator init": () => [ok("orchestrator", "init", out("night"))],
  trace: () => [ok("trace", asked), ok("trace", "last"), notFound("trace", "zzzzz")],
  log: () => [{ words: ["log", "-n", "20"], lines: true }],
  morning: () => [
    ok("morning"),
    ok("morning", "--since", "10h"),
    { words: ["morning", "--since", "3w"], exit: invalid_input.exit },
    { words: ["morning", "--since", "whenever"], exit: 2 },
  ],
  search: () => [ok("search", "port"), { words: ["search", "port", "--kind", "poem"], exit: 2 }],
  history: () => [ok("history"), ok("history", "backend"), nobody("history", "backnd")],
  inbox: () => [ok("inbox"), ok("inbox", asked), noHandle("inbox", "zzzzz")],
  reply: () => [ok("reply", question, "4000"), noHandle("reply", "zzzzz", "4000")],
  "attachment get": () => [
    notFound("attachment", "get", "zzzzz", "-o", out("file")),
    { words: ["attachment", "get", "zzzzz", "-o", "-"], exit: invalid_input.exit },
  ],
  approvals: () => [ok("approvals"), ok("approvals", "--all")],
  approve: () => [noHandle("approve", "zzzzz")],
  deny: () => [noHandle("deny", "zzzzz", "no")],
  held: () => [ok("held")],
  release: () => [noHandle("release", "zzzzz")],
  refuse: () => [noHandle("refuse", "zzzzz")],
  quiet: () => [ok("quiet", "backend", "1m"), ok("quiet", "backend", "off"), nobody("quiet", "backnd")],
  "schedule add": () => [
    ok("schedule", "add", "backend", "later", "--in", "1h"),
    nobody("schedule", "add", "backnd", "later", "--in", "1h"),
    { words: ["schedule", "add", "backend", "later", "--in", "soon"], exit: invalid_input.exit },
  ],
  "schedule list": () => [ok("schedule", "list")],
  "schedule remove": () => [notFound("schedule", "remove", "zzzzz")],
  watch: () => [
    nobody("watch", "backnd"),
    { words: ["watch", "backend", "--waits", "--timeout", "1s"], exit: too_slow.exit },
  ],
  resume: () => [ok("resume"), notFound("resume", "zzzzz")],
  whoami: () => [ok("whoami"), noHandle("whoami", "zzzzz")],
  "daemon start": () => [ok("daemon", "start")],
  "daemon status": () => [ok("daemon", "status")],
  "daemon logs": () => [{ words: ["daemon", "logs"], lines: true }],
  "service status": () => [{ words: ["service", "status"], exit: ERRORS.unavailable.exit }],
  export: () => [ok("export", "--out", out("run")), notFound("export", "--thread", "zzzzz", "--out", out("run"))],
  replay: () => [{ words: ["replay", out("none")], exit: not_found.exit }],
  purge: () => [ok("purge", "--older-than", "3000")],
  completion: () => [ok("completion", "zsh"), { words: ["completion", "cmd.exe"], exit: 2 }],
  update: () => [notFound("update", "--check", "--from", out("none"))],
  commands: () => [ok("commands")],
  uninstall: () => [ok("uninstall", "--dry-run")],
  claude: "starts an agent CLI, and gives it the terminal",
  codex: "starts an agent CLI, and gives it the terminal",
  gemini: "starts an agent CLI, and gives it the terminal",
  opencode: "starts an agent CLI, and gives it the terminal",
  mcp: "speaks a protocol on stdout",
  "daemon run": "is the daemon itself",
  "daemon stop": "ends the daemon of all these tests; at the end of this file",
  "daemon restart": "replaces the daemon of all these tests; at the end of this file",
  "service install": "changes the login of whoever runs the tests",
  "service uninstall": "changes the login of whoever runs the tests",
  "service start": "needs what install made",
  "service stop": "needs what install made",
  "service restart": "needs what install made",
  "service logs": "prints what `daemon logs` prints",
};

beforeAll(async () => {
  daemon = await daemonProcess();
  backend = await fakeSession(daemon.sandbox, "backend");
  user = person(daemon.sandbox);
  asked = JSON.parse((await user.repowire("peer", "ask", "backend", "-w", "0", "--json", "which port?")).out).id;
  const { name } = JSON.parse((await user.repowire("whoami", "--json")).out).peer;
  question = (await backend.call("ask", { peer: name, question: "which one?", wait_seconds: 0 })).id;
  usages = JSON.parse((await user.repowire("commands", "--json")).out).commands;
});
afterAll(async () => {
  user?.[Symbol.dispose]();
  await backend?.[Symbol.asyncDispose]();
  await daemon[Symbol.asyncDispose]();
});

/** What it printed, as values; throws where it is anything else. */
function valuesIn({ out: text }: Ran, lines: boolean): unknown[] {
  if (!lines) return [JSON.parse(text)];
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

/** A refusal says the same to a script as the exit code does. */
function expectCode(value: unknown, { words }: Run, code: number): void {
  const error = (value as { error?: { code: keyof typeof ERRORS; detail: string } }).error;
  if (error === undefined) return;
  expect([words, Object.hasOwn(ERRORS, error.code), error.detail]).toEqual([words, true, expect.stringMatching(/\S/)]);
  // 2 is a line that could not be read at all.
  expect([words, [ERRORS[error.code].exit, 2]]).toEqual([words, expect.arrayContaining([code])]);
}

describe("every command", () => {
  test("has a row here, and stands in the help", () => {
    const known = usages.map(({ command }) => command);
    expect(Object.keys(WALK).sort()).toEqual(known.toSorted());
    const groups = Object.values(GROUPS).flat();
    expect(groups.toSorted()).toEqual([...new Set(known.map((command) => command.split(" ")[0] ?? ""))].sort());
  });

  test("takes --json, but for those that say why not", () => {
    const without = usages.filter(({ options }) => !options.includes("--json")).map(({ command }) => command);
    expect(without.sort()).toEqual(["claude", "codex", "daemon run", "gemini", "mcp", "opencode"]);
  });

  // @req cli.json
  test.each(Object.keys(WALK).filter((name) => typeof WALK[name] !== "string"))(
    "repowire %s --json is JSON and nothing else",
    async (name) => {
      const runs = WALK[name];
      if (typeof runs !== "function") throw new Error(`${name} has no words`);
      for (const run of runs()) {
        const ran = await user.repowire(...run.words, "--json");
        expect([run.words, ran.code, ran.err]).toEqual([run.words, run.exit ?? 0, run.exit === 2 ? ran.err : ""]);
        for (const value of valuesIn(ran, run.lines ?? false)) {
          expect([run.words, typeof value]).toEqual([run.words, "object"]);
          expectCode(value, run, ran.code);
        }
      }
    },
  );
});

describe("a line that cannot be read", () => {
  const typos = [
    ["peeer", "list"],
    ["peer", "lst"],
    ["stauts"],
    ["daemon", "strat"],
    ["peer", "list", "--al"],
    ["trace", "last", "--jsn"],
  ];
  test.each(typos)("repowire %s %s suggests what was meant, and is exit code 2", async (...words) => {
    const text = await user.repowire(...words.filter(Boolean));
    expect([text.code, text.out]).toEqual([2, ""]);
    expect(text.err).toMatch(/Did you mean /);
    const json = await user.repowire(...words.filter(Boolean), "--json");
    expect([json.code, JSON.parse(json.out).error.code]).toEqual([2, "invalid_input"]);
  });

  test("an argument that is missing is named, by every command that needs one", async () => {
    const needing = usages.filter((usage) => usage.arguments[0]?.required && usage.options.includes("--json"));
    expect(needing.length).toBeGreaterThan(15);
    for (const { command, arguments: wanted } of needing) {
      const ran = await daemon.cli(...command.split(" "), "--json");
      expect([command, ran.code, JSON.parse(ran.out).error.detail]).toEqual([
        command,
        2,
        expect.stringContaining(wanted[0]?.name ?? ""),
      ]);
    }
  });

  test("a person gets the sentence and the next step on stderr alone", async () => {
    const { code, out: said, err } = await user.repowire("peer", "notify", "backnd", "hello");
    expect([code, said]).toEqual([peer_not_found.exit, ""]);
    expect(err).toMatch(/^repowire: No peer named "backnd".*backend/);
  });

  test("words behind -- are no option of ours", async () => {
    const { out: said, err } = await user.repowire("reply", "zzzzz", "--", "--json");
    expect([said, err]).toEqual(["", expect.stringContaining("zzzzz")]);
  });
});

describe("the help", () => {
  // @req cli.help
  test.each([[["--help"]], [["-h"]], [["help"]]])("repowire %p is one screen with examples", async (words) => {
    const { code, out: text } = await user.repowire(...words);
    expect(code).toBe(0);
    const lines = text.trimEnd().split("\n");
    expect(lines.length).toBeLessThan(24);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
    expect(text).toContain("Examples:");
  });

  test("of one command tells its arguments and options", async () => {
    for (const words of [
      ["help", "trace"],
      ["trace", "--help"],
    ]) {
      const { code, out: text } = await user.repowire(...words);
      expect([code, text]).toEqual([0, expect.stringMatching(/Usage: repowire trace .*[\s\S]*--json/)]);
    }
  });
});

test("daemon restart and stop, and what is said without a daemon", async () => {
  const restarted = await user.repowire("daemon", "restart", "--json");
  expect(JSON.parse(restarted.out)).toMatchObject({ running: true, stopped: true });
  const stopped = await user.repowire("daemon", "stop", "--json");
  expect(JSON.parse(stopped.out)).toEqual({ running: false, stopped: true });
  const status = await user.repowire("daemon", "status", "--json");
  expect([status.code, JSON.parse(status.out)]).toEqual([ERRORS.unavailable.exit, { running: false }]);
  writeFileSync(daemon.sandbox.file("not-a-run"), "x");
  const replayed = await user.repowire("replay", daemon.sandbox.file("not-a-run"), "--json");
  expect([replayed.code, JSON.parse(replayed.out).error.code]).toEqual([invalid_input.exit, "invalid_input"]);
});
