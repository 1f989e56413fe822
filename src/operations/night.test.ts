import { beforeEach, describe, expect, test } from "bun:test";
import { createMesh, type MeshHarness } from "../../test/support/mesh-harness.ts";
import { nightPage } from "../cli/morning/page.ts";
import { type Commits, emit, type PeerRecord, setPresence } from "../core/index.ts";
import type { Night, PeerId } from "../protocol/index.ts";
import { memoryStore } from "../store/memory.ts";

/** A night on a virtual clock: ten hours, five sessions, a daemon that stops once and dies once. */
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let mesh: MeshHarness;
let frontend: PeerId;
let backend: PeerId;
let infra: PeerId;
let docs: PeerId;

const commits: Commits = {
  repositoryOf: (folder) => (folder.startsWith("/work/backend") ? "/work/backend" : undefined),
  made: async (_repository, since, until) => ({
    commits: [{ hash: "abc1234", at: (since + until) / 2, author: "x", subject: "<script>alert(1)</script>" }],
    total: 3,
  }),
};

beforeEach(async () => {
  mesh = createMesh({ commits });
  [frontend, backend, infra, docs] = [
    await mesh.join("frontend"),
    await mesh.join("backend"),
    await mesh.join("infra"),
    await mesh.join("docs", { circle: "writers" }),
  ];
  for (const peer of [frontend, backend, infra, docs]) await mesh.openPush(peer);
});

async function ask(from: PeerId, peer: string, question: string): Promise<void> {
  await mesh.call(from, "ask", { peer, question, wait_seconds: 0 });
}

async function reply(by: PeerId, text: string, outcome?: "decline"): Promise<void> {
  const [question] = await mesh.present(by);
  await mesh.call(by, "reply", { id: question?.handle ?? "", text, outcome });
}

const wait = async (minutes: number) => {
  for (let n = 0; n < minutes; n++) await mesh.advance(MINUTE);
};

const state = (peer: PeerId, to: Parameters<typeof setPresence>[2]) => mesh.decide((ctx) => setPresence(ctx, peer, to));

/** The daemon is gone for some minutes; its sessions are not seen meanwhile. */
async function away(minutes: number, how: "stopped" | "killed"): Promise<void> {
  const aliveAt = mesh.clock.now().wall;
  if (how === "stopped") await mesh.decide((ctx) => emit(ctx, { type: "daemon.stopped", data: {} }));
  mesh.clock.advance(minutes * MINUTE);
  const { clock, ids, store } = mesh;
  mesh = createMesh({ clock, ids, store, commits });
  await mesh.decide((ctx) => emit(ctx, { type: "daemon.started", data: { alive_at: aliveAt } }));
}

const report = (since: number): Promise<Night> =>
  mesh.operations.call("night", { since }, mesh.caller(infra, { isHuman: true, role: "human" }));

