import { beforeEach, describe, expect, test } from "bun:test";
import { fillingStore } from "../../test/support/filling-store.ts";
import { createMesh, type MeshHarness } from "../../test/support/mesh-harness.ts";
import { endSession, noteLimited } from "../core/index.ts";
import { carriedMessages, LIMITS, type OperationInput, type PeerId, type RollUp } from "../protocol/index.ts";
import { resultText, rollUpText } from "../words/index.ts";
import { idForAskee, withdrawCall } from "./several-ids.ts";

let mesh: MeshHarness;
let frontend: PeerId;
let backend: PeerId;
let api: PeerId;

beforeEach(async () => {
  mesh = createMesh();
  [frontend, backend, api] = [await mesh.join("frontend"), await mesh.join("backend"), await mesh.join("api")];
  for (const peer of [frontend, backend, api]) await mesh.openPush(peer);
});

const BOTH = { peers: ["backend", "api"], question: "which version?" };
const ask = (change: Partial<OperationInput<"ask_several">> = {}, signal?: AbortSignal) =>
  mesh.call(frontend, "ask_several", { ...BOTH, ...change }, { signal });
const isBack = (call: Promise<unknown>) => Promise.race([call.then(() => true), mesh.quiet().then(() => false)]);
const states = (rolled: RollUp) => rolled.asked.map(({ outcome }) => `${outcome.peer} ${outcome.state}`);

/** What the peer was handed, answered. */
async function answer(peer: PeerId, text: string): Promise<void> {
  const [question] = await mesh.present(peer);
  await mesh.call(peer, "reply", { id: question?.handle ?? "", text });
}

