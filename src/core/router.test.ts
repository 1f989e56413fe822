import { beforeEach, describe, expect, test } from "bun:test";
import { createMesh, type MeshHarness } from "../../test/support/mesh-harness.ts";
import { LIMITS, type PeerId, type Urgency } from "../protocol/index.ts";
import { requestApproval } from "./approvals.ts";
import { releaseHeld, settleDelivery } from "./router.ts";

/** What is handed over when: urgency, one question at a time, and what transports report. */

let mesh: MeshHarness;
let frontend: PeerId;
let backend: PeerId;

beforeEach(async () => {
  mesh = createMesh();
  frontend = await mesh.join("frontend");
  backend = await mesh.join("backend");
});

/** Sends without waiting for a hand-over, and returns the message's id once it is stored. */
async function notify(text: string, urgency: Urgency = "normal"): Promise<string> {
  const message = mesh.ids.message();
  void mesh.call(frontend, "notify", { peer: "backend", text, urgency, message });
  await mesh.quiet();
  return message;
}

async function ask(question: string, urgency: Urgency = "normal") {
  return mesh.call(frontend, "ask", { peer: "backend", question, urgency, wait_seconds: 0 });
}

const bodies = (peer = backend) => mesh.delivered(peer).map((item) => item.body);

describe("urgency", () => {
  const allowed: [Urgency, "idle" | "unknown" | "busy" | "waiting", boolean][] = [
    ["fyi", "idle", false],
    ["fyi", "busy", false],
    ["fyi", "waiting", false],
    ["normal", "idle", true],
    ["normal", "unknown", true],
    ["normal", "busy", false],
    ["normal", "waiting", false],
    ["urgent", "idle", true],
    ["urgent", "busy", true],
    ["urgent", "waiting", true],
  ];
  test.each(allowed)("%s to a session that is %s is pushed: %p", async (urgency, state, isPushed) => {
    await mesh.openPush(backend);
    await mesh.activity(backend, state);
    await notify("hello", urgency);
    expect(bodies()).toEqual(isPushed ? ["hello"] : []);
  });

  // @req quiet.fyi
  test("fyi rides along with the next message that starts a turn, in acceptance order", async () => {
    await mesh.openPush(backend);
    await notify("one", "fyi");
    await notify("two", "fyi");
    await notify("three", "normal");
    expect(bodies()).toEqual(["one", "two", "three"]);
  });

  test("fyi does not ride along with what goes into a running turn", async () => {
    await mesh.openPush(backend);
    await mesh.activity(backend, "busy");
    await notify("aside", "fyi");
    await notify("now", "urgent");
    expect(bodies()).toEqual(["now"]);
  });

  test("where a running turn takes notes beside it, fyi goes there at once, but never a question", async () => {
    await mesh.openPush(backend, { serves: { idle: 1, busy: 1, notes: true } });
    await mesh.activity(backend, "busy");
    await notify("aside", "fyi");
    await ask("by the way?", "fyi");
    await notify("later");
    expect(bodies()).toEqual(["aside"]);
  });

  test("what the runtime held back is queued again when it is released, our own hold is not", async () => {
    await mesh.openPush(backend);
    await notify("one");
    const [one] = mesh.delivered(backend);
    if (!one) throw new Error("nothing was handed over");
    await mesh.settle(backend, one.message, "held", "its last messages are undone");
    expect(bodies()).toEqual([]);
    await mesh.decide((ctx) => releaseHeld(ctx, backend));
    expect(mesh.delivered(backend).map((item) => [item.body, item.attempt])).toEqual([["one", 2]]);
  });

  test("what waited for a busy session goes out when it is idle, in acceptance order", async () => {
    await mesh.openPush(backend);
    await mesh.activity(backend, "busy");
    for (const text of ["one", "two", "three"]) await notify(text);
    expect(bodies()).toEqual([]);
    await mesh.activity(backend, "idle");
    expect(bodies()).toEqual(["one", "two", "three"]);
  });

  // @req harm.busy-session
  test("urgent mail for a busy session needs a route that serves a busy one", async () => {
    await mesh.openPush(backend, { serves: { idle: 1 } });
    await mesh.activity(backend, "busy");
    await notify("now", "urgent");
    expect(bodies()).toEqual([]);
    await mesh.activity(backend, "idle");
    expect(bodies()).toEqual(["now"]);
  });
});

