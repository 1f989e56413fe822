import { beforeEach, describe, expect, test } from "bun:test";
import { createMesh, type MeshHarness } from "../../test/support/mesh-harness.ts";
import { LIMITS, type PeerId, type Urgency } from "../protocol/index.ts";
import { leaseForHook, settleHookLease } from "./router.ts";
import { noteTurnInput } from "./turns.ts";

/** What time alone decides: dead pushes, hand-overs without a report, mail that nobody wants any more. */

let mesh: MeshHarness;
let frontend: PeerId;
let backend: PeerId;

beforeEach(async () => {
  mesh = createMesh();
  frontend = await mesh.join("frontend");
  backend = await mesh.join("backend");
});

async function send(text: string, urgency: Urgency = "normal"): Promise<string> {
  const message = mesh.ids.message();
  void mesh.call(frontend, "notify", { peer: "backend", text, urgency, message });
  await mesh.quiet();
  return message;
}
const delivery = (message: string) => mesh.delivery(message, backend);
/** As the daemon does: a look at the deadlines about once a second. */
async function seconds(n: number): Promise<void> {
  for (let i = 0; i < n; i++) await mesh.advance(1_000);
}

describe("a push into a session that gives receipts", () => {
  /** A channel that must prove itself, and below it the inbox socket. */
  beforeEach(async () => {
    await mesh.givesReceipts(backend);
    await mesh.openPush(backend, { rung: "channel", serves: { idle: 1, busy: 1 }, needsProof: true });
    await mesh.openPush(backend, { rung: "inbox_socket", serves: { idle: 2, busy: 2 } });
    await mesh.activity(backend, "idle");
  });

  // @req repeats.dead-only
  test("is dead when the session was idle long enough: it goes one rung lower, with its handle and the next attempt", async () => {
    const message = await send("hello");
    const [first] = await mesh.present(backend);
    await mesh.advance(LIMITS.idleDeadMs - 1);
    expect(delivery(message).state).toBe("presented");
    await mesh.advance(1);
    expect(mesh.delivered(backend)).toMatchObject([{ handle: first?.handle, attempt: 2 }]);
    expect(delivery(message)).toMatchObject({
      state: "leased",
      rung: "inbox_socket",
      dead_rungs: ["channel"],
      possible_duplicates: 0,
    });
    expect(mesh.history(message)).not.toContain("delivery.seen");
  });

  test("that is dead on every rung stays in the mailbox for whoever looks", async () => {
    const message = await send("hello");
    for (let rung = 0; rung < 2; rung++) {
      await mesh.present(backend);
      await mesh.advance(LIMITS.idleDeadMs);
    }
    expect(delivery(message)).toMatchObject({ state: "queued", dead_rungs: ["channel", "inbox_socket"] });
    expect(delivery(message).reason).toBe("no receipt from the idle session for 5 s");
    expect(await mesh.call(backend, "inbox", {})).toMatchObject({ items: [{ body: "hello" }] });
  });

  test.each(["busy", "waiting", "unknown"] as const)(
    "keeps its rung for hours while the session is %s",
    async (state) => {
      const message = await send("hello");
      await mesh.present(backend);
      await mesh.activity(backend, state);
      for (let i = 0; i < 12; i++) await mesh.advance(600_000);
      expect(delivery(message)).toMatchObject({ state: "presented", rung: "channel", attempt: 1 });
    },
  );

  test("is not dead once it entered the conversation, though the model has not read it", async () => {
    const message = await send("hello");
    await mesh.present(backend);
    await mesh.decide((ctx) => noteTurnInput(ctx, backend, { type: "delivery", message }, "prompt hook"));
    await mesh.advance(60_000);
    expect(delivery(message)).toMatchObject({ state: "presented", attempt: 1 });
  });

  // @req repeats.dead-only
  test("is judged by the time since the session became idle", async () => {
    await mesh.activity(backend, "busy");
    const message = await send("hello", "urgent");
    await mesh.present(backend);
    await mesh.advance(60_000);
    await mesh.activity(backend, "idle");
    await mesh.advance(LIMITS.idleDeadMs - 1);
    expect(delivery(message).attempt).toBe(1);
    await mesh.advance(1);
    expect(delivery(message).attempt).toBe(2);
  });

  test("is judged by the time since it was presented", async () => {
    await mesh.advance(60_000);
    const message = await send("hello");
    await mesh.advance(60_000);
    await mesh.present(backend);
    await mesh.advance(LIMITS.idleDeadMs - 1);
    expect(delivery(message).attempt).toBe(1);
  });

  test("that is dead before any was proven makes its route suspect: the next message takes the other", async () => {
    await send("one");
    await mesh.present(backend);
    await mesh.advance(LIMITS.idleDeadMs);
    mesh.delivered(backend);
    const two = await send("two");
    expect(delivery(two).rung).toBe("inbox_socket");
    expect(mesh.live.route("channel-1")).toMatchObject({ suspect: true });
  });

  test("that is dead after one was proven casts no doubt on the route", async () => {
    const proof = await send("proof");
    await mesh.present(backend);
    await mesh.decide((ctx) => noteTurnInput(ctx, backend, { type: "delivery", message: proof }, "prompt hook"));
    await send("lost");
    await mesh.present(backend);
    await mesh.advance(LIMITS.idleDeadMs);
    mesh.delivered(backend);
    expect(delivery(await send("next")).rung).toBe("channel");
  });

  test("on a suspect route is still better than none, and its receipt clears the route", async () => {
    await send("one");
    await mesh.present(backend);
    await mesh.advance(LIMITS.idleDeadMs);
    mesh.delivered(backend);
    await mesh.decide((ctx) => ctx.live.removeRoute(ctx.tx, "inbox_socket-2"));
    const two = await send("two");
    expect(delivery(two).rung).toBe("channel");
    await mesh.decide((ctx) => noteTurnInput(ctx, backend, { type: "delivery", message: two }, "prompt hook"));
    expect(mesh.live.route("channel-1")).toMatchObject({ suspect: false });
    expect(mesh.peer(backend).proofs.channel?.by).toBe("prompt hook");
  });

  test("an urgent message to a suspect route's busy session takes the trusted route too", async () => {
    await send("one");
    await mesh.present(backend);
    await mesh.advance(LIMITS.idleDeadMs);
    await mesh.activity(backend, "busy");
    expect(delivery(await send("two", "urgent")).rung).toBe("inbox_socket");
  });
});

