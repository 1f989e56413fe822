import { beforeEach, describe, expect, test } from "bun:test";
import { createMesh, type MeshHarness } from "../../test/support/mesh-harness.ts";
import type { AskOutcome, PeerId } from "../protocol/index.ts";

/** Ask back: no chain of waiting calls ever closes. */

let mesh: MeshHarness;
/** Sessions a, b and c, each with a push that serves it at any time. */
let a: PeerId;
let b: PeerId;
let c: PeerId;

beforeEach(async () => {
  mesh = createMesh();
  [a, b, c] = [await mesh.join("a"), await mesh.join("b"), await mesh.join("c")];
  for (const peer of [a, b, c]) await mesh.openPush(peer);
});

/** A call of `from` that asks and waits. */
function waiting(from: PeerId, to: string, question: string): { outcome: Promise<AskOutcome> } {
  const outcome = mesh.call(from, "ask", { peer: to, question });
  // A refusal is looked at later, by the test.
  outcome.catch(() => {});
  return { outcome };
}

/** As above; returns once the call waits. */
async function waits(from: PeerId, to: string, question: string) {
  const call = waiting(from, to, question);
  await mesh.quiet();
  return call;
}

const settled = (call: { outcome: Promise<AskOutcome> }) =>
  Promise.race([call.outcome, mesh.quiet().then(() => "still waiting" as const)]);

describe("a question back to the one who waits", () => {
  // @req waits.ask-back
  test("returns as the result of the waiting call, and both questions can be answered", async () => {
    const first = await waits(a, "b", "what does GET /users return?");
    const [question] = await mesh.present(b);
    const second = await waits(b, "a", "which API version?");

    const outcome = await first.outcome;
    expect(outcome).toMatchObject({
      state: "asked_first",
      id: question?.handle,
      peer: "b",
      question: { kind: "ask", body: "which API version?", from: { name: "b" }, attempt: 1 },
    });
    expect(await settled(second)).toBe("still waiting");
    // It came as a result, so nothing pushes it as well.
    expect(mesh.delivered(a)).toEqual([]);

    const backId = outcome.state === "asked_first" ? outcome.question.handle : "";
    await mesh.call(a, "reply", { id: backId, text: "v2" });
    expect(await second.outcome).toMatchObject({ state: "answered", text: "v2" });

    const again = await waits(a, "b", "what does GET /users return?");
    expect(mesh.delivered(b)).toEqual([]);
    await mesh.call(b, "reply", { id: question?.handle ?? "", text: "a list" });
    expect(await again.outcome).toMatchObject({ state: "answered", id: question?.handle, text: "a list" });
  });

  test("counts as presented when the result was written, and comes as a push if it never was", async () => {
    const first = await waits(a, "b", "one?");
    await waits(b, "a", "two?");
    const outcome = await first.outcome;
    const back = outcome.state === "asked_first" ? outcome.question.message : "";
    expect(mesh.delivery(back, a)).toMatchObject({ state: "leased", rung: "result" });
    await mesh.advance(30_000);
    expect(mesh.delivered(a)).toMatchObject([{ body: "two?", attempt: 2 }]);
    expect(mesh.delivery(back, a)).toMatchObject({ possible_duplicates: 1 });
  });

  test("in the same instant as the first question is handed back too", async () => {
    const first = waiting(a, "b", "one?");
    const second = waiting(b, "a", "two?");
    await mesh.quiet();
    expect(await first.outcome).toMatchObject({ state: "asked_first", question: { body: "two?" } });
    expect(await settled(second)).toBe("still waiting");
  });

  test("along three sessions reaches the one whose answer it blocks", async () => {
    const first = await waits(a, "b", "one?");
    const second = await waits(b, "c", "two?");
    const third = await waits(c, "a", "three?");
    expect(await first.outcome).toMatchObject({ state: "asked_first", peer: "b", question: { body: "three?" } });
    expect(await settled(second)).toBe("still waiting");
    expect(await settled(third)).toBe("still waiting");
  });

  test("ends only the one call on the way; others of that session wait on", async () => {
    const other = await waits(a, "c", "elsewhere?");
    const first = await waits(a, "b", "one?");
    await waits(b, "a", "two?");
    expect(await first.outcome).toMatchObject({ state: "asked_first" });
    expect(await settled(other)).toBe("still waiting");
  });

  test("ends all calls of that session on the way, since it goes on only when all are back; one carries the question", async () => {
    const calls = [await waits(a, "b", "one?"), await waits(a, "b", "another?")];
    const second = await waits(b, "a", "two?");
    const states = (await Promise.all(calls.map(settled))).map((outcome) =>
      outcome === "still waiting" ? outcome : outcome.state,
    );
    expect(states.sort()).toEqual(["asked_first", "pending"]);
    expect(await settled(second)).toBe("still waiting");
  });

  test("that is long is continued exactly where the result ended", async () => {
    const long = Array.from({ length: 4_000 }, (_, n) => `${n}`.padStart(4, " ")).join("");
    const first = await waits(a, "b", "one?");
    await waits(b, "a", long);
    const outcome = await first.outcome;
    if (outcome.state !== "asked_first") throw new Error(outcome.state);
    const { question } = outcome;
    await mesh.settle(a, question.message, "presented");
    const rest = await mesh.call(a, "inbox", { id: question.handle });
    if (rest.type !== "message") throw new Error(rest.type);
    expect(question.body + rest.part).toBe(long);
  });

  test("of a session that does not itself wait closes nothing, and is handed over all the same", async () => {
    const first = await waits(a, "b", "one?");
    await mesh.call(b, "ask", { peer: "a", question: "two?", wait_seconds: 0 });
    expect(await first.outcome).toMatchObject({ state: "asked_first", question: { body: "two?" } });
  });
});

