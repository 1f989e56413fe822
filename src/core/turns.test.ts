import { beforeEach, describe, expect, test } from "bun:test";
import { createMesh, type MeshHarness } from "../../test/support/mesh-harness.ts";
import { LIMITS, type PeerId } from "../protocol/index.ts";
import type { TurnInput } from "./ports.ts";
import { endSession } from "./sessions.ts";
import { endTurn, noteActivity, noteSeen, noteTurnInput, type TurnEnd } from "./turns.ts";

/** What the end of a turn says about the questions in it: captured, overlooked, interrupted, failed, limited. */

let mesh: MeshHarness;
let frontend: PeerId;
let backend: PeerId;

beforeEach(async () => {
  mesh = createMesh();
  frontend = await mesh.join("frontend");
  backend = await mesh.join("backend");
  await mesh.openPush(frontend);
  await mesh.openPush(backend);
});

/** A question from frontend that backend's runtime took into its conversation. */
async function enteredAsk(question = "which version?") {
  const asked = await mesh.call(frontend, "ask", { peer: "backend", question, wait_seconds: 0 });
  await mesh.present(backend);
  await enter(asked.message);
  return asked;
}

const enter = (message: string) =>
  mesh.decide((ctx) => noteTurnInput(ctx, backend, { type: "delivery", message }, "prompt hook"));
const input = (type: "user" | "other") => mesh.decide((ctx) => noteTurnInput(ctx, backend, { type }, "prompt hook"));
const end = (change: Partial<TurnEnd> = {}) =>
  mesh.decide((ctx) =>
    endTurn(ctx, backend, { outcome: "done", text: "It is v2.", wasContinued: false, canRemind: true, ...change }),
  );
const answerOf = (message: string) => mesh.read(({ tx }) => tx.messages.get(mesh.ask(message).answer ?? ""));

describe("an end that is told late", () => {
  const wall = () => mesh.clock.now().wall;

  // @req harm.user-text
  test("is no end of a turn that began after it", async () => {
    const at = wall();
    mesh.clock.advance(2_000);
    await mesh.decide((ctx) => noteActivity(ctx, backend, "busy"));
    const asked = await mesh.call(frontend, "ask", {
      peer: "backend",
      question: "now?",
      urgency: "urgent",
      wait_seconds: 0,
    });
    await mesh.present(backend);
    await enter(asked.message);
    await end({ at, text: "What its user wanted." });
    expect(mesh.ask(asked.message)).toMatchObject({ state: "open" });
    expect(mesh.ask(asked.message).overlooked_at).toBeUndefined();
    expect(mesh.read(({ live }) => live.activity(backend).state)).toBe("busy");
    await end();
    expect(mesh.ask(asked.message)).toMatchObject({ state: "answered", by: "captured" });
  });

  // @req harm.user-text
  test("says nothing of a question that came after it, whatever went into the turn", async () => {
    const at = wall();
    mesh.clock.advance(2_000);
    const asked = await mesh.call(frontend, "ask", { peer: "backend", question: "now?", wait_seconds: 0 });
    await mesh.present(backend);
    const message: TurnInput = { type: "delivery", message: asked.message };
    await mesh.decide((ctx) => noteTurnInput(ctx, backend, message, "prompt hook", at - 1));
    await end({ at, inputs: [message] });
    expect(mesh.ask(asked.message)).toMatchObject({ state: "open" });
    expect(mesh.ask(asked.message).overlooked_at).toBeUndefined();
  });

  test("answers a question that was there before", async () => {
    const asked = await enteredAsk();
    mesh.clock.advance(2_000);
    const at = wall();
    mesh.clock.advance(60_000);
    await end({ at });
    expect(mesh.ask(asked.message)).toMatchObject({ state: "answered", by: "captured" });
  });
});

