import { describe, expect, test } from "bun:test";
import { createMesh } from "../../test/support/mesh-harness.ts";
import { withDelivery } from "../../test/support/one-delivery.ts";
import { LIMITS } from "../protocol/index.ts";
import { requeue } from "./retry.ts";

describe("back into the queue", () => {
  // @req repeats.keep-handle
  test("a repeat keeps its handle and its place, and forgets what is not true any more", async () => {
    const { decide, stored } = await withDelivery({
      state: "presented",
      attempt: 1,
      rung: "push",
      entered_at: 5,
      presented_at: 4,
      presented_awake: 4,
    });
    const before = stored();
    await decide((ctx, delivery) => requeue(ctx, delivery, "provably dead"));
    const { handle, seq, attempt } = before;
    expect(stored()).toMatchObject({ state: "queued", handle, seq, attempt, reason: "provably dead" });
    for (const gone of ["rung", "entered_at", "presented_at", "presented_awake"] as const)
      expect(stored()[gone]).toBeUndefined();
  });

  test("after the last attempt it is declared dead, with the last reason", async () => {
    const { decide, stored } = await withDelivery({ state: "leased", attempt: LIMITS.attemptsMax });
    await decide((ctx, delivery) => requeue(ctx, delivery, "no route"));
    expect(stored()).toMatchObject({
      state: "dead",
      reason: `${LIMITS.attemptsMax} attempts failed; the last: no route`,
    });
  });

  test("one attempt before that it still goes back", async () => {
    const { decide, stored } = await withDelivery({ state: "leased", attempt: LIMITS.attemptsMax - 1 });
    await decide((ctx, delivery) => requeue(ctx, delivery, "no route"));
    expect(stored().state).toBe("queued");
  });

  test("what has run out of time meanwhile is not handed over again", async () => {
    const { mesh, decide, stored } = await withDelivery({ state: "leased", attempt: 1, expires_awake_ms: 2_000 });
    mesh.clock.advance(2_000);
    await decide((ctx, delivery) => requeue(ctx, delivery, "no route"));
    expect(stored().state).toBe("expired");
  });
});

describe("a question that goes back", () => {
  /** A question that was handed over `attempts` times so far; the last hand-over is in flight. */
  async function handedOver(attempts: number) {
    const mesh = createMesh();
    const [frontend, backend] = [await mesh.join("frontend"), await mesh.join("backend")];
    await mesh.openPush(frontend);
    await mesh.openPush(backend);
    const asked = mesh.call(frontend, "ask", { peer: "backend", question: "which version?" });
    await mesh.quiet();
    const [question] = mesh.delivered(backend);
    const message = question?.message ?? "";
    await mesh.decide((ctx) => ctx.tx.deliveries.put({ ...mesh.delivery(message, backend), attempt: attempts }));
    const requeued = () => mesh.decide((ctx) => requeue(ctx, mesh.delivery(message, backend), "the pipe broke"));
    return { mesh, frontend, backend, message, asked, requeued, handle: question?.handle ?? "" };
  }

  test("goes out again with the same handle and the next attempt", async () => {
    const { mesh, backend, handle, requeued } = await handedOver(1);
    await requeued();
    expect(mesh.delivered(backend)).toMatchObject([{ handle, attempt: 2 }]);
  });

  // @req limits.attempts
  test("and failed for the last time fails its ask: the waiting asker hears that it never arrived", async () => {
    const { mesh, message, backend, asked, requeued } = await handedOver(LIMITS.attemptsMax);
    await requeued();
    expect(mesh.delivery(message, backend).state).toBe("dead");
    expect(await asked).toMatchObject({
      state: "failed",
      reason: "no_answer",
      detail: `The question could not be brought to backend: ${LIMITS.attemptsMax} attempts failed; the last: the pipe broke.`,
    });
  });

  test("and failed for the last time no longer stands before the next question", async () => {
    const { mesh, frontend, backend, requeued } = await handedOver(LIMITS.attemptsMax);
    await mesh.call(frontend, "ask", { peer: "backend", question: "and the next?", wait_seconds: 0 });
    expect(mesh.delivered(backend)).toEqual([]);
    await requeued();
    expect(mesh.delivered(backend)).toMatchObject([{ body: "and the next?" }]);
  });

  test("but is answered already is not handed over again", async () => {
    const { mesh, message, backend, handle, requeued } = await handedOver(1);
    // A subagent's reply answers, but is no receipt of the main conversation: the hand-over stays open.
    const subagent = mesh.caller(backend, { mayBeSubagent: true });
    await mesh.operations.call("reply", { id: handle, text: "v2" }, subagent);
    expect(mesh.delivery(message, backend).state).toBe("leased");
    await requeued();
    expect(mesh.delivery(message, backend)).toMatchObject({ state: "cancelled", reason: "the question is answered" });
    expect(mesh.delivered(backend)).toEqual([]);
  });
});
