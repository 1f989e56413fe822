import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ExportLine } from "../../src/protocol/index.ts";
import { type DaemonProcess, daemonProcess } from "../support/daemon-process.ts";
import { type FakeSession, fakeSession } from "../support/fake-session.ts";
import { type Person, person } from "../support/person.ts";

setDefaultTimeout(60_000);

const QUESTION = "which fields does GET /users return?";
const ANSWER = "id and name, at most fifty a page";
let daemon: DaemonProcess;
let frontend: FakeSession;
let backend: FakeSession;
let anna: Person;
let asked: { handle: string; message: string };

beforeAll(async () => {
  daemon = await daemonProcess();
  frontend = await fakeSession(daemon.sandbox, "frontend");
  backend = await fakeSession(daemon.sandbox, "backend");
  anna = person(daemon.sandbox);
  const asking = frontend.call("ask", { peer: "backend", question: QUESTION, wait_seconds: 20 });
  const { handle, message } = await backend.got(QUESTION);
  await backend.call("reply", { id: handle, text: "looking", outcome: "progress" });
  await backend.call("reply", { id: handle, text: ANSWER });
  const outcome = await asking;
  if (outcome.state === "answered") frontend.report({ type: "result_written", message: outcome.answer.message });
  asked = { handle, message };
  // Another conversation, one that is withdrawn, one that nobody takes, and a restart in between.
  await backend.call("notify", { peer: "frontend", text: "the contract changed" });
  await frontend.got("the contract changed");
  const open = await backend.call("ask", { peer: "frontend", question: "since when?", wait_seconds: 0 });
  await frontend.got("since when?");
  await backend.call("inbox", { id: open.id, cancel: true });
  await daemon.crashAndRestart();
  await frontend.call("broadcast", { text: "all well" });
});
afterAll(async () => {
  anna?.[Symbol.dispose]();
  for (const session of [frontend, backend]) await session?.[Symbol.asyncDispose]();
  await daemon[Symbol.asyncDispose]();
});

const out = (name: string): string => daemon.sandbox.file(name);
const linesOf = (file: string) =>
  readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => ExportLine.parse(JSON.parse(line)));

// @req export.people-only
test("only a person exports; the file is private, whole, and holds no credential", async () => {
  const refused = await backend.repowire("export", "--out", out("stolen.jsonl"));
  expect(refused.code).toBe(77);
  expect(refused.err).toContain("Only a person may do that");
  expect(existsSync(out("stolen.jsonl"))).toBe(false);

  const file = out("run.jsonl");
  const ran = await anna.repowire("export", "--out", file, "--json");
  expect([ran.code, ran.err]).toEqual([0, ""]);
  expect(JSON.parse(ran.out)).toMatchObject({ file, bodies: true, messages: 6 });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const text = readFileSync(file, "utf8");
  expect(text).toContain(QUESTION);
  expect(text).toContain(ANSWER);
  for (const secret of [daemon.address().token, "resume_hash"]) expect(text).not.toContain(secret);
  const lines = linesOf(file);
  expect(lines[0]).toMatchObject({ type: "export", version: 1, bodies: true });
  expect(lines.at(-1)).toEqual({ type: "end", lines: lines.length });
  expect(lines.filter((line) => line.type === "peer").map((line) => line.peer.name)).toEqual(
    expect.arrayContaining(["frontend", "backend"]),
  );

  const again = await anna.repowire("export", "--out", file);
  expect(again.code).toBe(65);
  expect(again.err).toContain("is there already");
  expect(readFileSync(file, "utf8")).toBe(text);
  expect(readdirSync(daemon.sandbox.root).filter((name) => name.endsWith(".tmp"))).toEqual([]);
});