describe("the last text of a turn is captured as the answer", () => {
  // @req captured.sole-input
  test("when the question was its sole input; it says that it was captured and proves that it was seen", async () => {
    const asked = await enteredAsk();
    expect(await end()).toBeUndefined();
    expect(mesh.ask(asked.message)).toMatchObject({ state: "answered", by: "captured" });
    expect(answerOf(asked.message)).toMatchObject({ kind: "answer", body: "It is v2.", from: backend });
    expect(mesh.delivery(asked.message, backend)).toMatchObject({ state: "seen", seen_by: "turn end" });
    expect(mesh.delivered(frontend)).toMatchObject([{ answer_to: { by: "captured" } }]);
  });

  test("also when hooks told twice of the same input", async () => {
    const asked = await enteredAsk();
    await enter(asked.message);
    await end();
    expect(mesh.ask(asked.message).state).toBe("answered");
  });

  test("also when the runtime's own record of the inputs says so", async () => {
    const asked = await enteredAsk();
    await end({ inputs: [{ type: "delivery", message: asked.message }] });
    expect(mesh.ask(asked.message).state).toBe("answered");
  });

  test("not when either the hooks or the runtime's record knows of another input", async () => {
    const first = await enteredAsk();
    await input("user");
    await end({ inputs: [{ type: "delivery", message: first.message }], canRemind: false });
    expect(mesh.ask(first.message)).toMatchObject({ state: "open", overlooked_at: expect.any(Number) });

    const second = await enteredAsk();
    await end({ inputs: [{ type: "delivery", message: second.message }, { type: "user" }], canRemind: false });
    expect(mesh.ask(second.message)).toMatchObject({ state: "open", overlooked_at: expect.any(Number) });
  });

  test("also when the session asked somebody before this question came", async () => {
    await mesh.call(backend, "ask", { peer: "frontend", question: "mine?", wait_seconds: 0 });
    mesh.clock.advance(10);
    const asked = await enteredAsk();
    await end();
    expect(mesh.ask(asked.message).state).toBe("answered");
  });
});

describe("the last text of a turn is not captured", () => {
  /** Nothing was made up: the question is open, and its asker was told that it was overlooked. */
  function expectOverlooked(message: string): void {
    expect(mesh.ask(message)).toMatchObject({ state: "open", overlooked_at: mesh.clock.now().wall });
    expect(mesh.ask(message).answer).toBeUndefined();
  }

  // @req harm.user-text
  test("when the user began the turn", async () => {
    await input("user");
    const asked = await enteredAsk();
    await end();
    expectOverlooked(asked.message);
  });

  // @req harm.user-text
  test("when the user joined the turn", async () => {
    const asked = await enteredAsk();
    await input("user");
    await end();
    expectOverlooked(asked.message);
  });

  test("when something else joined the turn", async () => {
    const asked = await enteredAsk();
    await input("other");
    await end();
    expectOverlooked(asked.message);
  });

  test("when another message joined the turn", async () => {
    const asked = await enteredAsk();
    const message = mesh.ids.message();
    void mesh.call(frontend, "notify", { peer: "backend", text: "by the way", message });
    await mesh.quiet();
    await mesh.present(backend);
    await enter(message);
    await end();
    expectOverlooked(asked.message);
  });

  test("when it is empty", async () => {
    const asked = await enteredAsk();
    await end({ text: " \n" });
    expectOverlooked(asked.message);
  });

  // @req captured.sole-input
  test("when another question is open in the session, though it came in an earlier turn", async () => {
    const first = await enteredAsk("first?");
    await end({ text: undefined, canRemind: false });
    expect(mesh.peer(backend).turn).toBeUndefined();
    const second = await enteredAsk("second?");
    await end();
    expect(mesh.ask(first.message).state).toBe("open");
    expectOverlooked(second.message);
  });

  // @req delivery.seen-needs-receipt
  test("when nothing shows that the question ever entered the conversation", async () => {
    const asked = await mesh.call(frontend, "ask", { peer: "backend", question: "which version?", wait_seconds: 0 });
    await mesh.present(backend);
    await end({ inputs: [{ type: "delivery", message: asked.message }] });
    expect(mesh.ask(asked.message)).toMatchObject({ state: "open" });
    expect(mesh.ask(asked.message).overlooked_at).toBeUndefined();
  });

  test("when the session asked somebody since: it rightly waits for that answer, and nobody is reminded", async () => {
    const asked = await enteredAsk();
    await mesh.call(backend, "ask", { peer: "frontend", question: "which API?", wait_seconds: 0 });
    expect(await end()).toBeUndefined();
    expect(mesh.ask(asked.message)).toMatchObject({ state: "open" });
    expect(mesh.ask(asked.message).overlooked_at).toBeUndefined();
  });

  test.each(["interrupted", "model_error", "limited"] as const)("when the turn ended as %s", async (outcome) => {
    const asked = await enteredAsk();
    await end({ outcome });
    expect(mesh.ask(asked.message).by).toBeUndefined();
    expect(mesh.ask(asked.message).state).not.toBe("answered");
  });
});

