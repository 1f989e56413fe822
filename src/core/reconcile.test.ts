import { describe, expect, test } from "bun:test";
import { withDelivery } from "../../test/support/one-delivery.ts";
import { messageId, peerId } from "../../test/support/records.ts";
import { LIMITS, type MeshEvent } from "../protocol/index.ts";
import { type Claim, createCandidates, type Evidence, judgeEvidence, recordMismatch } from "./reconcile.ts";

const claim = (change: Partial<Claim>): Claim => ({
  message: messageId(1),
  peer: peerId(2),
  handle: "k7q2x",
  state: "seen",
  attempt: 1,
  conversation: "c",
  ...change,
});
const SHOWN: Evidence = { verdict: "shown", hasOutput: true };
const NOT_SHOWN: Evidence = { verdict: "not_shown" };
const UNKNOWN: Evidence = { verdict: "unknown", reason: "its record is gone" };

// @req truth.only-certain
test("only a seen message that is not there and a handed over one that was read are mismatches", () => {
  expect(judgeEvidence(claim({}), NOT_SHOWN)).toBe("claimed");
  expect(judgeEvidence(claim({ state: "presented" }), SHOWN)).toBe("hidden");

  expect(judgeEvidence(claim({}), SHOWN)).toBeUndefined();
  expect(judgeEvidence(claim({}), UNKNOWN)).toBeUndefined();
  expect(judgeEvidence(claim({ state: "presented" }), NOT_SHOWN)).toBeUndefined();
  expect(judgeEvidence(claim({ state: "presented" }), UNKNOWN)).toBeUndefined();
  expect(judgeEvidence(claim({ state: "presented" }), { verdict: "shown", hasOutput: false })).toBeUndefined();
  expect(judgeEvidence(claim({ state: "presented", attempt: 2 }), SHOWN)).toBeUndefined();
  expect(judgeEvidence(claim({ state: "queued" }), SHOWN)).toBeUndefined();
});

const event = (type: MeshEvent["type"], at: number, n = 1): MeshEvent => ({
  seq: n,
  at,
  type,
  peer: peerId(2),
  message: type === "peer.conversation" ? undefined : messageId(n),
  data: {},
});
const grace = LIMITS.reconcileGraceMs;

describe("which deliveries are looked at", () => {
  test("after a grace period, each time later, and a few times at most", () => {
    const candidates = createCandidates();
    candidates.note(event("delivery.queued", 0));
    expect(candidates.size).toBe(0);
    candidates.note(event("delivery.presented", 0));
    expect(candidates.due(grace - 1)).toEqual([]);
    let now = grace;
    const gaps: number[] = [];
    for (let [next] = candidates.due(now); next; [next] = candidates.due(now)) {
      candidates.looked(next, undefined, now);
      if (candidates.size === 0) break;
      gaps.push(next.dueAt - now);
      now = next.dueAt;
    }
    expect(gaps).toEqual([1, 4, 16, 64, 256].map((times) => times * LIMITS.reconcileMs));
  });

  // @req truth.only-certain
  test("a claim without evidence counts when a second look in a row finds none; a hidden receipt at once", () => {
    const candidates = createCandidates();
    candidates.note(event("delivery.seen", 0));
    const look = (now: number, kind: "claimed" | undefined) => {
      const [next] = candidates.due(now);
      if (!next) throw new Error("nothing is due");
      return candidates.looked(next, kind, now);
    };
    expect(look(grace, "claimed")).toBeUndefined();
    expect(look(grace * 10, undefined)).toBeUndefined();
    expect(look(grace * 100, "claimed")).toBeUndefined();
    expect(look(grace * 1_000, "claimed")).toBe("claimed");
    expect(candidates.size).toBe(0);

    candidates.note(event("delivery.presented", 0, 2));
    const [hidden] = candidates.due(grace);
    expect(hidden && candidates.looked(hidden, "hidden", grace)).toBe("hidden");
  });

  test("one that moves meanwhile begins anew, and a change of the conversation ends them all", () => {
    const candidates = createCandidates();
    candidates.note(event("delivery.presented", 0));
    const [before] = candidates.due(grace);
    candidates.note(event("delivery.seen", grace));
    expect(before && candidates.looked(before, "hidden", grace)).toBeUndefined();
    expect(candidates.size).toBe(1);
    candidates.note(event("peer.conversation", grace));
    expect(candidates.size).toBe(0);
  });

  test("a batch at a time, and no more than the limit are kept", () => {
    const candidates = createCandidates();
    for (let n = 1; n <= LIMITS.reconcileKeptMax + 3; n += 1) candidates.note(event("delivery.seen", n, n));
    expect(candidates.size).toBe(LIMITS.reconcileKeptMax);
    const due = candidates.due(grace * 10);
    expect(due).toHaveLength(LIMITS.reconcileBatch);
    expect(due[0]?.message).toBe(messageId(4));
  });
});

describe("marking", () => {
  // @req truth.mismatch-told
  test("is one event of the message, once for each kind; a hidden receipt is made up for", async () => {
    const { mesh, message, stored } = await withDelivery({ state: "presented", attempt: 1 });
    const looked = stored();
    expect(await mesh.decide((ctx) => recordMismatch(ctx, looked, "hidden"))).toBe(true);
    expect(stored()).toMatchObject({ state: "seen", seen_by: "reconciled" });
    expect(mesh.history(message)).toEqual(["truth.mismatch", "delivery.seen"]);
    const seen = stored();
    expect(await mesh.decide((ctx) => recordMismatch(ctx, seen, "claimed"))).toBe(true);
    expect(await mesh.decide((ctx) => recordMismatch(ctx, seen, "claimed"))).toBe(false);
    expect(mesh.read((ctx) => ctx.tx.shelves.mismatch.all().map(({ kind }) => kind))).toEqual(["hidden", "claimed"]);
  });

  test("is void when the delivery moved after its evidence was read", async () => {
    const { mesh, message, stored } = await withDelivery({ state: "presented", attempt: 1 });
    const stale = { ...stored(), attempt: 0 };
    expect(await mesh.decide((ctx) => recordMismatch(ctx, stale, "hidden"))).toBe(false);
    expect(mesh.history(message)).toEqual([]);
  });
});