describe("a push into a session that gives no receipts", () => {
  test("is never declared dead by silence: nothing there proves it", async () => {
    await mesh.openPush(backend);
    await mesh.openPush(backend, { rung: "inbox_socket", serves: { idle: 2 } });
    await mesh.activity(backend, "idle");
    const message = await send("hello");
    await mesh.present(backend);
    await mesh.advance(3_600_000);
    expect(delivery(message)).toMatchObject({ state: "presented", rung: "push", attempt: 1 });
  });
});

describe("a hand-over without a report", () => {
  test("is in the hands of a live link for as long as that takes, and goes out once", async () => {
    await mesh.openPush(backend);
    const message = await send("hello");
    mesh.delivered(backend);
    await seconds((3 * LIMITS.leaseMs) / 1_000);
    expect(delivery(message)).toMatchObject({ state: "leased", attempt: 1 });
    expect(mesh.delivered(backend)).toEqual([]);
    await mesh.settle(backend, message, "presented");
    expect(delivery(message).state).toBe("presented");
  });

  test("whose route was closed goes another way when its time is over", async () => {
    const route = await mesh.openPush(backend);
    const message = await send("hello");
    mesh.delivered(backend);
    await mesh.decide((ctx) => ctx.live.removeRoute(ctx.tx, route));
    await mesh.openPush(backend, { rung: "inbox_socket" });
    await seconds(LIMITS.leaseMs / 1_000 - 1);
    expect(mesh.delivered(backend)).toEqual([]);
    await seconds(1);
    expect(mesh.delivered(backend)).toMatchObject([{ attempt: 2 }]);
    expect(delivery(message).possible_duplicates).toBe(1);
  });

  const lease = () => mesh.decide((ctx) => leaseForHook(ctx, mesh.peer(backend), "prompt", "hook-1", 100_000));

  test("by a hook that never wrote its output goes out again, counted as a possible duplicate", async () => {
    const message = await send("aside", "fyi");
    expect(await lease()).toMatchObject([{ body: "aside", attempt: 1 }]);
    await seconds(LIMITS.leaseMs / 1_000 - 1);
    expect(await lease()).toEqual([]);
    await seconds(1);
    expect(await lease()).toMatchObject([{ body: "aside", attempt: 2 }]);
    expect(delivery(message).possible_duplicates).toBe(1);
  });

  test("by a hook that did write it is presented, however late it says so within its time", async () => {
    const message = await send("aside", "fyi");
    await lease();
    await seconds(LIMITS.leaseMs / 1_000 - 1);
    const written = await mesh.decide((ctx) => settleHookLease(ctx, backend, "hook-1"));
    expect(written).toEqual([message]);
    expect(delivery(message)).toMatchObject({ state: "presented", rung: "hook" });
    await seconds(LIMITS.leaseMs / 1_000);
    expect(delivery(message).attempt).toBe(1);
  });

  test("as the result of inbox goes out again too", async () => {
    const message = await send("hello");
    await mesh.call(backend, "inbox", {});
    expect(delivery(message)).toMatchObject({ state: "leased", rung: "pull" });
    await mesh.openPush(backend);
    await seconds(LIMITS.leaseMs / 1_000);
    expect(mesh.delivered(backend)).toMatchObject([{ attempt: 2 }]);
  });
});