describe("a question that the turn ended without answering", () => {
  /** Makes capturing impossible. */
  async function overlookedAsk() {
    const asked = await enteredAsk();
    await input("user");
    return asked;
  }

  // @req harm.user-text
  test("beside another one is not captured from what the model says after the reminder", async () => {
    const first = await overlookedAsk();
    await end();
    const second = await enteredAsk("and of the client?");
    expect(await end({ wasContinued: true })).toMatchObject({ message: second.message });
    expect(mesh.ask(first.message)).toMatchObject({ state: "failed", reason: "no_answer" });
    // A report that came late has ended the turn; what is left is alone in hand, yet the model looked at both.
    await mesh.decide((ctx) => ctx.tx.peers.put({ ...mesh.peer(backend), turn: undefined }));
    await end({ wasContinued: true, text: "of both", inputs: [{ type: "delivery", message: second.message }] });
    expect(mesh.ask(second.message).by).toBeUndefined();
  });

  // @req overlooked.told
  test("is reminded of once, by id", async () => {
    const asked = await overlookedAsk();
    expect(await end()).toMatchObject({ message: asked.message, handle: asked.id, reminded: true });
    expect(mesh.history(asked.message)).toContain("ask.overlooked");
  });

  // @req overlooked.told
  test("tells the waiting asker at once: seen, not answered", async () => {
    const waiting = mesh.call(frontend, "ask", { peer: "backend", question: "which version?" });
    await mesh.quiet();
    const [item] = await mesh.present(backend);
    await enter(item?.message ?? "");
    await input("user");
    await end();
    expect(await waiting).toMatchObject({ state: "pending", recipient: { overlooked: true, entered: true } });
  });

  test("goes on with the same turn after the reminder, and fails when that ends without an answer too", async () => {
    const asked = await overlookedAsk();
    await end();
    expect(mesh.peer(backend).turn?.inputs).toHaveLength(2);
    expect(await end({ wasContinued: true })).toBeUndefined();
    expect(mesh.ask(asked.message)).toMatchObject({
      state: "failed",
      reason: "no_answer",
      detail: "backend saw the question and ended its turn without an answer, also after a reminder.",
    });
    expect(mesh.peer(backend).turn).toBeUndefined();
  });

  test("is answered by a reply after the reminder", async () => {
    const asked = await overlookedAsk();
    await end();
    await mesh.call(backend, "reply", { id: asked.id, text: "v2" });
    await end({ wasContinued: true });
    expect(mesh.ask(asked.message)).toMatchObject({ state: "answered", by: "reply" });
  });

  test("where nobody can remind stays open, and is not called a failure later", async () => {
    const asked = await overlookedAsk();
    expect(await end({ canRemind: false })).toBeUndefined();
    await input("user");
    expect(await end({ wasContinued: true })).toBeUndefined();
    expect(mesh.ask(asked.message)).toMatchObject({ state: "open", reminded: false });
  });

  test("is not reminded of again in later turns", async () => {
    await overlookedAsk();
    await end();
    await end({ wasContinued: false });
    await input("user");
    expect(await end()).toBeUndefined();
  });

  test("beside another: one reminder a turn, both are told of", async () => {
    const first = await enteredAsk("first?");
    await mesh.decide((ctx) => ctx.tx.asks.put({ ...mesh.ask(first.message), overlooked_at: 1 }));
    const second = await enteredAsk("second?");
    await mesh.decide((ctx) => ctx.tx.asks.put({ ...mesh.ask(first.message), overlooked_at: undefined }));
    const reminded = await end();
    expect(reminded?.message).toBe(first.message);
    expect(mesh.ask(second.message)).toMatchObject({ overlooked_at: mesh.clock.now().wall, reminded: false });
  });

  test("makes room for the next one", async () => {
    await overlookedAsk();
    await mesh.call(frontend, "ask", { peer: "backend", question: "next?", wait_seconds: 0 });
    await end({ canRemind: false });
    expect(mesh.delivered(backend)).toMatchObject([{ body: "next?" }]);
  });
});