// @req replay.same-end
test("a real run is replayed to the same end, with and without bodies, without a daemon", async () => {
  for (const [name, more] of [
    ["all.jsonl", []],
    ["bare.jsonl", ["--no-bodies"]],
  ] as const) {
    expect((await anna.repowire("export", "--out", out(name), ...more)).code).toBe(0);
    const ran = await daemon.cli("replay", out(name), "--json");
    expect(JSON.parse(ran.out)).toMatchObject({ ok: true, at_events: [], at_end: [], messages: 6 });
    expect(ran.code).toBe(0);
    const { inputs, consequences } = JSON.parse(ran.out) as Record<string, number>;
    expect(inputs).toBeGreaterThan(10);
    expect(consequences).toBeGreaterThan(6);
  }
  const bare = readFileSync(out("bare.jsonl"), "utf8");
  for (const said of [QUESTION, ANSWER, "the contract changed", "since when?", "looking"])
    expect(bare).not.toContain(said);

  const story = await daemon.cli("replay", out("all.jsonl"));
  expect(story.out).toMatch(/→ .* message\.accepted +frontend .*kind=ask/);
  expect(story.out).toMatch(/· .* delivery\.queued/);
  expect(story.out).toMatch(/the same way to the same end\n$/);
});

test("one conversation, or those since an instant, come whole and nothing else does", async () => {
  await anna.repowire("export", "--out", out("thread.jsonl"), "--thread", asked.handle);
  const messages = linesOf(out("thread.jsonl")).flatMap((line) => (line.type === "message" ? [line.message.body] : []));
  expect(messages).toEqual([QUESTION, ANSWER]);
  expect((await daemon.cli("replay", out("thread.jsonl"))).code).toBe(0);

  await anna.repowire("export", "--out", out("late.jsonl"), "--since", new Date(Date.now() + 60_000).toISOString());
  expect(linesOf(out("late.jsonl")).map(({ type }) => type)).toEqual(["export", "end"]);
  expect((await anna.repowire("export", "--out", out("none.jsonl"), "--thread", "aaaaa")).code).toBe(66);
  expect(existsSync(out("none.jsonl"))).toBe(false);
});

// @req replay.differences-said
test("what did not happen as it is written is said, at its event and in the end, with exit code 1", async () => {
  await anna.repowire("export", "--out", out("true.jsonl"), "--thread", asked.handle);
  const lines = readFileSync(out("true.jsonl"), "utf8").trimEnd().split("\n");
  const forge = (change: (line: string) => string) => {
    const file = join(daemon.sandbox.root, "forged.jsonl");
    writeFileSync(file, `${lines.map(change).join("\n")}\n`);
    return daemon.cli("replay", file);
  };
  // Somebody else answered it.
  const other = await forge((line) =>
    line.includes('"type":"ask"') ? line.replace('"state":"answered"', '"state":"declined"') : line,
  );
  expect(other.code).toBe(1);
  expect(other.out).toContain("≠ in the end: ask");
  expect(other.out).toContain("state is answered, recorded is declined");
  // A second attempt that was never made.
  const attempt = await forge((line) =>
    line.includes("delivery.leased") ? line.replace('"attempt":1', '"attempt":2') : line,
  );
  expect(attempt.code).toBe(1);
  expect(attempt.out).toContain("≠ core writes delivery.leased");
  // Seen, and then presented: no such move is legal.
  const seen = lines.findIndex((line) => line.includes("delivery.seen"));
  const presented = lines.findIndex((line) => line.includes("delivery.presented"));
  const seqOf = (at: number) => (JSON.parse(lines[at] ?? "") as { event: { seq: number } }).event.seq;
  const swapped = new Map([
    [seen, seqOf(presented)],
    [presented, seqOf(seen)],
  ]);
  const order = await forge((line) => {
    const seq = swapped.get(lines.indexOf(line));
    return seq === undefined ? line : line.replace(/"seq":\d+/, `"seq":${seq}`);
  });
  expect(order.code).toBe(1);
  expect(order.out).toContain("the move is not legal");

  for (const [text, sentence] of [
    [lines.slice(0, -1).join("\n"), "was cut off"],
    [lines.join("\n").replace('"version":1', '"version":2'), "another version"],
    ["hello", "line 1 is not JSON"],
    ['{"type":"peer"}', "line 1 is not one of an export"],
  ] as const) {
    writeFileSync(out("broken.jsonl"), text);
    const ran = await daemon.cli("replay", out("broken.jsonl"));
    expect([ran.code, ran.out]).toEqual([65, ""]);
    expect(ran.err).toContain(sentence);
  }
});
