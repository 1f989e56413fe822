import { beforeEach, describe, expect, test } from "bun:test";
import { createMesh, type MeshHarness } from "../../test/support/mesh-harness.ts";
import { deliveryRecord, messageRecord } from "../../test/support/records.ts";
import { LIMITS, type PeerId } from "../protocol/index.ts";

/** How questions end without an answer: taken back, out of time, refused at a limit. */

let mesh: MeshHarness;
let frontend: PeerId;
let backend: PeerId;

beforeEach(async () => {
  mesh = createMesh();
  frontend = await mesh.join("frontend");
  backend = await mesh.join("backend");
  await mesh.openPush(frontend);
});

/** Asks without waiting. Returns the question's message and handle. */
async function ask(question = "which version?") {
  const { message, id } = await mesh.call(frontend, "ask", { peer: "backend", question, wait_seconds: 0 });
  return { message, id };
}

const withdraw = (id: string) => mesh.call(frontend, "inbox", { id, cancel: true });

describe("a question that its asker takes back", () => {
  // @req tools.withdraw
  test("before anybody has it is gone without a trace in the recipient's session", async () => {
    const { message, id } = await ask();
    expect(await withdraw(id)).toEqual({ type: "withdrawn", id, peer: "backend", was_presented: false });
    expect(mesh.ask(message)).toMatchObject({ state: "cancelled" });
    expect(mesh.delivery(message, backend)).toMatchObject({ state: "cancelled", reason: "withdrawn by the sender" });
    await mesh.openPush(backend);
    expect(mesh.delivered(backend)).toEqual([]);
  });

  test("while it is held by the recipient's gate is gone too", async () => {
    await mesh.decide((ctx) => ctx.tx.peers.put({ ...mesh.peer(backend), inbound_policy: "hold" }));
    const { message, id } = await ask();
    expect(mesh.delivery(message, backend).state).toBe("held");
    expect(await withdraw(id)).toMatchObject({ was_presented: false });
    expect(mesh.delivery(message, backend).state).toBe("cancelled");
  });

  // @req tools.withdraw
  test("after it was presented stays open: the recipient is told as fyi, and its answer comes as fyi", async () => {
    await mesh.openPush(backend);
    const { message, id } = await ask();
    await mesh.present(backend);
    expect(await withdraw(id)).toMatchObject({ was_presented: true });
    expect(mesh.ask(message)).toMatchObject({ state: "open", abandoned: true });
    const notices = mesh.read(({ tx }) => tx.deliveries.inStates(backend, ["queued"]));
    expect(notices).toMatchObject([{ kind: "notify", urgency: "fyi" }]);

    await mesh.call(backend, "reply", { id, text: "v2" });
    const answer = mesh.ask(message).answer ?? "";
    expect(mesh.delivery(answer, frontend)).toMatchObject({ state: "queued", urgency: "fyi" });
  });

  test("while a hand-over is in flight counts as presented, since nobody knows yet", async () => {
    await mesh.openPush(backend);
    const { id } = await ask();
    expect(await withdraw(id)).toMatchObject({ was_presented: true });
  });

  test("twice tells the recipient once", async () => {
    await mesh.openPush(backend);
    const { id } = await ask();
    await mesh.present(backend);
    await withdraw(id);
    await withdraw(id);
    expect(mesh.read(({ tx }) => tx.deliveries.inStates(backend, ["queued"]))).toHaveLength(1);
  });

  test("ends every call that still waits for it, at once", async () => {
    const waiting = mesh.call(frontend, "ask", { peer: "backend", question: "which version?" });
    await mesh.quiet();
    const { id } = await ask();
    await withdraw(id);
    expect(await waiting).toMatchObject({ state: "cancelled", id });
    expect(mesh.live.waitsOf(frontend)).toEqual([]);
  });

  test("after it was presented ends the waiting calls with the truth: it is still open", async () => {
    await mesh.openPush(backend);
    const waiting = mesh.call(frontend, "ask", { peer: "backend", question: "which version?" });
    await mesh.quiet();
    const [item] = await mesh.present(backend);
    await withdraw(item?.handle ?? "");
    expect(await waiting).toMatchObject({ state: "pending", recipient: { delivery: "presented" } });
  });

  test("takes no reply any more once it is cancelled", async () => {
    const { id } = await ask();
    await withdraw(id);
    const replied = mesh.call(backend, "reply", { id, text: "v2" });
    await expect(replied).rejects.toMatchObject({
      code: "ask_closed",
      message: `${id} is cancelled; frontend no longer waits for it. If it still matters, use notify_peer("frontend", …).`,
    });
    await expect(withdraw(id)).rejects.toMatchObject({
      code: "ask_closed",
      message: `${id} is cancelled already, so there is nothing to withdraw. inbox(id="${id}") shows how it ended.`,
    });
  });

  test("makes room for the next question", async () => {
    await mesh.openPush(backend);
    const first = await ask("first?");
    await mesh.activity(backend, "busy");
    await mesh.settle(backend, first.message, "unreachable", "too busy");
    await ask("second?");
    await withdraw(first.id);
    mesh.delivered(backend);
    await mesh.activity(backend, "idle");
    expect(mesh.delivered(backend)).toMatchObject([{ body: "second?" }]);
  });
});