describe("a question to several", () => {
  // @req tools.ask-several
  test("is one ask for each, and returns when the last of them has answered", async () => {
    const call = ask();
    await mesh.quiet();
    expect(mesh.live.waitsOf(frontend).map((wait) => wait.target)).toEqual([backend, api]);
    await answer(api, "two");
    expect(await isBack(call)).toBeFalse();
    await answer(backend, "one");
    const rolled = await call;
    expect(rolled).toMatchObject({
      asked: [
        { outcome: { state: "answered", peer: "backend", text: "one" }, rest_bytes: 0, apart: false },
        { outcome: { state: "answered", peer: "api", text: "two" }, rest_bytes: 0, apart: false },
      ],
      not_asked: [],
    });
    const ids = rolled.asked.map(({ outcome }) => outcome.id);
    expect(new Set(ids).size).toBe(2);
    expect(carriedMessages("ask_several", rolled)).toHaveLength(2);
    expect([mesh.waits.size, mesh.clock.pending, mesh.live.waitsOf(frontend)]).toEqual([0, 0, []]);
    // They came as this result, and in nothing else.
    expect(mesh.delivered(frontend)).toEqual([]);
  });

  test("passes progress on with the name of its peer, and tells who replies that others are waited for", async () => {
    const said: string[] = [];
    const call = mesh.call(frontend, "ask_several", BOTH, { onProgress: (text) => void said.push(text) });
    await mesh.quiet();
    const [question] = await mesh.present(backend);
    const id = question?.handle ?? "";
    await mesh.call(backend, "reply", { id, text: "still looking", outcome: "progress" });
    expect(said).toEqual(["backend: still looking"]);
    const replied = await mesh.call(backend, "reply", { id, text: "one" });
    expect(replied).toMatchObject({ awaited: true, with_others: true });
    const words = { tools: { reply: "reply", inbox: "inbox" }, now: 0 };
    expect(resultText("reply", replied, words)).toContain("waiting for others as well");
    const [last] = await mesh.present(api);
    const lastReply = await mesh.call(api, "reply", { id: last?.handle ?? "", text: "two" });
    expect(resultText("reply", lastReply, words)).toContain("was waiting and gets it now");
    await call;
  });

  // @req tools.ask-several
  test("says of each how it stands when the time is over; what comes later comes as a message", async () => {
    const call = ask({ wait_seconds: 10 });
    await mesh.quiet();
    await answer(api, "two");
    await mesh.activity(backend, "waiting", "Bash");
    await mesh.advance(10_000);
    const rolled = await call;
    expect(rolled.asked).toMatchObject([
      { outcome: { state: "pending", recipient: { presence: { state: "waiting", detail: "Bash" } } } },
      { outcome: { state: "answered", text: "two" } },
    ]);
    await answer(backend, "one");
    await mesh.quiet();
    expect(mesh.delivered(frontend).map((item) => item.body)).toEqual(["one"]);
  });

  // @req tools.ask-several
  test("names who cannot be asked with the reason, and asks the others", async () => {
    await mesh.decide((ctx) => ctx.tx.peers.put({ ...mesh.peer(api), inbound_policy: "refuse" }));
    const rolled = await ask({ peers: ["nobody", "backend", "frontend", "api"], wait_seconds: 0 });
    expect(rolled).toMatchObject({
      asked: [{ outcome: { state: "pending", peer: "backend" } }],
      not_asked: [
        { peer: "nobody", code: "peer_not_found" },
        { peer: "frontend", code: "self_ask" },
        { peer: "api", code: "refused_by_peer" },
      ],
    });
    expect(mesh.delivered(backend)).toHaveLength(1);
  });

  test("is an error where nobody at all can be asked, with each reason", async () => {
    const call = ask({ peers: ["nobody", "frontend"] });
    await expect(call).rejects.toMatchObject({
      code: "peer_not_found",
      message: expect.stringMatching(
        /^Nobody was asked\. nobody: No peer named "nobody".* frontend: "frontend" is you/,
      ),
    });
    expect(mesh.waits.size).toBe(0);
  });

  test("asks each peer once, however often it is named, and no more than the limit", async () => {
    const rolled = await ask({ peers: ["backend", "Backend", backend], wait_seconds: 0 });
    expect(states(rolled)).toEqual(["backend pending"]);
    const many = Array.from({ length: LIMITS.askedAtOnceMax + 1 }, (_, n) => `p${n}`);
    await expect(ask({ peers: many })).rejects.toMatchObject({ code: "too_many_recipients" });
  });

  test("does not wait for who is offline or limited, but for the others; what such a one says meanwhile is in the result", async () => {
    await mesh.decide((ctx) => endSession(ctx, backend, "its process ended"));
    const call = ask();
    await mesh.quiet();
    expect(mesh.live.waitsOf(frontend).map((wait) => wait.target)).toEqual([api]);
    await mesh.decide((ctx) => noteLimited(ctx, api, undefined, undefined));
    expect(await call).toMatchObject({
      asked: [
        { outcome: { state: "pending", recipient: { presence: { state: "offline" } } } },
        { outcome: { state: "pending", recipient: { presence: { state: "limited" } } } },
      ],
    });
  });

  test("says that an answer came as a message where it did while the call waited for others", async () => {
    const call = ask();
    await mesh.quiet();
    await mesh.decide((ctx) => noteLimited(ctx, backend, undefined, undefined));
    await answer(backend, "late");
    await mesh.quiet();
    expect((await mesh.present(frontend)).map((item) => item.body)).toEqual(["late"]);
    await answer(api, "two");
    const rolled = await call;
    expect(rolled.asked).toMatchObject([
      { outcome: { state: "answered", text: "", shown_bytes: 0 }, apart: true },
      { outcome: { state: "answered", text: "two" }, apart: false },
    ]);
    expect(carriedMessages("ask_several", rolled)).toHaveLength(1);
    expect(rollUpText(rolled, { tools: { reply: "reply", inbox: "inbox" }, now: 0 })).toContain(
      "backend: answered meanwhile",
    );
  });
});

