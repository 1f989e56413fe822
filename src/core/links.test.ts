import { beforeEach, describe, expect, test } from "bun:test";
import { createMesh, type MeshHarness } from "../../test/support/mesh-harness.ts";
import { LIMITS, type PeerId } from "../protocol/index.ts";
import { leaseForHook, loseLink, resumeLink } from "./router.ts";
import { endSession } from "./sessions.ts";
import { noteSeen } from "./turns.ts";

/** A link is lost and comes back, or does not; the daemon is replaced meanwhile, or is not. */

let mesh: MeshHarness;
let frontend: PeerId;
let backend: PeerId;
let link: string;

beforeEach(async () => {
  mesh = createMesh();
  frontend = await mesh.join("frontend");
  backend = await mesh.join("backend");
  link = await mesh.openPush(backend);
});

async function send(text: string): Promise<string> {
  const message = mesh.ids.message();
  void mesh.call(frontend, "notify", { peer: "backend", text, message });
  await mesh.quiet();
  return message;
}

const lose = () =>
  mesh.decide((ctx) => {
    const route = ctx.live.route(link);
    if (route) loseLink(ctx, route);
  });
/** The session's process is back on a new link, having received everything up to `cursor`. */
async function resume(cursor: number, on = mesh) {
  await on.decide((ctx) => resumeLink(ctx, backend, cursor));
  return on.openPush(backend);
}
const bodies = (on = mesh) => on.delivered(backend).map((item) => item.body);
const state = (message: string) => mesh.delivery(message, backend).state;

describe("a link that comes back in time", () => {
  // @req daemon.resume
  test("gets at once what it had not received, with the same handle and the next attempt", async () => {
    await send("one");
    const two = await send("two");
    const cursors = mesh.delivered(backend).map((item) => item.cursor);
    const { handle } = mesh.delivery(two, backend);
    await lose();
    await mesh.advance(1_000);
    await resume(cursors[0] ?? 0);
    expect(mesh.delivered(backend)).toMatchObject([{ body: "two", handle, attempt: 2 }]);
    expect(mesh.delivery(two, backend).possible_duplicates).toBe(0);
  });

  // @req daemon.resume
  test("is not sent again what it had received: its own report decides", async () => {
    const one = await send("one");
    const [item] = mesh.delivered(backend);
    await lose();
    await mesh.advance(1_000);
    await resume(item?.cursor ?? 0);
    await mesh.advance(1_000);
    expect(bodies()).toEqual([]);
    await mesh.settle(backend, one, "presented");
    expect(mesh.delivery(one, backend)).toMatchObject({ state: "presented", attempt: 1 });
  });

  test("has the time of a whole hand-over for that report, however late it came back", async () => {
    const one = await send("one");
    const [item] = mesh.delivered(backend);
    await lose();
    await mesh.advance(LIMITS.resumeGraceMs - 1);
    await resume(item?.cursor ?? 0);
    await mesh.advance(LIMITS.leaseMs - 1);
    expect([state(one), bodies()]).toEqual(["leased", []]);
    await mesh.advance(1);
    expect(mesh.delivered(backend)).toMatchObject([{ body: "one", attempt: 2 }]);
    expect(mesh.delivery(one, backend).possible_duplicates).toBe(1);
  });

  test("leaves the results of its own calls alone: they did not travel as hand-overs", async () => {
    await mesh.activity(backend, "busy");
    const one = await send("one");
    await mesh.call(backend, "inbox", {});
    await lose();
    await resume(0);
    expect(mesh.delivery(one, backend)).toMatchObject({ state: "leased", rung: "pull", attempt: 1 });
  });

  test("leaves what a hook carries alone: that does not travel on the link", async () => {
    await mesh.activity(backend, "busy");
    const message = mesh.ids.message();
    await mesh.call(frontend, "notify", { peer: "backend", text: "aside", urgency: "fyi", message });
    await mesh.decide((ctx) => leaseForHook(ctx, mesh.peer(backend), "prompt", "hook-1", 100_000));
    await lose();
    await resume(0);
    expect(mesh.delivery(message, backend)).toMatchObject({ state: "leased", rung: "hook", attempt: 1 });
  });

  test("gets the mail that came while it was away", async () => {
    await lose();
    await send("one");
    expect(bodies()).toEqual([]);
    await resume(0);
    expect(bodies()).toEqual(["one"]);
  });
});

describe("while a lost link is expected back", () => {
  test("no lower rung takes over", async () => {
    await mesh.openPush(backend, { rung: "inbox_socket", serves: { idle: 9, busy: 9 } });
    await lose();
    await send("one");
    await mesh.advance(LIMITS.resumeGraceMs - 1);
    expect(bodies()).toEqual([]);
    await mesh.advance(1);
    expect(bodies()).toEqual(["one"]);
  });

  // @req presence.lost-link
  test("its presence stays: a lost channel lowers the rung, not the presence", async () => {
    await lose();
    await mesh.advance(LIMITS.resumeGraceMs);
    expect(mesh.peer(backend).presence.state).toBe("online");
  });
});

