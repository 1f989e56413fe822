import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, realpathSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { git } from "../../test/support/git.ts";
import { createMesh, type MeshHarness } from "../../test/support/mesh-harness.ts";
import { tempHome } from "../../test/support/temp-home.ts";
import { createFileReports, type FileReports } from "../adapters/files.ts";
import { createRadar } from "../core/index.ts";
import { LIMITS, type PeerId } from "../protocol/index.ts";
import { createEventHub, type EventHub } from "./hub.ts";
import { type StaleAnswers, startStaleAnswers } from "./stale-answers.ts";

/** A real repository, on a clock that the test moves: its files are as old as the test says. */
let temp: ReturnType<typeof tempHome>;
let repository: string;
let mesh: MeshHarness;
let hub: EventHub;
let files: FileReports;
let stale: StaleAnswers;
let asker: PeerId;
let askee: PeerId;

beforeEach(async () => {
  temp = tempHome();
  repository = join(realpathSync(temp.path), "backend");
  hub = createEventHub();
  mesh = createMesh({
    onEffects: (effects) => {
      for (const effect of effects) if (effect.type === "event") hub.publish(effect.event);
    },
  });
  asker = await mesh.join("frontend");
  askee = await mesh.join("backend", { path: repository });
  await mesh.openPush(askee);
  mkdirSync(repository);
  git(repository, "init", "-q");
  for (const name of ["users.ts", "other.ts"]) write(name, "1\n");
  commit();
  await mesh.advance(60_000);
  start();
});
afterEach(async () => {
  await stale.stop();
  temp[Symbol.dispose]();
});

function start(): void {
  const { engine, clock } = mesh;
  files = createFileReports({ engine, radar: createRadar(), watchesWrites: true, watchesReads: true });
  stale = startStaleAnswers({ engine, hub, clock, files });
}

function write(name: string, text: string): void {
  const file = join(repository, name);
  writeFileSync(file, text);
  const now = mesh.clock.now().wall / 1_000;
  utimesSync(file, now, now);
}
function commit(): void {
  git(repository, "add", ".");
  git(repository, "commit", "-q", "--allow-empty", "-m", "x");
}

async function answered(question: string, reads: string[]): Promise<void> {
  const { id } = await mesh.call(asker, "ask", { peer: "backend", question, wait_seconds: 0 });
  await mesh.present(askee);
  await mesh.advance(1_000);
  await files.used(askee, { writes: [], reads, at: mesh.clock.now().wall });
  await mesh.advance(1_000);
  await mesh.call(askee, "reply", { id, text: "so it is" });
  await mesh.quiet();
}
async function looked(): Promise<void> {
  await mesh.advance(LIMITS.staleSettleMs);
  await stale.look();
}
const notices = () =>
  mesh.read(({ tx }) =>
    tx.deliveries
      .inStates(asker, ["queued"])
      .flatMap(({ kind, message }) => (kind === "notify" ? [tx.messages.get(message)?.body] : [])),
  );
const watched = () => mesh.read(({ tx }) => tx.shelves.answer.all());

// @req stale.files-decide
// @req stale.once
test("a file that was read decides: another's change and a commit of it are nobody's news, its own is, once", async () => {
  await answered("users?", ["users.ts", "/etc/passwd", "../elsewhere", "."]);
  await looked();
  expect(watched()[0]?.files?.map(({ file }) => file)).toEqual([join(repository, "users.ts")]);
  write("other.ts", "2\n");
  commit();
  await looked();
  expect(notices()).toEqual([]);
  write("users.ts", "2\n");
  await looked();
  expect(notices()).toEqual([
    expect.stringMatching(
      /^radar: backend's answer [a-z0-9]{5} \("users\?", \d+ s ago\): users\.ts changed; its checkout moved from [0-9a-f]{7} to [0-9a-f]{7} since\. If you still rely on it, ask again\.$/,
    ),
  ]);
  write("users.ts", "333\n");
  await looked();
  expect([notices().length, watched().length]).toEqual([1, 0]);
});

// @req stale.files-decide
test("a file that is changed in the seconds after the answer, or removed later, is noticed as well", async () => {
  await answered("soon?", ["users.ts"]);
  await mesh.advance(1_000);
  write("users.ts", "2\n");
  await looked();
  expect(notices()).toEqual([expect.stringContaining("users.ts changed since")]);
  await answered("gone?", ["other.ts"]);
  await looked();
  rmSync(join(repository, "other.ts"));
  await looked();
  expect(notices()[1]).toContain("other.ts changed since");
});

// @req stale.files-decide
test("what was read before the question, or after the answer, is not what it rests on", async () => {
  await files.used(askee, { writes: [], reads: ["users.ts"], at: mesh.clock.now().wall });
  await mesh.advance(1_000);
  await answered("which?", ["other.ts"]);
  await mesh.advance(1_000);
  await files.used(askee, { writes: [], reads: ["users.ts"], at: mesh.clock.now().wall });
  await looked();
  write("users.ts", "2\n");
  await looked();
  expect(notices()).toEqual([]);
});

// @req stale.files-decide
// @req stale.once
test("where no file is known another commit tells, and a restart of the daemon forgets nothing", async () => {
  await answered("by a shell?", []);
  await stale.stop();
  start();
  await looked();
  expect(notices()).toEqual([]);
  commit();
  await looked();
  expect(notices()).toEqual([
    expect.stringMatching(/^radar: .*: its checkout moved from [0-9a-f]{7} to [0-9a-f]{7} since\./),
  ]);
});

// @req stale.once
test("several answers that go stale together are one notice; the end of a turn is when it is looked", async () => {
  await answered("one?", ["users.ts"]);
  await answered("two?", ["users.ts"]);
  await looked();
  await mesh.activity(askee, "busy");
  write("users.ts", "2\n");
  await mesh.activity(askee, "idle");
  await mesh.advance(LIMITS.staleSettleMs);
  await stale.look();
  expect(notices()).toEqual([
    expect.stringMatching(/^radar: answers of backend may be out of date:\n- .*"one\?".*\n- .*"two\?"/),
  ]);
});

// @req stale.once
// @attack radar-storm
test("a session that answers and reads as much as it can has few of its answers watched, and of each few files", async () => {
  const many = Array.from({ length: 400 }, (_, n) => `f${n}.ts`);
  for (const name of many) writeFileSync(join(repository, name), "");
  for (let at = 0; at < many.length; at += 50)
    await files.used(askee, { writes: [], reads: many.slice(at, at + 50), at: mesh.clock.now().wall + 500 });
  await answered("all?", []);
  await looked();
  expect(watched()[0]?.files?.length ?? 0).toBeLessThanOrEqual(LIMITS.answerFilesMax);
  expect(files.readBetween(askee, 0, Number.POSITIVE_INFINITY).length).toBe(LIMITS.filesReadMax);
});
