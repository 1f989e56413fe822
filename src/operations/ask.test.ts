import { beforeEach, describe, expect, test } from "bun:test";
import { fillingStore } from "../../test/support/filling-store.ts";
import { createMesh, type MeshHarness } from "../../test/support/mesh-harness.ts";
import { endSession, replyToAsk } from "../core/index.ts";
import { byteLength, LIMITS, type PeerId } from "../protocol/index.ts";

let mesh: MeshHarness;
let frontend: PeerId;
let backend: PeerId;

beforeEach(async () => {
  mesh = createMesh();
  frontend = await mesh.join("frontend");
  backend = await mesh.join("backend");
  await mesh.openPush(backend);
});

/** Whether a call has come back, without waiting for it. */
const isBack = (call: Promise<unknown>) => Promise.race([call.then(() => true), mesh.quiet().then(() => false)]);

describe("how long a call waits", () => {
  test.each([
    ["as long as most answers take, unless said otherwise", undefined, "claude-code", LIMITS.waitMsDefault],
    ["as long as it says", 30, "claude-code", 30_000],
    ["never longer than runtimes leave a tool call alone", 600, "claude-code", LIMITS.waitMsMax],
    ["as long as it likes from a terminal, where nobody ends it", 600, "terminal", 600_000],
  ] as const)("%s", async (_what, wait_seconds, runtime, ms) => {
    const asker = await mesh.join("asker", { runtime });
    const call = mesh.call(asker, "ask", { peer: "backend", question: "which version?", wait_seconds });
    await mesh.quiet();
    await mesh.advance(ms - 1);
    expect(await isBack(call)).toBeFalse();
    await mesh.advance(1);
    expect(await call).toMatchObject({ state: "pending" });
    expect([mesh.waits.size, mesh.live.waitsOf(asker)]).toEqual([0, []]);
  });

  test("not at all for who is offline: that is told at once, and the question is kept", async () => {
    await mesh.decide((ctx) => endSession(ctx, backend, "its process ended"));
    const outcome = await mesh.call(frontend, "ask", { peer: "backend", question: "which version?" });
    expect(outcome).toMatchObject({ state: "pending", recipient: { presence: { state: "offline" } } });
    expect(mesh.live.waitsOf(frontend)).toEqual([]);
  });
});

describe("a caller that gives up", () => {
  // @req asks.live-without-wait
  test("is told how the question stands, which lives on", async () => {
    const controller = new AbortController();
    const call = mesh.call(
      frontend,
      "ask",
      { peer: "backend", question: "which version?" },
      { signal: controller.signal },
    );
    await mesh.quiet();
    await mesh.present(backend);
    controller.abort();
    const outcome = await call;
    expect(outcome).toMatchObject({ state: "pending", recipient: { delivery: "presented" } });
    expect(mesh.ask(outcome.message).state).toBe("open");
    expect([mesh.waits.size, mesh.clock.pending, mesh.live.waitsOf(frontend)]).toEqual([0, 0, []]);
  });
});

describe("what pending says", () => {
  // @req tools.pending
  test("is what is proven at that instant, no more", async () => {
    const asked = await mesh.call(frontend, "ask", { peer: "backend", question: "which version?", wait_seconds: 0 });
    const look = async () => {
      const looked = await mesh.call(frontend, "inbox", { id: asked.id });
      return looked.type === "ask" && looked.outcome.state === "pending" ? looked.outcome.recipient : undefined;
    };
    expect(await look()).toMatchObject({ delivery: "leased", entered: false, overlooked: false });
    await mesh.present(backend);
    expect(await look()).toMatchObject({ delivery: "presented", rung: "push", entered: false });
    await mesh.activity(backend, "waiting", "Bash");
    expect(await look()).toMatchObject({ presence: { state: "waiting", detail: "Bash" } });
  });
});

describe("an answer larger than a result", () => {
  test("is shown up to a whole character, says how much there is, and goes on by its own id", async () => {
    const call = mesh.call(frontend, "ask", { peer: "backend", question: "everything?" });
    await mesh.quiet();
    const [question] = await mesh.present(backend);
    const text = "€".repeat(8_000);
    await mesh.call(backend, "reply", { id: question?.handle ?? "", text });
    const outcome = await call;
    if (outcome.state !== "answered") throw new Error(outcome.state);
    expect(outcome.text_bytes).toBe(24_000);
    expect(outcome.shown_bytes).toBe(byteLength(outcome.text));
    expect(outcome.text.length).toBeLessThan(LIMITS.resultCharsMax);

    await mesh.settle(frontend, outcome.answer.message, "presented");
    let whole = outcome.text;
    for (let rest = 1; rest > 0; ) {
      const next = await mesh.call(frontend, "inbox", { id: outcome.answer.handle });
      if (next.type !== "message") throw new Error(next.type);
      whole += next.part;
      rest = next.rest_bytes;
    }
    expect(whole).toBe(text);
  });
});

describe("a call that does not wait", () => {
  test("does not bring the answer that came in its own batch and goes out as a message", async () => {
    await mesh.openPush(frontend);
    const message = mesh.ids.message();
    const ask = () =>
      mesh.call(frontend, "ask", { peer: "backend", question: "which version?", wait_seconds: 0, message });
    const { id } = await ask();
    await mesh.present(backend);
    // As after a reconnect: the call is made again while the answer arrives.
    const again = ask();
    const replied = mesh.call(backend, "reply", { id, text: "three" });
    expect(await again).toMatchObject({ state: "pending" });
    await replied;
    await mesh.quiet();
    expect(mesh.delivered(frontend).map((item) => item.body)).toEqual(["three"]);
  });
});

// @req waits.end
test("a wait that ends while the disk is full tells the truth, and stands in nobody's way afterwards", async () => {
  const { store, disk } = fillingStore();
  const full = createMesh({ store });
  const asker = await full.join("asker");
  const askee = await full.join("askee");
  await full.openPush(askee);
  const asked = full.call(asker, "ask", { peer: "askee", question: "well?", wait_seconds: 5 });
  await full.quiet();
  disk.isFull = true;
  full.clock.advance(5_000);
  await full.quiet();
  expect(await asked).toMatchObject({ state: "pending" });
  disk.isFull = false;
  full.clock.advance(1_000);
  await full.quiet();
  expect([...full.live.waits()]).toEqual([]);
});

test("an answer that is there by the time a call without a wait returns travels in its result, and is not pushed as well", async () => {
  const own = createMesh();
  const asker = await own.join("asker");
  await own.join("askee");
  await own.openPush(asker);
  await own.activity(asker, "busy");
  const message = own.ids.message();
  const asked = own.call(asker, "ask", { peer: "askee", question: "well?", wait_seconds: 0, message });
  const replied = own.engine.run((ctx) => {
    const ask = ctx.tx.asks.get(message);
    if (ask) replyToAsk(ctx, { ask, text: "yes", outcome: "answer", by: "turn" });
  });
  expect(await asked).toMatchObject({ state: "answered", text: "yes" });
  await replied;
  expect(own.read(({ tx }) => tx.deliveries.get(tx.asks.get(message)?.answer ?? "", asker)?.rung)).toBe("result");
});