describe("without waits there is no loop", () => {
  test("two questions that nobody waits for may cross", async () => {
    const one = await mesh.call(a, "ask", { peer: "b", question: "one?", wait_seconds: 0 });
    const two = await mesh.call(b, "ask", { peer: "a", question: "two?", wait_seconds: 0 });
    expect([one.state, two.state]).toEqual(["pending", "pending"]);
    expect(mesh.delivered(a)).toMatchObject([{ body: "two?" }]);
  });

  test("a call whose wait is over stands in nobody's way", async () => {
    const first = await waits(a, "b", "one?");
    await mesh.advance(90_000);
    expect(await first.outcome).toMatchObject({ state: "pending" });
    const second = await waits(b, "a", "two?");
    expect(await settled(second)).toBe("still waiting");
    expect(mesh.delivered(a)).toMatchObject([{ body: "two?" }]);
  });

  test("a chain that leads elsewhere is no loop", async () => {
    await waits(a, "b", "one?");
    const second = await waits(b, "c", "two?");
    const third = await mesh.call(c, "ask", { peer: "b", question: "three?", wait_seconds: 0 });
    // b waits for c, so c's question comes back as the result of b's call; a is not concerned.
    expect(await second.outcome).toMatchObject({ state: "asked_first", question: { message: third.message } });
    expect(mesh.live.waitsOf(a)).toHaveLength(1);
  });
});

