import { beforeEach, describe, expect, test } from "bun:test";
import { countedUuid } from "../../test/support/counted-ids.ts";
import { createMesh, type MeshHarness } from "../../test/support/mesh-harness.ts";
import type { AskOutcome, OperationInput, PeerId } from "../protocol/index.ts";
import { endTurn, noteTurnInput } from "./turns.ts";

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

/** Asks backend, and returns the call that waits. */
async function ask(
  question = "which version?",
  input: Partial<OperationInput<"ask">> = {},
): Promise<{ outcome: Promise<AskOutcome> }> {
  const outcome = mesh.call(frontend, "ask", { peer: "backend", question, ...input });
  await mesh.quiet();
  // In an object, since an async function would wait for a bare promise.
  return { outcome };
}

const reply = (id: string, text: string, outcome?: "answer" | "decline" | "progress") =>
  mesh.call(backend, "reply", { id, text, outcome });

/** What backend was handed, reported as presented. */
async function presentedHandle(): Promise<string> {
  const [item] = await mesh.present(backend);
  return item?.handle ?? "";
}

const answerTo = (message: string) => mesh.ask(message).answer ?? "";
const messagesStored = () =>
  mesh.read(({ tx }) => tx.events.after(0, 1_000)).filter((e) => e.type === "message.accepted");

describe("an answer", () => {
  test("to a waiting call is its result, with how it came, how long it took and what was read", async () => {
    const { outcome } = await ask();
    const id = await presentedHandle();
    mesh.clock.advance(14_000);
    const checkout = { commit: "a1b2c3d", dirty: 2 };
    expect(await mesh.call(backend, "reply", { id, text: "v2", checkout })).toEqual({
      id,
      peer: "frontend",
      outcome: "answer",
      repeated: false,
      awaited: true,
      asker: mesh.peer(frontend).presence,
    });
    expect(await outcome).toMatchObject({
      state: "answered",
      id,
      peer: "backend",
      by: "reply",
      text: "v2",
      text_bytes: 2,
      shown_bytes: 2,
      checkout,
      elapsed_ms: 14_000,
    });
  });

  test("that travels as a result is pushed to nobody, and counts as presented only once it was written", async () => {
    const { outcome } = await ask();
    await reply(await presentedHandle(), "v2");
    const { message } = await outcome;
    expect(mesh.delivered(frontend)).toEqual([]);
    expect(mesh.delivery(answerTo(message), frontend)).toMatchObject({ state: "leased", rung: "result", attempt: 1 });
  });

  test("in a result that was never written comes again as a message", async () => {
    const { outcome } = await ask();
    await reply(await presentedHandle(), "v2");
    await outcome;
    await mesh.advance(29_000);
    expect(mesh.delivered(frontend)).toEqual([]);
    await mesh.advance(1_000);
    expect(mesh.delivered(frontend)).toMatchObject([{ kind: "answer", body: "v2", attempt: 2 }]);
  });

  // @req asks.live-without-wait
  test("after the call went on arrives by itself as a message that says what it answers", async () => {
    const { outcome } = await ask("which\nversion?", { wait_seconds: 30 });
    const id = await presentedHandle();
    await mesh.advance(30_000);
    expect(await outcome).toMatchObject({ state: "pending", id, recipient: { delivery: "presented" } });

    mesh.clock.advance(600_000);
    expect(await reply(id, "v2")).toMatchObject({ awaited: false });
    expect(mesh.delivered(frontend)).toMatchObject([
      {
        kind: "answer",
        body: "v2",
        from: { name: "backend", role: "agent" },
        urgency: "normal",
        answer_to: { handle: id, question: "which version?", by: "reply", outcome: "answer", elapsed_ms: 630_000 },
      },
    ]);
  });

  test("is let through to an asker on hold, since it was asked for", async () => {
    await ask("which version?", { wait_seconds: 0 });
    const id = await presentedHandle();
    await mesh.decide((ctx) => ctx.tx.peers.put({ ...mesh.peer(frontend), inbound_policy: "hold" }));
    await reply(id, "v2");
    expect(mesh.delivered(frontend)).toMatchObject([{ kind: "answer" }]);
  });
});

describe("a call that does not wait", () => {
  test("returns the truth after the first hand-over", async () => {
    const { outcome } = await ask("which version?", { wait_seconds: 0 });
    expect(await outcome).toMatchObject({
      state: "pending",
      recipient: { delivery: "leased", entered: false, ahead: 0, presence: { state: "online" } },
    });
    expect(mesh.waits.size).toBe(0);
  });
});