describe("a night", () => {
  // @req cli.morning
  test("is counted from the record to the minute, over a stop and a death of the daemon", async () => {
    // From before the night: a question that stays open, and a session that waits already.
    await ask(infra, "backend", "from yesterday?");
    await mesh.present(backend);
    await state(backend, { state: "waiting", detail: "Bash" });
    await wait(30);
    const began = mesh.clock.now().wall;

    await wait(60); // 1:00
    await state(backend, { state: "busy" });
    await ask(frontend, "infra", "which <b>port</b>?");
    await wait(10); // 1:10
    await reply(infra, "4000 & up");
    await ask(frontend, "infra", "may I drop the table?");
    await wait(5); // 1:15
    await reply(infra, "not mine to say", "decline");
    await ask(infra, "frontend", "is the page up?");
    await state(infra, { state: "limited", detail: "usage limit", until: began + 3 * HOUR });
    await wait(45); // 2:00
    await away(30, "stopped"); // 2:30
    await wait(30); // 3:00
    await state(infra, { state: "busy" });
    await state(frontend, { state: "waiting", detail: "Write" });
    await wait(60); // 4:00
    await state(frontend, { state: "busy" });
    await away(60, "killed"); // 5:00
    await state(frontend, { state: "waiting", detail: "Write" });
    await mesh.call(frontend, "notify", { peer: "infra", text: "x" });
    await wait(120); // 7:00
    await state(frontend, { state: "offline" });
    await wait(180); // 10:00
    const night = await report(began);

    expect(night.until - night.since).toBe(10 * HOUR);
    expect(night.counts).toEqual({
      messages: 6,
      asked: 3,
      answered: 1,
      declined: 1,
      open: 1,
      failed: 0,
      expired: 0,
      cancelled: 0,
      commits: 3,
    });
    expect(night.questions).toMatchObject([
      { from: "frontend", to: "infra", state: "answered", took_ms: 10 * MINUTE, answer: "4000 & up" },
      { from: "frontend", to: "infra", state: "declined", took_ms: 5 * MINUTE, answer: "not mine to say" },
      {
        from: "infra",
        to: "frontend",
        state: "open",
        took_ms: 8 * HOUR + 45 * MINUTE,
        stands: { presence: "offline" },
      },
    ]);
    expect(night.open_from_before).toMatchObject([{ from: "infra", to: "backend", text: "from yesterday?" }]);
    expect(night.stuck).toEqual([
      { peer: "frontend", kind: "waiting", why: "Write", ms: 3 * HOUR, times: 2 },
      { peer: "frontend", kind: "offline", why: "", ms: 3 * HOUR, times: 1 },
      { peer: "infra", kind: "limited", why: "usage limit", ms: 75 * MINUTE, times: 1 },
      { peer: "backend", kind: "waiting", why: "Bash", ms: HOUR, times: 1 },
    ]);
    expect(night.away.map(({ from, to }) => [from - began, to - began])).toEqual([
      [2 * HOUR, 2.5 * HOUR],
      [4 * HOUR, 5 * HOUR],
    ]);
    expect(night.pairs).toEqual([
      { from: "frontend", to: "infra", asked: 2, answered: 0, told: 1 },
      { from: "infra", to: "frontend", asked: 1, answered: 2, told: 0 },
    ]);
    expect(night.repositories).toMatchObject([{ path: "/work/backend", peers: ["backend"] }]);
    expect(night.tokens).toBe("not reported");
    await expectEscaped(night);
  });

  test("tells what was held, what was paused, what a permission waited, and what differed", async () => {
    mesh = createMesh({ budgets: { pairPerMinute: 2 }, store: memoryStore() });
    const [a, b] = [await mesh.join("a"), await mesh.join("b")];
    await mesh.openPush(b);
    const began = mesh.clock.now().wall;
    await mesh.decide(({ tx }) => tx.peers.put({ ...mustPeer(b), inbound_policy: "hold" }));
    await mesh.call(a, "notify", { peer: "b", text: "1" });
    await mesh.call(a, "notify", { peer: "b", text: "2" });
    await mesh.call(a, "notify", { peer: "b", text: "3" }).catch(() => {});
    const message = mesh.ids.message();
    await mesh.decide((ctx) => emit(ctx, { type: "approval.requested", peer: a, message, data: { tool: "Bash" } }));
    await wait(4);
    await mesh.decide((ctx) => emit(ctx, { type: "approval.denied", peer: a, message, data: {} }));
    await wait(16);
    await mesh.decide((ctx) =>
      emit(ctx, { type: "truth.mismatch", peer: b, data: { kind: "claimed", handle: "k7q2x" } }),
    );
    const human = mesh.caller(a, { isHuman: true, role: "human" });
    await mesh.operations.call("resume", { what: "a" }, human);
    await wait(10);
    const night = await mesh.operations.call("night", { since: began }, human);
    expect(night.held).toMatchObject([{ peer: "b", times: 2 }]);
    expect(night.stuck.filter(({ kind }) => kind === "paused").map(({ peer, ms }) => [peer, ms])).toEqual([
      ["a", 20 * MINUTE],
      ["b", 20 * MINUTE],
    ]);
    expect(night.decisions).toMatchObject([{ peer: "a", tool: "Bash", verdict: "denied", took_ms: 4 * MINUTE }]);
    expect(night.mismatches).toMatchObject([{ peer: "b", kind: "claimed" }]);
  });

  test("a session that came and went within it is named as it was called", async () => {
    const began = mesh.clock.now().wall;
    await wait(5);
    const visitor = await mesh.join("visitor");
    await wait(5);
    await state(visitor, { state: "waiting", detail: "Edit" });
    await wait(7);
    await mesh.decide((ctx) => {
      emit(ctx, { type: "peer.left", peer: visitor, data: { name: "visitor" } });
      ctx.tx.peers.remove(visitor);
    });
    await wait(30);
    expect((await report(began)).stuck).toEqual([
      { peer: "visitor", kind: "waiting", why: "Edit", ms: 7 * MINUTE, times: 1 },
    ]);
  });

  test("of the same name in two circles are two", async () => {
    const began = mesh.clock.now().wall;
    const other = await mesh.join("frontend", { circle: "writers", path: "/work/other/frontend" });
    await state(frontend, { state: "waiting", detail: "Bash" });
    await state(other, { state: "waiting", detail: "Bash" });
    await wait(3);
    expect((await report(began)).stuck.map(({ peer, ms }) => [peer, ms])).toEqual([
      ["frontend", 3 * MINUTE],
      ["frontend@writers", 3 * MINUTE],
    ]);
  });

  test("longer than a week, or in the future, is refused", async () => {
    await wait(1);
    const now = mesh.clock.now().wall;
    await expect(report(now - 8 * 24 * HOUR)).rejects.toMatchObject({ code: "invalid_input" });
    await expect(report(now + HOUR)).rejects.toMatchObject({ code: "invalid_input" });
  });
});

const mustPeer = (id: PeerId): PeerRecord => mesh.peer(id);

async function expectEscaped(night: Night): Promise<void> {
  const page = await nightPage(night);
  expect(page).toContain("which &lt;b&gt;port&lt;/b&gt;?");
  expect(page).toContain("&lt;script&gt;alert(1)");
  expect(page).not.toMatch(/<script|https?:\/\//);
  expect(page).toContain("frontend is offline");
  expect(page).toContain("No daemon ran from");
  expect(page).toContain("Not reported");
}