describe("what a hook may carry", () => {
  const lease = (moment: "prompt" | "between_tools" | "turn_end", budget = 100_000) =>
    mesh.decide((ctx) => leaseForHook(ctx, mesh.peer(backend), moment, "hook-1", budget));

  test.each([
    ["prompt", false, ["fyi", "normal", "urgent"]],
    ["prompt", true, ["fyi"]],
    ["between_tools", false, ["urgent"]],
    ["between_tools", true, []],
    ["turn_end", false, ["normal", "urgent"]],
    ["turn_end", true, []],
  ] as const)("at %s, with a push: %p, is %p", async (moment, hasPush, expected) => {
    if (hasPush) await mesh.openPush(backend, { ready: false });
    for (const urgency of ["fyi", "normal", "urgent"] as const) await send(urgency, urgency);
    expect((await lease(moment)).map((item) => item.body)).toEqual([...expected]);
  });

  test("is one message where a runtime takes no more at a time", async () => {
    for (const body of ["one", "two"]) await send(body);
    const most = await mesh.decide((ctx) =>
      leaseForHook(ctx, mesh.peer(backend), "turn_end", "hook-1", 100_000, 1).map((item) => item.body),
    );
    expect(most).toEqual(["one"]);
    expect((await lease("turn_end")).map((item) => item.body)).toEqual(["two"]);
  });

  test("is one question, and none beside one that is open", async () => {
    const ask = (question: string) => mesh.call(frontend, "ask", { peer: "backend", question, wait_seconds: 0 });
    await ask("one?");
    await ask("two?");
    expect((await lease("prompt")).map((item) => item.body)).toEqual(["one?"]);
    await mesh.decide((ctx) => settleHookLease(ctx, backend, "hook-1"));
    expect(await lease("prompt")).toEqual([]);
  });

  test("stays within what the runtime does not cut, in acceptance order", async () => {
    for (const text of ["a", "b", "c"]) await send(text.repeat(1_000), "fyi");
    expect(await lease("prompt", 2 * 1_400)).toHaveLength(2);
    expect((await lease("prompt", 1_400))[0]?.body[0]).toBe("c");
  });

  test("of a long text is its beginning, and inbox continues there", async () => {
    await send("x".repeat(20_000), "fyi");
    const [item] = await lease("prompt");
    expect(item).toMatchObject({ shown_bytes: LIMITS.inlineBytesMax, body_bytes: 20_000 });
    await mesh.decide((ctx) => settleHookLease(ctx, backend, "hook-1"));
    expect(await mesh.call(backend, "inbox", { id: item?.handle ?? "" })).toMatchObject({
      type: "message",
      offset: LIMITS.inlineBytesMax,
    });
  });
});

describe("mail whose time runs out", () => {
  test("is taken out of the mailbox a day after it was accepted, not an instant before", async () => {
    const message = await send("hello");
    await mesh.advance(LIMITS.notifyExpiryMs - 1);
    expect(delivery(message).state).toBe("queued");
    await mesh.advance(1);
    expect(delivery(message)).toMatchObject({ state: "expired", reason: "its time ran out" });
  });

  test("as a broadcast lives for an hour", async () => {
    const sent = await mesh.call(frontend, "broadcast", { text: "staging is down" });
    await mesh.advance(LIMITS.broadcastExpiryMs - 1);
    expect(delivery(sent.message).state).toBe("queued");
    await mesh.advance(1);
    expect(delivery(sent.message).state).toBe("expired");
  });

  test("and was presented without any receipt says that it was never seen", async () => {
    await mesh.openPush(backend);
    const message = await send("hello");
    await mesh.present(backend);
    await mesh.advance(LIMITS.notifyExpiryMs);
    expect(delivery(message).state).toBe("expired");
    expect(delivery(message).seen_at).toBeUndefined();
  });

  test("and was seen is history", async () => {
    await mesh.openPush(backend);
    const message = await send("hello");
    const [item] = await mesh.present(backend);
    await mesh.call(backend, "inbox", { id: item?.handle ?? "" });
    await mesh.advance(LIMITS.notifyExpiryMs);
    expect(delivery(message).state).toBe("seen");
  });

  // @req time.sleep
  test("lives on while the machine sleeps, and its hand-overs and pushes are not judged by that time", async () => {
    await mesh.givesReceipts(backend);
    await mesh.openPush(backend);
    await mesh.activity(backend, "idle");
    const pushed = await send("pushed");
    await mesh.present(backend);
    const queued = await send("aside", "fyi");
    const leased = await send("leased");
    mesh.clock.sleepMachine(7 * 86_400_000);
    await mesh.advance(1_000);
    expect([pushed, queued, leased].map((message) => delivery(message).state)).toEqual([
      "presented",
      "leased",
      "leased",
    ]);
    expect(delivery(pushed).attempt).toBe(1);
  });
});