describe("the same question again", () => {
  // @req repeats.requests
  test("while it is open joins the first: nothing is asked twice, both calls get the answer", async () => {
    const first = await ask();
    const id = await presentedHandle();
    const second = await ask();
    expect(mesh.delivered(backend)).toEqual([]);
    await reply(id, "v2");
    expect(await first.outcome).toMatchObject({ state: "answered", id, text: "v2" });
    expect(await second.outcome).toEqual(await first.outcome);
    expect(mesh.waits.size).toBe(0);
  });

  test("of another asker, or to another peer, is another question", async () => {
    const infra = await mesh.join("infra");
    await ask();
    await mesh.call(infra, "ask", { peer: "backend", question: "which version?", wait_seconds: 0 });
    await mesh.call(frontend, "ask", { peer: "infra", question: "which version?", wait_seconds: 0 });
    expect(messagesStored()).toHaveLength(3);
  });

  test("after the first was answered is asked anew", async () => {
    const { outcome } = await ask();
    const id = await presentedHandle();
    await reply(id, "v2");
    await outcome;
    await ask();
    const [again] = mesh.delivered(backend);
    expect(again?.kind).toBe("ask");
    expect(again?.handle).not.toBe(id);
  });

  test("with the same message id gets the answer that there is, and nothing is stored", async () => {
    const message = `msg_${countedUuid(77)}`;
    await ask("which version?", { message, wait_seconds: 0 });
    await reply(await presentedHandle(), "v2");
    const stored = messagesStored().length;
    const { outcome } = await ask("which version?", { message });
    expect(await outcome).toMatchObject({ state: "answered", text: "v2", message });
    expect(messagesStored()).toHaveLength(stored);
  });

  test("with the same message id takes over the answer that waits in the mailbox, so that it comes once", async () => {
    const message = `msg_${countedUuid(77)}`;
    await ask("which version?", { message, wait_seconds: 0 });
    const id = await presentedHandle();
    await mesh.activity(frontend, "busy");
    await reply(id, "v2");
    await (await ask("which version?", { message })).outcome;
    await mesh.activity(frontend, "idle");
    expect(mesh.delivered(frontend)).toEqual([]);
    expect(mesh.delivery(answerTo(message), frontend)).toMatchObject({ state: "leased", rung: "result" });
  });
});

describe("a message id that is in use is refused", () => {
  const message = `msg_${countedUuid(77)}`;

  test("for another asker", async () => {
    await ask("which version?", { message, wait_seconds: 0 });
    const infra = await mesh.join("infra");
    const foreign = mesh.call(infra, "ask", { peer: "backend", question: "which version?", message });
    await expect(foreign).rejects.toMatchObject({ code: "id_taken" });
  });

  test("for another recipient", async () => {
    await ask("which version?", { message, wait_seconds: 0 });
    await mesh.join("infra");
    const other = mesh.call(frontend, "ask", { peer: "infra", question: "which version?", message });
    await expect(other).rejects.toMatchObject({ code: "id_taken" });
  });

  test("when it names something that is no question", async () => {
    await mesh.call(backend, "notify", { peer: "frontend", text: "hello", message, urgency: "fyi" });
    const asked = mesh.call(backend, "ask", { peer: "frontend", question: "hello", message });
    await expect(asked).rejects.toMatchObject({ code: "id_taken" });
  });

  test("for an answer", async () => {
    await mesh.call(backend, "notify", { peer: "frontend", text: "hello", message, urgency: "fyi" });
    await ask("which version?", { wait_seconds: 0 });
    const replied = mesh.call(backend, "reply", { id: await presentedHandle(), text: "v2", message });
    await expect(replied).rejects.toMatchObject({ code: "id_taken" });
  });
});

describe("a second reply", () => {
  // @req tools.reply-repeat
  test("with the same text is harmless and says that it was known", async () => {
    const { outcome } = await ask();
    const id = await presentedHandle();
    await reply(id, "v2");
    await outcome;
    const stored = messagesStored().length;
    expect(await reply(id, "v2")).toMatchObject({ repeated: true, awaited: false });
    expect(messagesStored()).toHaveLength(stored);
  });

  // @req tools.reply-repeat
  test("with another text is refused, and the first is shown", async () => {
    await ask("which version?", { wait_seconds: 0 });
    const id = await presentedHandle();
    await reply(id, "v2");
    const refused = reply(id, "v3");
    await expect(refused).rejects.toMatchObject({
      code: "already_answered",
      message: `${id} already has its answer, which frontend got: "v2". To correct it, use notify_peer("frontend", …).`,
    });
  });

  test("after a decline is refused too", async () => {
    await ask("which version?", { wait_seconds: 0 });
    const id = await presentedHandle();
    await reply(id, "not mine", "decline");
    await expect(reply(id, "v2")).rejects.toMatchObject({
      code: "already_answered",
      message: expect.stringContaining('"not mine"'),
    });
  });

  // @req captured.provisional
  test("takes the place of a captured answer, once", async () => {
    const { outcome } = await ask();
    const id = await presentedHandle();
    const { message } = mesh.read(({ tx }) => tx.deliveries.byHandle(id)) ?? { message: "" };
    await mesh.decide((ctx) => noteTurnInput(ctx, backend, { type: "delivery", message }, "hook"));
    const end = { outcome: "done", text: "looking into v2", wasContinued: false, canRemind: true } as const;
    await mesh.decide((ctx) => endTurn(ctx, backend, end));
    expect(await outcome).toMatchObject({ state: "answered", by: "captured", text: "looking into v2" });

    expect(await reply(id, "v2")).toMatchObject({ repeated: false });
    expect(mesh.ask(message)).toMatchObject({ state: "answered", by: "reply" });
    expect(mesh.delivered(frontend)).toMatchObject([{ body: "v2", answer_to: { by: "reply" } }]);
    await expect(reply(id, "v3")).rejects.toMatchObject({ code: "already_answered" });
  });

  test("replaces a captured answer that nobody has read yet, so that only the reply is read", async () => {
    await mesh.activity(frontend, "busy");
    const { outcome } = await ask("which version?", { wait_seconds: 0 });
    const { message } = await outcome;
    const id = await presentedHandle();
    await mesh.decide((ctx) => noteTurnInput(ctx, backend, { type: "delivery", message }, "hook"));
    const end = { outcome: "done", text: "looking", wasContinued: false, canRemind: true } as const;
    await mesh.decide((ctx) => endTurn(ctx, backend, end));
    const captured = answerTo(message);
    await reply(id, "v2");
    expect(mesh.delivery(captured, frontend)).toMatchObject({
      state: "cancelled",
      reason: "superseded by a later answer",
    });
    await mesh.activity(frontend, "idle");
    expect(mesh.delivered(frontend)).toMatchObject([{ body: "v2" }]);
  });
});