describe("an answer that is there long before the others", () => {
  test("is kept for the result: it is not taken for lost, and comes once", async () => {
    const call = ask();
    await mesh.quiet();
    await answer(backend, "one");
    for (let passed = 0; passed < 80_000; passed += 10_000) await mesh.advance(10_000);
    expect(mesh.delivered(frontend)).toEqual([]);
    await mesh.advance(10_000);
    const rolled = await call;
    expect(states(rolled)).toEqual(["backend answered", "api pending"]);
    const [message = ""] = carriedMessages("ask_several", rolled);
    await mesh.settle(frontend, message, "presented");
    expect(mesh.delivery(message, frontend)).toMatchObject({ state: "presented", possible_duplicates: 0 });
  });

  test("comes as a message where the result was lost", async () => {
    const gone = new AbortController();
    const call = ask({}, gone.signal);
    await mesh.quiet();
    await answer(backend, "one");
    gone.abort();
    await call;
    await mesh.advance(LIMITS.leaseMs + 1);
    expect(mesh.delivered(frontend).map((item) => item.body)).toEqual(["one"]);
  });
});

describe("repeating the call with its id", () => {
  // @req tools.ask-several
  test("asks nobody twice, waits on, and brings what was answered meanwhile", async () => {
    const message = mesh.ids.message();
    const gone = new AbortController();
    const first = ask({ message }, gone.signal);
    await mesh.quiet();
    await answer(backend, "one");
    gone.abort();
    const before = await first;
    const again = ask({ message });
    await mesh.quiet();
    for (let passed = 0; passed < 60_000; passed += 10_000) await mesh.advance(10_000);
    await answer(api, "two");
    const rolled = await again;
    expect(rolled.asked.map(({ outcome }) => outcome.id)).toEqual(before.asked.map(({ outcome }) => outcome.id));
    expect(rolled.asked).toMatchObject([{ outcome: { text: "one" } }, { outcome: { text: "two" } }]);
    expect([mesh.delivered(backend), mesh.delivered(frontend)]).toEqual([[], []]);
  });

  test("of somebody else's call finds nothing of it", async () => {
    const message = mesh.ids.message();
    await ask({ message, wait_seconds: 0 });
    const other = await mesh.join("other");
    await expect(mesh.call(other, "ask_several", { ...BOTH, message, wait_seconds: 0 })).rejects.toMatchObject({
      code: "id_taken",
    });
  });
});

describe("a call that is interrupted", () => {
  // @req tools.ask-several
  test("takes back what nobody has yet, and tells the others that nobody waits", async () => {
    const message = mesh.ids.message();
    await mesh.activity(api, "busy");
    const call = ask({ message });
    await mesh.quiet();
    await mesh.present(backend);
    await mesh.decide((ctx) => withdrawCall(ctx, frontend, message));
    expect(states(await call)).toEqual(["backend pending", "api cancelled"]);
    expect(mesh.ask(idForAskee(message, backend))).toMatchObject({ state: "open", abandoned: true });
    expect(mesh.live.waitsOf(frontend)).toEqual([]);
  });

  test("takes back nothing of another call, or of another peer", async () => {
    const message = mesh.ids.message();
    const { asked } = await ask({ message, wait_seconds: 0 });
    await mesh.decide((ctx) => withdrawCall(ctx, frontend, mesh.ids.message()));
    await mesh.decide((ctx) => withdrawCall(ctx, backend, message));
    for (const { outcome } of asked)
      expect(mesh.ask(outcome.message)).toMatchObject({ state: "open", abandoned: false });
  });
});