describe("a turn that did not end well", () => {
  // @req failures.told
  test("interrupted by its user fails the questions of that turn, in those words", async () => {
    const asked = await enteredAsk();
    await end({ outcome: "interrupted" });
    expect(mesh.ask(asked.message)).toMatchObject({
      state: "failed",
      reason: "interrupted",
      detail: "backend was interrupted by its user before it answered.",
    });
    expect(mesh.delivered(frontend)).toMatchObject([{ kind: "answer", answer_to: { outcome: "failed" } }]);
  });

  test("leaves questions of other turns alone", async () => {
    const asked = await enteredAsk();
    await end({ text: "", canRemind: false });
    await end({ outcome: "interrupted", inputs: [{ type: "user" }] });
    expect(mesh.ask(asked.message).state).toBe("open");
  });

  // @req failures.told
  test("of a failing model says what the runtime said", async () => {
    const asked = await enteredAsk();
    await end({ outcome: "model_error", error: "529 overloaded" });
    expect(mesh.ask(asked.message)).toMatchObject({
      state: "failed",
      reason: "model_error",
      detail: "backend's model failed before it answered: 529 overloaded.",
    });
  });

  test("that failed is told to the waiting call at once", async () => {
    const waiting = mesh.call(frontend, "ask", { peer: "backend", question: "which version?" });
    await mesh.quiet();
    const [item] = await mesh.present(backend);
    await enter(item?.message ?? "");
    await end({ outcome: "model_error" });
    expect(await waiting).toMatchObject({ state: "failed", reason: "model_error" });
  });
});

describe("a usage limit", () => {
  const reset = () => mesh.clock.now().wall + 3_600_000;

  // @req failures.limited-waits
  test("cuts the question off, which waits for the reset and is pushed again after it", async () => {
    const asked = await enteredAsk();
    const until = reset();
    await end({ outcome: "limited", error: "5-hour limit", limitedUntil: until });
    expect(mesh.delivery(asked.message, backend)).toMatchObject({ state: "queued", attempt: 1 });
    expect(mesh.peer(backend).presence).toMatchObject({ state: "limited", detail: "5-hour limit", until });
    await mesh.advance(3_600_000 - 1);
    expect(mesh.delivered(backend)).toEqual([]);
    await mesh.advance(1);
    expect(mesh.peer(backend).presence.state).toBe("online");
    expect(mesh.delivered(backend)).toMatchObject([{ handle: asked.id, attempt: 2 }]);
  });

  test("is told to everybody who waits for that session, and to who asks it next", async () => {
    const waiting = mesh.call(frontend, "ask", { peer: "backend", question: "which version?" });
    await mesh.quiet();
    const [item] = await mesh.present(backend);
    await enter(item?.message ?? "");
    await end({ outcome: "limited", limitedUntil: reset() });
    expect(await waiting).toMatchObject({ state: "pending", recipient: { presence: { state: "limited" } } });
    const next = await mesh.call(frontend, "ask", { peer: "backend", question: "and now?" });
    expect(next).toMatchObject({ state: "pending", recipient: { delivery: "queued", presence: { state: "limited" } } });
  });

  test("of unknown length is tried again after a while", async () => {
    await end({ outcome: "limited" });
    await mesh.advance(LIMITS.limitedPauseMs - 1);
    expect(mesh.peer(backend).presence.state).toBe("limited");
    await mesh.advance(1);
    expect(mesh.peer(backend).presence.state).toBe("online");
  });

  test("outlasts an idle report, and ends with a turn that ends well", async () => {
    await end({ outcome: "limited", limitedUntil: reset() });
    await mesh.activity(backend, "idle");
    expect(mesh.peer(backend).presence.state).toBe("limited");
    await mesh.activity(backend, "busy");
    await end({ text: undefined });
    expect(mesh.peer(backend).presence.state).toBe("online");
  });
});

describe("reports about a session that is gone", () => {
  beforeEach(async () => {
    await mesh.decide((ctx) => endSession(ctx, backend, "its process ended"));
  });

  test.each(["done", "interrupted", "model_error", "limited"] as const)(
    "a turn that ended as %s does not bring it back",
    async (outcome) => {
      await end({ outcome });
      expect(mesh.peer(backend).presence.state).toBe("offline");
      await mesh.advance(LIMITS.limitedPauseMs);
      expect(mesh.peer(backend).presence.state).toBe("offline");
    },
  );

  test("what it was doing does not bring it back", async () => {
    for (const state of ["idle", "busy", "waiting"] as const)
      await mesh.decide((ctx) => noteActivity(ctx, backend, state));
    expect(mesh.peer(backend).presence.state).toBe("offline");
  });
});

test("what is reported of a message that was never sent to the session is ignored", async () => {
  const message = mesh.ids.message();
  const strange: TurnInput = { type: "delivery", message };
  await mesh.decide((ctx) => noteTurnInput(ctx, backend, strange, "prompt hook"));
  await mesh.decide((ctx) => noteSeen(ctx, backend, message, "transcript"));
  expect(mesh.history(message)).toEqual([]);
});