describe("a decline", () => {
  // @req tools.decline
  test("is an outcome of its own, with its reason", async () => {
    const { outcome } = await ask();
    const id = await presentedHandle();
    await reply(id, "not my code: ask infra", "decline");
    expect(await outcome).toMatchObject({ state: "declined", id, text: "not my code: ask infra" });
  });

  test("that comes late is a message that says so", async () => {
    await ask("which version?", { wait_seconds: 0 });
    await reply(await presentedHandle(), "no", "decline");
    expect(mesh.delivered(frontend)).toMatchObject([{ kind: "answer", body: "no", answer_to: { outcome: "decline" } }]);
  });
});

describe("progress", () => {
  // @req tools.decline
  test("reaches the waiting call at once, starts no turn and leaves the question open", async () => {
    const lines: string[] = [];
    const outcome = mesh.operations.call(
      "ask",
      { peer: "backend", question: "which version?", wait_seconds: 60 },
      mesh.caller(frontend),
      { onProgress: (line) => lines.push(line) },
    );
    await mesh.quiet();
    const id = await presentedHandle();
    expect(await reply(id, "reading the router", "progress")).toMatchObject({ outcome: "progress", awaited: true });
    expect(lines).toEqual(["reading the router"]);
    expect(mesh.delivered(frontend)).toEqual([]);
    await mesh.advance(60_000);
    expect(await outcome).toMatchObject({ state: "pending", progress: "reading the router" });
  });

  test("on a closed question is refused", async () => {
    await ask("which version?", { wait_seconds: 0 });
    const id = await presentedHandle();
    await reply(id, "v2");
    await expect(reply(id, "more", "progress")).rejects.toMatchObject({ code: "already_answered" });
  });

  test("longer than one line may be is refused, not cut", async () => {
    await ask("which version?", { wait_seconds: 0 });
    const id = await presentedHandle();
    await expect(reply(id, "x".repeat(501), "progress")).rejects.toMatchObject({ code: "body_too_large" });
    expect(await reply(id, "x".repeat(500), "progress")).toMatchObject({ outcome: "progress" });
  });
});

describe("a failed question", () => {
  async function interrupted() {
    const { outcome } = await ask("which version?", { wait_seconds: 0 });
    const { message } = await outcome;
    const id = await presentedHandle();
    await mesh.decide((ctx) => noteTurnInput(ctx, backend, { type: "delivery", message }, "hook"));
    const end = { outcome: "interrupted", wasContinued: false, canRemind: true } as const;
    await mesh.decide((ctx) => endTurn(ctx, backend, end));
    return { id, message };
  }

  test("is told to its asker as a message, and a late reply still arrives", async () => {
    const { id, message } = await interrupted();
    expect(await mesh.present(frontend)).toMatchObject([
      {
        kind: "answer",
        answer_to: { outcome: "failed" },
        body: expect.stringContaining("was interrupted by its user"),
      },
    ]);
    await reply(id, "v2");
    expect(mesh.ask(message)).toMatchObject({ state: "answered", by: "reply" });
    expect(mesh.delivered(frontend)).toMatchObject([{ body: "v2", answer_to: { outcome: "answer" } }]);
  });

  test("whose failure nobody has read yet is told only with its late answer", async () => {
    await mesh.activity(frontend, "busy");
    const { id, message } = await interrupted();
    const notice = answerTo(message);
    await reply(id, "v2");
    expect(mesh.delivery(notice, frontend).state).toBe("cancelled");
    await mesh.activity(frontend, "idle");
    expect(mesh.delivered(frontend)).toMatchObject([{ body: "v2" }]);
  });
});