describe("a question whose time runs out", () => {
  test("is told to its asker as fyi, which starts no turn but rides with the next message", async () => {
    const { message } = await ask();
    await mesh.advance(LIMITS.askExpiryMs);
    expect(mesh.ask(message)).toMatchObject({ state: "expired" });
    expect(mesh.delivery(message, backend)).toMatchObject({ state: "expired" });
    expect(mesh.delivered(frontend)).toEqual([]);

    await mesh.call(backend, "ask", { peer: "frontend", question: "still there?", wait_seconds: 0 });
    expect(mesh.delivered(frontend)).toMatchObject([
      { kind: "answer", answer_to: { outcome: "expired" }, body: expect.stringContaining("did not answer") },
      { kind: "ask" },
    ]);
  });

  test("ends a call that still waits for it", async () => {
    const terminal = await mesh.join("terminal", { runtime: "terminal" });
    const waiting = mesh.call(terminal, "ask", { peer: "backend", question: "v?", wait_seconds: 86_400 });
    await mesh.decide((ctx) => ctx.tx.peers.put({ ...mesh.peer(backend), presence: { state: "busy", since: 1 } }));
    await mesh.quiet();
    await mesh.decide((ctx) => {
      for (const open of ctx.tx.asks.openTo(backend)) ctx.tx.asks.put({ ...open, expires_awake_ms: ctx.now.awake });
    });
    await mesh.advance(0);
    expect(await waiting).toMatchObject({ state: "expired" });
  });

  test("one instant before that is still open", async () => {
    const { message } = await ask();
    await mesh.advance(LIMITS.askExpiryMs - 1);
    expect(mesh.ask(message).state).toBe("open");
  });

  test("during its hand-over ends all the same, and is not handed over once more", async () => {
    await mesh.openPush(backend);
    const { message } = await ask();
    await mesh.advance(LIMITS.askExpiryMs);
    expect(mesh.ask(message).state).toBe("expired");
    mesh.delivered(backend);
    await mesh.settle(backend, message, "unreachable", "its link is gone");
    await mesh.advance(1_000);
    expect(mesh.delivered(backend)).toEqual([]);
    expect(mesh.delivery(message, backend).state).toBe("cancelled");
  });

  test("during its hand-over, which its recipient's runtime then holds for its user, is taken back from there", async () => {
    const route = await mesh.openPush(backend);
    const { message } = await ask();
    await mesh.advance(LIMITS.askExpiryMs);
    mesh.effects.length = 0;
    await mesh.settle(backend, message, "held", "waits for its user's OK");
    expect(mesh.delivery(message, backend).state).toBe("cancelled");
    expect(mesh.effects).toContainEqual({ type: "cancel", route, peer: backend, message });
    expect(await mesh.call(backend, "inbox", {})).toMatchObject({ items: [] });
  });

  test("takes no reply any more, and nobody is told that it had an answer", async () => {
    const { id } = await ask();
    await mesh.advance(LIMITS.askExpiryMs);
    await expect(mesh.call(backend, "reply", { id, text: "v2" })).rejects.toMatchObject({
      code: "ask_closed",
      message: expect.stringContaining(`${id} is expired; frontend no longer waits for it.`),
    });
  });

  // @req time.sleep
  test("stays open while the machine sleeps, for as long as it sleeps", async () => {
    const { message } = await ask();
    mesh.clock.sleepMachine(30 * 86_400_000);
    await mesh.advance(60_000);
    expect(mesh.ask(message).state).toBe("open");
    expect(mesh.delivery(message, backend).state).toBe("queued");
    await mesh.advance(LIMITS.askExpiryMs);
    expect(mesh.ask(message).state).toBe("expired");
  });
});