describe("one question at a time", () => {
  beforeEach(async () => {
    await mesh.openPush(backend);
  });

  // @req harm.one-question
  test("the second waits until the first is answered, and says how many are ahead", async () => {
    const first = await ask("first?");
    const second = await ask("second?");
    const third = await ask("third?");
    expect(bodies()).toEqual(["first?"]);
    expect(second).toMatchObject({ recipient: { delivery: "queued", ahead: 1 } });
    expect(third).toMatchObject({ recipient: { delivery: "queued", ahead: 2 } });
    await mesh.call(backend, "reply", { id: first.id, text: "done" });
    expect(bodies()).toEqual(["second?"]);
  });

  test("holds for questions of one batch too", async () => {
    const asked = [ask("first?"), ask("second?")];
    await Promise.all(asked);
    expect(bodies()).toEqual(["first?"]);
  });

  // @req order.first-presentation
  test("does not hold back what others send, only what its sender sent after it", async () => {
    await ask("first?");
    await ask("second?");
    await notify("after my second");
    const infra = await mesh.join("infra");
    void mesh.call(infra, "notify", { peer: "backend", text: "from another" });
    await mesh.quiet();
    expect(bodies()).toEqual(["first?", "from another"]);
  });

  test("never holds back answers, which the session may need for the question it has in hand", async () => {
    const own = await mesh.call(backend, "ask", { peer: "frontend", question: "which one?", wait_seconds: 0 });
    await ask("first?");
    await ask("second?");
    await mesh.call(frontend, "reply", { id: own.id, text: "this one" });
    expect(bodies()).toEqual(["first?", "this one"]);
  });

  test("counts a question as in flight until it is over, however far it came", async () => {
    const first = await ask("first?");
    await ask("second?");
    await mesh.present(backend);
    await mesh.activity(backend, "busy");
    await mesh.activity(backend, "idle");
    expect(bodies()).toEqual([]);
    await mesh.call(backend, "reply", { id: first.id, text: "half", outcome: "progress" });
    expect(mesh.delivery(first.message, backend).state).toBe("seen");
    expect(bodies()).toEqual([]);
  });

  test("holds for an urgent question to a busy session as well", async () => {
    await ask("first?");
    await mesh.present(backend);
    await mesh.activity(backend, "busy");
    await ask("urgent?", "urgent");
    expect(bodies()).toEqual([]);
  });

  test("holds for a question sent as fyi: it neither rides beside another nor takes its place", async () => {
    await ask("aside?", "fyi");
    const first = await ask("first?");
    expect(bodies()).toEqual(["first?"]);
    await mesh.call(backend, "reply", { id: first.id, text: "done" });
    expect(bodies()).toEqual([]);
    await notify("hello");
    expect(bodies()).toEqual(["aside?", "hello"]);
  });

  test("a question that was overlooked stands in nobody's way", async () => {
    const first = await ask("first?");
    await ask("second?");
    await mesh.present(backend);
    await mesh.decide((ctx) => {
      ctx.tx.asks.put({ ...mesh.ask(first.message), overlooked_at: ctx.now.wall });
      ctx.stirred.add(backend);
    });
    expect(bodies()).toEqual(["second?"]);
  });
});

describe("where there is no way in", () => {
  test("without a route mail stays queued, and goes out when one opens", async () => {
    await notify("hello");
    expect(bodies()).toEqual([]);
    await mesh.openPush(backend);
    expect(bodies()).toEqual(["hello"]);
  });

  // @req failures.limited-waits
  test("a session that is offline or limited gets nothing, though it has a route", async () => {
    await mesh.openPush(backend);
    for (const state of ["offline", "limited"] as const) {
      await mesh.decide((ctx) => ctx.tx.peers.put({ ...mesh.peer(backend), presence: { state, since: 1 } }));
      await notify(state);
    }
    expect(bodies()).toEqual([]);
  });

  // @req quiet.permissions
  test("people's permission requests are never pushed as messages", async () => {
    const anna = await mesh.join("anna", { role: "human", path: undefined, name: "anna" });
    await mesh.decide((ctx) => ctx.tx.peers.put({ ...mesh.peer(anna), presence: { state: "online", since: 1 } }));
    await mesh.openPush(anna);
    await mesh.decide((ctx) =>
      requestApproval(ctx, mesh.peer(backend), mesh.peer(anna), {
        via: "hook",
        request: "r1",
        tool: "Bash",
        preview: "rm -rf build",
      }),
    );
    expect(mesh.delivered(anna)).toEqual([]);
  });
});

describe("a hand-over", () => {
  test("is capped: more than fits in one frame goes out in several", async () => {
    for (let n = 0; n < LIMITS.deliverItemsMax + 5; n++) await notify(`${n}`);
    await mesh.openPush(backend);
    const frames = mesh.effects.flatMap((effect) => (effect.type === "deliver" ? [effect.items.length] : []));
    expect(frames).toEqual([LIMITS.deliverItemsMax, 5]);
  });

  test("carries growing cursors, in acceptance order", async () => {
    for (const text of ["one", "two", "three"]) await notify(text);
    await mesh.openPush(backend);
    const cursors = mesh.delivered(backend).map((item) => item.cursor);
    expect(cursors).toEqual([...cursors].sort((a, b) => a - b));
    expect(new Set(cursors).size).toBe(3);
  });

  // @req limits.nothing-cut-silently
  test("shows no more of a long text than a push may, and says how much there is", async () => {
    await mesh.openPush(backend);
    await notify("é".repeat(10_000));
    const [item] = mesh.delivered(backend);
    expect(item).toMatchObject({ body_bytes: 20_000, shown_bytes: LIMITS.inlineBytesMax });
    expect(item?.body).toBe("é".repeat(LIMITS.inlineBytesMax / 2));
  });
});

