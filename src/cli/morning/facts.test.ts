import { beforeEach, expect, test } from "bun:test";
import { createMesh, type MeshHarness } from "../../../test/support/mesh-harness.ts";
import type { PeerId } from "../../protocol/index.ts";
import { memoryStore } from "../../store/memory.ts";
import { since } from "../commands/morning.ts";
import { type Night, nightOf, type Repository } from "./facts.ts";
import { nightPage } from "./page.ts";

/** A night on a virtual clock: ten hours, three sessions, a daemon that is made anew in between. */
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let mesh: MeshHarness;
let frontend: PeerId;
let backend: PeerId;
let infra: PeerId;
const store = memoryStore();
let began: number;

const REPOSITORY: Repository = {
  path: "/work/<b>shop</b>",
  commits: [{ hash: "abc1234", at: 0, author: "x", subject: "<script>alert(1)</script>" }],
  isCut: false,
};

async function ask(from: PeerId, peer: string, question: string): Promise<string> {
  const { message } = await mesh.call(from, "ask", { peer, question, wait_seconds: 0 });
  return message;
}

async function answer(by: PeerId, text: string): Promise<void> {
  const [question] = await mesh.present(by);
  await mesh.call(by, "reply", { id: question?.handle ?? "", text });
}

async function hours(count: number): Promise<void> {
  for (let n = 0; n < count * 60; n++) await mesh.advance(MINUTE);
}

async function night(): Promise<Night> {
  const until = mesh.clock.now().wall;
  const human = mesh.caller(infra, { isHuman: true, role: "human" });
  const { peers } = await mesh.operations.call("peers", { include_offline: true }, human);
  const { messages } = await mesh.operations.call("history", { since: began, limit: 100 }, human);
  const { events } = await mesh.operations.call("events", { limit: 1_000 }, human);
  const asks = mesh.read(({ tx }) => messages.flatMap(({ message }) => tx.asks.get(message) ?? []));
  return nightOf({ since: began, until, peers, messages, asks, events, repositories: [REPOSITORY] });
}

beforeEach(async () => {
  mesh = createMesh({ store });
  [frontend, backend, infra] = [await mesh.join("frontend"), await mesh.join("backend"), await mesh.join("infra")];
  for (const peer of [frontend, backend, infra]) await mesh.openPush(peer);
  began = mesh.clock.now().wall;
});

// @req cli.morning
test("a night is counted from the record, over a restart of the daemon", async () => {
  await ask(frontend, "backend", "which <b>fields</b>?");
  await mesh.advance(10 * MINUTE);
  await answer(backend, "id & name");
  await mesh.activity(backend, "waiting", "Bash");
  await hours(3);
  await mesh.activity(backend, "busy");
  await ask(frontend, "infra", "is the database up?");
  await hours(1);
  // The daemon is made anew; what it knew of the sessions' states comes back with them.
  mesh = createMesh({ store, clock: mesh.clock, ids: mesh.ids });
  await mesh.activity(backend, "waiting", "Bash");
  await hours(2);
  await mesh.activity(backend, "idle");
  await hours(4);
  const facts = await night();
  expect(facts.counts).toMatchObject({ asked: 2, answered: 1, open: 1, failed: 0, commits: 1 });
  expect(facts.questions[0]).toMatchObject({
    from: "frontend",
    to: "backend",
    state: "answered",
    tookMs: 10 * MINUTE,
    answer: "id & name",
  });
  expect(facts.questions[1]).toMatchObject({ to: "infra", state: "open", tookMs: 7 * HOUR });
  expect(facts.stuck).toEqual([{ peer: "backend", kind: "waiting", why: "Bash", ms: 5 * HOUR, times: 2 }]);
  expect(facts.pairs).toContainEqual({ from: "frontend", to: "backend", asked: 1, answered: 0, told: 0 });
  const page = await nightPage(facts);
  expect(page).toContain("which &lt;b&gt;fields&lt;/b&gt;?");
  expect(page).not.toMatch(/<script|<b>shop|https?:\/\//);
  expect(page).toContain("is the database up?");
});

test("--since takes the last such time of day", () => {
  const at = (text: string) => new Date(text).getTime();
  const now = at("2026-03-05T07:30:00");
  expect(since("22:00", now)).toBe(at("2026-03-04T22:00:00"));
  expect(since("07:00", now)).toBe(at("2026-03-05T07:00:00"));
  expect(since("10h", now)).toBe(now - 10 * HOUR);
});
