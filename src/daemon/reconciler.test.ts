import { expect, test } from "bun:test";
import { withDelivery } from "../../test/support/one-delivery.ts";
import type { Claim, Evidence } from "../core/index.ts";
import { LIMITS } from "../protocol/index.ts";
import { createEventHub } from "./hub.ts";
import { startReconciler } from "./reconciler.ts";

const NOT_SHOWN: Evidence = { verdict: "not_shown" };

async function withReconciler(evidenceOf: (claims: readonly Claim[]) => Promise<Evidence[]> | undefined) {
  const { mesh, peer, message } = await withDelivery({ state: "seen", attempt: 1 });
  const hub = createEventHub();
  const { engine, clock } = mesh;
  const reconciler = startReconciler({ engine, hub, clock, evidenceOf: (_, claims) => evidenceOf(claims) });
  const at = clock.now().wall;
  hub.publish({ seq: 1, at, type: "delivery.seen", peer, message, data: {} });
  const lookAfter = async (ms: number) => {
    await mesh.advance(ms);
    await reconciler.look();
    return reconciler.count();
  };
  return { mesh, hub, message, reconciler, lookAfter };
}

// @req truth.mismatch-told
test("what two looks in a row do not find is marked, and the check names the next step", async () => {
  const asked: number[] = [];
  const { mesh, message, reconciler, lookAfter } = await withReconciler(async (claims) => {
    asked.push(claims.length);
    return claims.map(() => NOT_SHOWN);
  });
  expect(await lookAfter(LIMITS.reconcileGraceMs - 1)).toBe(0);
  expect(asked).toEqual([]);
  expect(await lookAfter(1)).toBe(0);
  expect(reconciler.check()).toEqual({ ok: true });
  expect(await lookAfter(LIMITS.reconcileMs)).toBe(1);
  expect(asked).toEqual([1, 1]);
  expect(mesh.history(message)).toEqual(["truth.mismatch"]);
  expect(await reconciler.check()).toMatchObject({
    ok: true,
    detail: expect.stringContaining("Next: repowire trace "),
  });
  await reconciler.stop();
});

// @req truth.only-certain
test.each([
  ["a runtime without a record", () => undefined],
  ["a record that cannot be read", () => Promise.reject(new Error("no such file"))],
  ["an answer that is too short", () => Promise.resolve([])],
])("%s proves nothing", async (_, evidenceOf) => {
  const { mesh, message, reconciler, lookAfter } = await withReconciler(evidenceOf);
  for (let look = 0; look < LIMITS.reconcileLooksMax; look += 1)
    expect(await lookAfter(LIMITS.reconcileMs * 4 ** look + LIMITS.reconcileGraceMs)).toBe(0);
  expect(mesh.history(message)).toEqual([]);
  await reconciler.stop();
});

test("after its stop it listens no more and looks at nothing", async () => {
  const { hub, reconciler, lookAfter } = await withReconciler(async (claims) => claims.map(() => NOT_SHOWN));
  await reconciler.stop();
  expect(hub.size).toBe(0);
  for (const ms of [LIMITS.reconcileGraceMs, LIMITS.reconcileMs]) expect(await lookAfter(ms)).toBe(0);
});