describe("what a transport reports", () => {
  let message: string;
  beforeEach(async () => {
    await mesh.openPush(backend);
    message = await notify("hello");
    mesh.delivered(backend);
  });

  // @req delivery.written-is-not-read
  test("presented is presented: handed over, not read", async () => {
    await mesh.settle(backend, message, "presented");
    expect(mesh.delivery(message, backend)).toMatchObject({ state: "presented", rung: "push", attempt: 1 });
    expect(mesh.delivery(message, backend).seen_at).toBeUndefined();
  });

  test("held says by whom and why", async () => {
    await mesh.settle(backend, message, "held", "waits for its user's OK");
    expect(mesh.delivery(message, backend)).toMatchObject({ state: "held", reason: "waits for its user's OK" });
  });

  test("held by the runtime is not lifted by us", async () => {
    await mesh.settle(backend, message, "held", "waits for its user's OK");
    await mesh.activity(backend, "busy");
    await mesh.activity(backend, "idle");
    expect(mesh.delivery(message, backend).state).toBe("held");
    expect(bodies()).toEqual([]);
  });

  test("refused is the end of it", async () => {
    await mesh.settle(backend, message, "refused", "its user denied it");
    expect(mesh.delivery(message, backend)).toMatchObject({ state: "refused", reason: "its user denied it" });
  });

  test("unreachable tries the next rung at once, with the same handle and the next attempt", async () => {
    await mesh.openPush(backend, { rung: "inbox_socket", serves: { idle: 9 } });
    const { handle } = mesh.delivery(message, backend);
    await mesh.settle(backend, message, "unreachable", "the pipe broke");
    expect(mesh.delivered(backend)).toMatchObject([{ handle, attempt: 2, body: "hello" }]);
    expect(mesh.delivery(message, backend)).toMatchObject({ rung: "inbox_socket", dead_rungs: ["push"] });
  });

  test("unreachable on every rung does not keep the next question from being asked", async () => {
    const first = await ask("first?");
    await mesh.settle(backend, first.message, "unreachable", "the pipe broke");
    mesh.delivered(backend);
    await ask("second?");
    expect(bodies()).toEqual(["second?"]);
  });

  test("unreachable on every rung starts no turn, so fyi does not ride with it", async () => {
    await mesh.settle(backend, message, "unreachable", "the pipe broke");
    await notify("aside", "fyi");
    expect(bodies()).toEqual([]);
  });

  test("unreachable without another rung leaves it in the mailbox, with the reason", async () => {
    await mesh.settle(backend, message, "unreachable", "the pipe broke");
    expect(mesh.delivery(message, backend)).toMatchObject({ state: "queued", reason: "the pipe broke" });
    expect(bodies()).toEqual([]);
  });

  test("about an attempt that is over changes nothing", async () => {
    await mesh.openPush(backend, { rung: "inbox_socket", serves: { idle: 9 } });
    await mesh.settle(backend, message, "unreachable");
    for (const outcome of ["presented", "refused", "held", "unreachable"] as const)
      await mesh.decide((ctx) => settleDelivery(ctx, backend, { message, attempt: 1, outcome }, "push"));
    expect(mesh.delivery(message, backend)).toMatchObject({ state: "leased", attempt: 2, rung: "inbox_socket" });
  });

  test("twice about the same attempt counts once", async () => {
    await mesh.settle(backend, message, "presented");
    await mesh.settle(backend, message, "presented");
    await mesh.settle(backend, message, "unreachable", "late");
    expect(mesh.delivery(message, backend)).toMatchObject({ state: "presented", attempt: 1 });
    expect(mesh.history(message).filter((type) => type === "delivery.presented")).toHaveLength(1);
  });

  test("about a message that never went to that peer changes nothing", async () => {
    const last = mesh.read(({ tx }) => tx.events.last());
    await mesh.decide((ctx) => settleDelivery(ctx, frontend, { message, attempt: 1, outcome: "presented" }, "push"));
    expect(mesh.read(({ tx }) => tx.events.last())).toBe(last);
  });

  test("refused or held of a question is told to the call that waits for it", async () => {
    await mesh.settle(backend, message, "presented");
    for (const [outcome, state] of [
      ["held", { state: "pending", recipient: { delivery: "held" } }],
      ["refused", { state: "failed", reason: "refused", detail: "its user denied it" }],
    ] as const) {
      const waiting = mesh.call(frontend, "ask", { peer: "backend", question: outcome });
      await mesh.quiet();
      const [item] = mesh.delivered(backend);
      await mesh.settle(backend, item?.message ?? "", outcome, "its user denied it");
      expect(await waiting).toMatchObject(state);
    }
  });
});