describe("a question back", () => {
  // @req waits.ask-back
  test("returns the whole call at once: the session must come back to answer it", async () => {
    const call = ask();
    await mesh.quiet();
    await mesh.present(backend);
    const back = mesh.call(backend, "ask", { peer: "frontend", question: "which branch?" });
    const rolled = await call;
    expect(rolled.asked).toMatchObject([
      { outcome: { state: "asked_first", peer: "backend", question: { body: "which branch?" } } },
      { outcome: { state: "pending", peer: "api" } },
    ]);
    expect(carriedMessages("ask_several", rolled)).toHaveLength(1);
    expect(mesh.live.waitsOf(frontend)).toEqual([]);
    const [first] = rolled.asked;
    const question = first?.outcome.state === "asked_first" ? first.outcome.question.handle : "";
    await mesh.call(frontend, "reply", { id: question, text: "main" });
    expect(await back).toMatchObject({ state: "answered", text: "main" });
  });

  test("that one call returns with ends the others that wait along its way, as a whole", async () => {
    const single = mesh.call(frontend, "ask", { peer: "backend", question: "alone?" });
    const call = ask({ peers: ["backend", "api"], question: "together?" });
    await mesh.quiet();
    await mesh.present(backend);
    const back = mesh.call(backend, "ask", { peer: "frontend", question: "which branch?", wait_seconds: 30 });
    expect(await single).toMatchObject({ state: "asked_first" });
    expect(states(await call)).toEqual(["backend pending", "api pending"]);
    await mesh.advance(30_000);
    await back;
  });

  // @req waits.no-loop
  test("that no call could take keeps out the one whose wait would close a loop, not the others", async () => {
    await mesh.decide((ctx) => ctx.tx.peers.put({ ...mesh.peer(backend), inbound_policy: "hold" }));
    const asking = mesh.call(backend, "ask", { peer: "frontend", question: "first?", wait_seconds: 20 });
    await mesh.quiet();
    const call = ask();
    await mesh.quiet();
    await answer(api, "two");
    expect(await call).toMatchObject({
      asked: [{ outcome: { state: "answered", peer: "api" } }],
      not_asked: [{ peer: "backend", code: "ask_cycle" }],
    });
    await mesh.advance(20_000);
    expect(await asking).toMatchObject({ state: "pending" });
  });
});

describe("answers that are too long together", () => {
  // @req limits.nothing-cut-silently
  test("share one result's room, and inbox continues each without a gap", async () => {
    const call = ask();
    await mesh.quiet();
    await answer(backend, "€".repeat(8_000));
    await answer(api, "short");
    const rolled = await call;
    const text = rollUpText(rolled, { tools: { reply: "reply", inbox: "inbox" }, now: 0 });
    expect(text.length).toBeLessThanOrEqual(LIMITS.resultCharsMax);
    expect(text).toContain("short");
    const [long] = rolled.asked;
    if (long?.outcome.state !== "answered") throw new Error("not answered");
    expect(long.rest_bytes).toBe(24_000 - long.outcome.shown_bytes);
    await mesh.settle(frontend, long.outcome.answer.message, "presented");
    const next = await mesh.call(frontend, "inbox", { id: long.outcome.answer.handle });
    expect(next).toMatchObject({ type: "message", offset: long.outcome.shown_bytes });
  });

  test("of as many as may be asked still fit one result", async () => {
    const names = Array.from({ length: LIMITS.askedAtOnceMax }, (_, n) => `peer-${n}`);
    const peers: PeerId[] = [];
    for (const name of names) {
      const peer = await mesh.join(name);
      await mesh.openPush(peer);
      peers.push(peer);
    }
    const call = ask({ peers: names });
    await mesh.quiet();
    for (const peer of peers) await answer(peer, "x".repeat(9_000));
    const text = rollUpText(await call, { tools: { reply: "reply", inbox: "inbox" }, now: 0 });
    expect(text.length).toBeLessThanOrEqual(LIMITS.resultCharsMax);
    expect(text.length).toBeGreaterThan(LIMITS.resultCharsMax * 0.7);
  });
});

// @req waits.end
test("while the disk is full the call comes back all the same, and no wait stays", async () => {
  const { store, disk } = fillingStore();
  const full = createMesh({ store });
  const asker = await full.join("asker");
  for (const name of ["one", "two"]) await full.openPush(await full.join(name));
  const call = full.call(asker, "ask_several", { peers: ["one", "two"], question: "well?", wait_seconds: 5 });
  await full.quiet();
  disk.isFull = true;
  full.clock.advance(5_000);
  await full.quiet();
  expect(states(await call)).toEqual(["one pending", "two pending"]);
  disk.isFull = false;
  full.clock.advance(1_000);
  await full.quiet();
  expect([...full.live.waits()]).toEqual([]);
});