describe("a link that does not come back", () => {
  test("and whose session gives no receipts: what it may have got goes out again, counted as a possible duplicate", async () => {
    const one = await send("one");
    bodies();
    await lose();
    await mesh.openPush(backend, { rung: "inbox_socket" });
    await mesh.advance(LIMITS.resumeGraceMs);
    expect(mesh.delivered(backend)).toMatchObject([{ body: "one", attempt: 2 }]);
    expect(mesh.delivery(one, backend)).toMatchObject({ rung: "inbox_socket", possible_duplicates: 1 });
  });

  test("and whose session gives receipts: only their absence in an idle session proves that nothing arrived", async () => {
    await mesh.givesReceipts(backend);
    const one = await send("one");
    bodies();
    await lose();
    await mesh.openPush(backend, { rung: "inbox_socket" });
    await mesh.activity(backend, "busy");
    await mesh.advance(60_000);
    expect(state(one)).toBe("leased");
    await mesh.activity(backend, "idle");
    await mesh.advance(LIMITS.idleDeadMs - 1);
    expect(state(one)).toBe("leased");
    await mesh.advance(1);
    expect(mesh.delivered(backend)).toMatchObject([{ body: "one", attempt: 2 }]);
    expect(mesh.delivery(one, backend)).toMatchObject({ dead_rungs: ["push"], possible_duplicates: 0 });
  });

  test("but whose message was seen meanwhile: nothing goes out again", async () => {
    await mesh.givesReceipts(backend);
    const one = await send("one");
    bodies();
    await lose();
    await mesh.openPush(backend, { rung: "inbox_socket" });
    await mesh.decide((ctx) => noteSeen(ctx, backend, one, "transcript"));
    await mesh.activity(backend, "idle");
    await mesh.advance(60_000);
    expect([state(one), bodies()]).toEqual(["seen", []]);
  });
});

describe("after the daemon was replaced", () => {
  /** A new daemon over the same database: live state is gone. */
  const restarted = () => createMesh({ store: mesh.store, clock: mesh.clock, ids: mesh.ids });

  test("a link that comes back gets at once what it had not received", async () => {
    await send("one");
    const two = await send("two");
    const cursors = mesh.delivered(backend).map((item) => item.cursor);
    const next = restarted();
    await resume(cursors[0] ?? 0, next);
    expect(next.delivered(backend)).toMatchObject([{ body: "two", attempt: 2 }]);
    expect(next.delivery(two, backend).possible_duplicates).toBe(0);
  });

  test("its report about what it had received counts", async () => {
    const one = await send("one");
    const [item] = mesh.delivered(backend);
    const next = restarted();
    await resume(item?.cursor ?? 0, next);
    await next.settle(backend, one, "presented");
    expect(next.delivery(one, backend)).toMatchObject({ state: "presented", attempt: 1 });
    expect(bodies(next)).toEqual([]);
  });

  test("a hand-over whose process never comes back runs out and goes another way", async () => {
    const one = await send("one");
    const next = restarted();
    await next.openPush(backend, { rung: "inbox_socket" });
    await next.advance(LIMITS.leaseMs - 1);
    expect(bodies(next)).toEqual([]);
    await next.advance(1);
    expect(bodies(next)).toEqual(["one"]);
    expect(next.delivery(one, backend).possible_duplicates).toBe(1);
  });

  test("waits are gone and questions are not: the answer comes as a message", async () => {
    const asked = mesh.call(frontend, "ask", { peer: "backend", question: "which version?" });
    await mesh.quiet();
    const [question] = await mesh.present(backend);
    const next = restarted();
    await next.openPush(frontend);
    await next.call(backend, "reply", { id: question?.handle ?? "", text: "v2" });
    expect(next.delivered(frontend)).toMatchObject([{ kind: "answer", body: "v2" }]);
    await mesh.advance(90_000);
    await asked;
  });

  test("a session that is told of again keeps its seat and what it was doing is unknown", async () => {
    const instance = { pid: 500, started: "s", boot: "b" };
    const id = await mesh.join("infra", { instance });
    await mesh.activity(id, "busy");
    const next = restarted();
    expect(await next.join("infra", { instance })).toBe(id);
    expect(next.live.activity(id).state).toBe("unknown");
  });
});

test("a rung that was dead in a process that ended is tried afresh in the next one", async () => {
  const one = await send("one");
  await mesh.settle(backend, one, "unreachable", "the pipe broke");
  await mesh.decide((ctx) => endSession(ctx, backend, "its process ended"));
  expect(await mesh.join("backend")).toBe(backend);
  bodies();
  await mesh.openPush(backend);
  expect(mesh.delivered(backend)).toMatchObject([{ body: "one", attempt: 2 }]);
});