describe("where the question cannot be handed over", () => {
  /** a's call waits for b, but cannot return with a question (a plain HTTP client, say). */
  async function deafWait(from: PeerId, to: PeerId, question: string) {
    const { message } = await mesh.call(from, "ask", { peer: mesh.peer(to).name, question, wait_seconds: 0 });
    await mesh.decide((ctx) =>
      ctx.live.putWait(ctx.tx, {
        id: `deaf ${question}`,
        ask: message,
        waiter: from,
        target: to,
        canTakeQuestion: false,
        rung: "result",
      }),
    );
  }

  // @req waits.no-loop
  test("the call that would close the loop is refused at once, with the loop named, and nothing is stored", async () => {
    await deafWait(a, b, "one?");
    const last = mesh.read(({ tx }) => tx.events.last());
    await expect(waiting(b, "a", "two?").outcome).rejects.toMatchObject({
      code: "ask_cycle",
      message:
        "b → a → b: each would wait for the next. Answer the question you have first, or ask with wait_seconds=0.",
    });
    expect(mesh.read(({ tx }) => tx.events.last())).toBe(last);
    expect(mesh.live.waitsOf(b)).toEqual([]);
  });

  test("a longer loop is named whole", async () => {
    await deafWait(a, b, "one?");
    await waits(b, "c", "two?");
    await expect(waiting(c, "a", "three?").outcome).rejects.toMatchObject({
      code: "ask_cycle",
      message: expect.stringContaining("c → a → b → c"),
    });
  });

  test("a question without a wait is taken: it waits for its turn like any other", async () => {
    await deafWait(a, b, "one?");
    const asked = await mesh.call(b, "ask", { peer: "a", question: "two?", wait_seconds: 0 });
    expect(asked.state).toBe("pending");
    expect(mesh.delivered(a)).toMatchObject([{ body: "two?" }]);
  });

  test("since the waiting session's gate holds strangers' questions back, the loop is refused rather than the gate passed", async () => {
    const first = await waits(a, "b", "one?");
    await mesh.decide((ctx) => ctx.tx.peers.put({ ...mesh.peer(a), inbound_policy: "hold" }));
    await expect(waiting(b, "a", "two?").outcome).rejects.toMatchObject({ code: "ask_cycle" });
    const held = await mesh.call(b, "ask", { peer: "a", question: "two?", wait_seconds: 0 });
    expect(held).toMatchObject({ state: "pending", recipient: { delivery: "held" } });
    expect(await settled(first)).toBe("still waiting");
  });
});

describe("a call that joins a question that is open already", () => {
  test("closes no loop: it returns with the question that stands before its answer", async () => {
    await mesh.activity(a, "busy");
    await mesh.call(a, "ask", { peer: "b", question: "one?", wait_seconds: 0 });
    await mesh.present(b);
    const second = await waits(b, "a", "two?");
    const joined = waiting(a, "b", "one?");
    expect(await settled(joined)).toMatchObject({ state: "asked_first", question: { body: "two?" } });
    expect(await settled(second)).toBe("still waiting");
  });

  test("by inbox(id, wait_seconds) returns with the question that stands before its answer", async () => {
    await mesh.activity(a, "busy");
    const one = await mesh.call(a, "ask", { peer: "b", question: "one?", wait_seconds: 0 });
    await waits(b, "a", "two?");
    const looked = mesh.call(a, "inbox", { id: one.id, wait_seconds: 60 });
    expect(await Promise.race([looked, mesh.quiet().then(() => "still waiting")])).toMatchObject({
      type: "ask",
      outcome: { state: "asked_first", question: { body: "two?" } },
    });
  });

  test("is refused where its session has that question already and only has to answer it", async () => {
    await mesh.call(a, "ask", { peer: "b", question: "one?", wait_seconds: 0 });
    await waits(b, "a", "two?");
    await mesh.present(a);
    await expect(waiting(a, "b", "one?").outcome).rejects.toMatchObject({
      code: "ask_cycle",
      message: expect.stringContaining("a → b → a"),
    });
  });

  test("along three sessions closes no loop either", async () => {
    await mesh.activity(a, "busy");
    await mesh.call(a, "ask", { peer: "b", question: "one?", wait_seconds: 0 });
    await waits(b, "c", "two?");
    await waits(c, "a", "three?");
    expect(await settled(waiting(a, "b", "one?"))).toMatchObject({
      state: "asked_first",
      peer: "b",
      question: { body: "three?" },
    });
  });

  test("respects how many calls of one session may wait", async () => {
    const { id } = await mesh.call(a, "ask", { peer: "b", question: "one?", wait_seconds: 0 });
    for (let n = 0; n < 16; n++) void waiting(a, "b", "one?");
    await mesh.quiet();
    await expect(mesh.call(a, "inbox", { id, wait_seconds: 60 })).rejects.toMatchObject({ code: "too_many_waits" });
  });
});