describe("a question is refused", () => {
  test("to oneself", async () => {
    const asked = mesh.call(frontend, "ask", { peer: "frontend", question: "who am I?" });
    await expect(asked).rejects.toMatchObject({ code: "self_ask" });
  });

  test("when it is larger than one message may be, counted in bytes; one byte less is taken", async () => {
    const euros = Math.floor(LIMITS.bodyBytesMax / 3);
    const fits = "€".repeat(euros) + "x".repeat(LIMITS.bodyBytesMax - 3 * euros);
    await expect(ask(`${fits}x`)).rejects.toMatchObject({
      code: "body_too_large",
      message: expect.stringContaining(`is ${LIMITS.bodyBytesMax + 1} bytes`),
    });
    const { message } = await ask(fits);
    expect(mesh.read(({ tx }) => tx.messages.get(message))).toMatchObject({
      body: fits,
      body_bytes: LIMITS.bodyBytesMax,
    });
  });

  // @req limits.all-hold
  test("when the recipient has as much unread as a mailbox holds; after it read some, it is taken", async () => {
    await mesh.decide(({ tx }) => {
      for (let n = 1; n <= LIMITS.mailboxLengthMax; n++) {
        const message = messageRecord(1_000 + n, { from: frontend, to: backend });
        tx.messages.insert(message);
        // What is held or on its way is unread too.
        const state = (["queued", "held", "leased"] as const)[n % 3];
        const seq = tx.deliveries.nextSeq();
        tx.deliveries.put(deliveryRecord(1_000 + n, { message: message.id, peer: backend, seq, state }));
      }
    });
    await expect(ask()).rejects.toMatchObject({ code: "mailbox_full", retryable: true });
    await expect(mesh.call(frontend, "notify", { peer: "backend", text: "x" })).rejects.toMatchObject({
      code: "mailbox_full",
    });

    const own = await mesh.call(backend, "ask", { peer: "frontend", question: "what?", wait_seconds: 0 });
    expect(await mesh.call(frontend, "reply", { id: own.id, text: "that" })).toMatchObject({ outcome: "answer" });

    const mail = await mesh.call(backend, "inbox", {});
    for (const item of mail.type === "mail" ? mail.items : []) await mesh.settle(backend, item.message, "presented");
    expect(await ask()).toHaveProperty("id");
  });

  test("when its asker has too many open ones", async () => {
    for (let n = 0; n < LIMITS.openAsksPerAskerMax; n++) await ask(`question ${n}`);
    await expect(ask("one more")).rejects.toMatchObject({ code: "too_many_asks", retryable: true });
    expect(await ask("question 3")).toHaveProperty("id");
  });

  test("when too many calls of its asker wait; nothing of it is stored", async () => {
    const calls = Array.from({ length: LIMITS.waitersPerPeerMax }, (_, n) =>
      mesh.call(frontend, "ask", { peer: "backend", question: `question ${n}` }),
    );
    await mesh.quiet();
    const more = mesh.call(frontend, "ask", { peer: "backend", question: "one more" });
    await expect(more).rejects.toMatchObject({ code: "too_many_waits" });
    expect(mesh.read(({ tx }) => tx.asks.openFrom(frontend))).toHaveLength(calls.length);
    expect(await ask("one more")).toHaveProperty("id");
    await mesh.advance(LIMITS.waitMsDefault);
    expect(await Promise.all(calls)).toHaveLength(calls.length);
  });

  test("when it would be one hop too many in a chain of messages that cause messages", async () => {
    const chain = [frontend];
    for (let n = 1; n <= LIMITS.hopsMax + 2; n++) {
      const next = await mesh.join(`p${n}`);
      await mesh.openPush(next);
      chain.push(next);
    }
    const pass = async (n: number) => {
      const asked = await mesh.call(chain[n] ?? "", "ask", {
        peer: `p${n + 1}`,
        question: `hop ${n}`,
        wait_seconds: 0,
      });
      await mesh.present(chain[n + 1] ?? "");
      return asked.message;
    };
    const first = await pass(0);
    for (let n = 1; n <= LIMITS.hopsMax; n++) {
      const message = await pass(n);
      expect(mesh.read(({ tx }) => tx.messages.get(message))).toMatchObject({ hops: n, thread: first });
    }
    await expect(pass(LIMITS.hopsMax + 1)).rejects.toMatchObject({ code: "thread_paused" });
  });

  test("when the recipient takes no messages, with the reason", async () => {
    await mesh.decide((ctx) => ctx.tx.peers.put({ ...mesh.peer(backend), inbound_policy: "refuse" }));
    await expect(ask()).rejects.toMatchObject({
      code: "refused_by_peer",
      message: "backend takes no messages: its user decided so; fix: repowire peer inbound backend accept.",
    });
  });
});
