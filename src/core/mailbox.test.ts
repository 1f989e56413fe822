import { describe, expect, test } from "bun:test";
import { createMesh } from "../../test/support/mesh-harness.ts";
import { withDelivery } from "../../test/support/one-delivery.ts";
import {
  APPROVAL_MOVES,
  ApprovalState,
  ASK_MOVES,
  AskState,
  DELIVERY_MOVES,
  DeliveryState,
  mayMove,
  OPEN_DELIVERY_STATES,
} from "../protocol/index.ts";
import { acceptMessage, closeDelivery, enter, move, see } from "./mailbox.ts";

const STATES = DeliveryState.options;

describe("moves of a delivery", () => {
  const pairs = STATES.flatMap((from) => STATES.map((to) => [from, to] as const));
  const legal = pairs.filter(([from, to]) => mayMove(DELIVERY_MOVES, from, to));
  const illegal = pairs.filter(([from, to]) => !mayMove(DELIVERY_MOVES, from, to));

  test.each(legal)("%s → %s happens, is stored and is an event", async (from, to) => {
    const { mesh, decide, stored, message } = await withDelivery({ state: from });
    const returned = await decide((ctx, delivery) => move(ctx, delivery, to, { reason: "why" }));
    expect(stored()).toEqual(returned);
    expect(stored()).toMatchObject({ state: to, reason: "why" });
    expect(mesh.history(message)).toEqual([`delivery.${to}`]);
  });

  test.each(illegal)("%s → %s changes nothing and is no event", async (from, to) => {
    const { mesh, decide, stored, message } = await withDelivery({ state: from });
    const before = stored();
    await decide((ctx, delivery) => move(ctx, delivery, to, { reason: "why", attempt: 5 }));
    expect(stored()).toEqual(before);
    expect(mesh.history(message)).toEqual([]);
  });

  test("what is over stays over", () => {
    for (const end of ["refused", "expired", "dead", "cancelled"] as const) expect(DELIVERY_MOVES[end]).toEqual({});
  });

  test("seen is reached only from where the recipient's side has or had it", () => {
    const before = STATES.filter((from) => mayMove(DELIVERY_MOVES, from, "seen"));
    expect(before).toEqual(["queued", "leased", "presented", "held"]);
  });

  test("a late receipt counts for what was queued again, never for what was not handed over yet", async () => {
    const given = await withDelivery({ state: "queued", attempt: 1 });
    await given.decide((ctx, delivery) => see(ctx, delivery, "transcript"));
    expect(given.stored().state).toBe("seen");
    const fresh = await withDelivery({ state: "queued", attempt: 0 });
    await fresh.decide((ctx, delivery) => see(ctx, delivery, "transcript"));
    await fresh.decide((ctx, delivery) => enter(ctx, delivery, "transcript"));
    expect(fresh.stored()).toMatchObject({ state: "queued" });
  });

  test("every open state can end, and no open state is an end", () => {
    for (const open of OPEN_DELIVERY_STATES)
      expect(mayMove(DELIVERY_MOVES, open, "cancelled"), `${open} can be withdrawn`).toBeTrue();
  });

  test("a new state forgets the reason of the last one and the hand-over that it ended", async () => {
    const { decide, stored } = await withDelivery({
      state: "leased",
      reason: "old",
      lease_until: 5,
      lease_route: "push-1",
    });
    await decide((ctx, delivery) => move(ctx, delivery, "presented"));
    expect(stored().reason).toBeUndefined();
    expect(stored().lease_until).toBeUndefined();
    expect(stored().lease_route).toBeUndefined();
  });
});

describe("moves of an ask and of an approval", () => {
  const legalMoves = (states: readonly string[], moves: Record<string, Record<string, unknown>>) =>
    states.flatMap((from) => states.filter((to) => moves[from]?.[to] !== undefined).map((to) => `${from} → ${to}`));

  test("a question closes once; only a captured answer or a failure gives way to a reply", () => {
    expect(legalMoves(AskState.options, ASK_MOVES)).toEqual([
      "open → answered",
      "open → declined",
      "open → failed",
      "open → cancelled",
      "open → expired",
      "answered → answered",
      "answered → declined",
      "failed → answered",
      "failed → declined",
    ]);
  });

  test("a permission request is decided once, and nothing leads to allowed but a person", () => {
    expect(legalMoves(ApprovalState.options, APPROVAL_MOVES)).toEqual([
      "pending → allowed",
      "pending → denied",
      "pending → withdrawn",
      "pending → expired",
    ]);
  });
});

describe("receipts", () => {
  test("entering proves the rung and how fast it was, but not that the model read it", async () => {
    const { mesh, peer, decide, stored } = await withDelivery({
      state: "presented",
      rung: "channel",
      presented_awake: 1_000,
    });
    mesh.clock.advance(250);
    await decide((ctx, delivery) => enter(ctx, delivery, "prompt hook"));
    expect(stored()).toMatchObject({ state: "presented", entered_at: mesh.clock.now().wall });
    expect(stored().seen_at).toBeUndefined();
    expect(mesh.peer(peer).proofs.channel).toEqual({
      by: "prompt hook",
      at: mesh.clock.now().wall,
      latency_ms: 250,
    });
  });

  test("a receipt before the transport's own report stands for it", async () => {
    const { mesh, decide, message, stored } = await withDelivery({ state: "leased", rung: "channel" });
    await decide((ctx, delivery) => enter(ctx, delivery, "prompt hook"));
    expect(stored().state).toBe("presented");
    expect(mesh.history(message)).toEqual(["delivery.presented", "delivery.entered"]);
  });

  test("for what the recipient's runtime held shows that its user released it there", async () => {
    const { mesh, decide, message, stored } = await withDelivery({
      state: "held",
      reason: "in its dialog",
      rung: "push",
    });
    await decide((ctx, delivery) => enter(ctx, delivery, "prompt hook"));
    expect(stored()).toMatchObject({ state: "presented", rung: "push", entered_at: mesh.clock.now().wall });
    expect(stored().reason).toBeUndefined();
    expect(mesh.history(message)).toEqual(["delivery.presented", "delivery.entered"]);
  });

  test("the same receipt twice is one", async () => {
    const { mesh, decide, message } = await withDelivery({ state: "presented" });
    for (let n = 0; n < 2; n++) await decide((ctx, delivery) => enter(ctx, delivery, "hook"));
    for (let n = 0; n < 2; n++) await decide((ctx, delivery) => see(ctx, delivery, "transcript"));
    await decide((ctx, delivery) => enter(ctx, delivery, "hook"));
    expect(mesh.history(message)).toEqual(["delivery.entered", "delivery.seen"]);
  });

  test.each(["queued", "refused", "expired", "dead", "cancelled"] as const)(
    "a receipt for a delivery that is %s changes nothing",
    async (state) => {
      const { decide, stored } = await withDelivery({ state });
      const before = stored();
      await decide((ctx, delivery) => enter(ctx, delivery, "hook"));
      await decide((ctx, delivery) => see(ctx, delivery, "transcript"));
      expect(stored()).toEqual(before);
    },
  );

  test("seen says when and by which receipt", async () => {
    const { mesh, decide, stored } = await withDelivery({ state: "presented" });
    mesh.clock.advance(40);
    await decide((ctx, delivery) => see(ctx, delivery, "transcript"));
    expect(stored()).toMatchObject({ state: "seen", seen_by: "transcript", seen_at: mesh.clock.now().wall });
  });
});

describe("closing", () => {
  test.each(["queued", "presented", "held"] as const)("mail that is %s is withdrawn without a word", async (state) => {
    const { mesh, decide, stored } = await withDelivery({ state });
    await decide((ctx, delivery) => closeDelivery(ctx, delivery, "cancelled", "withdrawn"));
    expect(stored()).toMatchObject({ state: "cancelled", reason: "withdrawn" });
    expect(mesh.effects.filter((effect) => effect.type === "cancel")).toEqual([]);
  });

  test("the transport that holds it is told to drop it", async () => {
    const { mesh, decide, peer, message } = await withDelivery({ state: "leased", lease_route: "push-1" });
    await decide((ctx, delivery) => closeDelivery(ctx, delivery, "cancelled", "withdrawn"));
    expect(mesh.effects).toContainEqual({ type: "cancel", route: "push-1", peer, message });
  });

  test("a hand-over in flight does not expire: only its report can tell what became of it", async () => {
    const { decide, stored } = await withDelivery({ state: "leased", lease_route: "push-1" });
    await decide((ctx, delivery) => closeDelivery(ctx, delivery, "expired", "its time ran out"));
    expect(stored().state).toBe("leased");
  });

  test.each(["seen", "refused", "expired", "dead", "cancelled"] as const)(
    "what is %s is not closed again",
    async (state) => {
      const { mesh, decide, message } = await withDelivery({ state });
      await decide((ctx, delivery) => closeDelivery(ctx, delivery, "cancelled", "withdrawn"));
      expect(mesh.history(message)).toEqual([]);
    },
  );
});

test("a message id that is in use is refused, and the message behind it stays as it was", async () => {
  const { mesh, message, peer } = await withDelivery({});
  const before = mesh.read(({ tx }) => tx.messages.get(message));
  const again = mesh.decide((ctx) =>
    acceptMessage(ctx, {
      id: message,
      kind: "notify",
      from: mesh.peer(peer),
      to: [mesh.peer(peer)],
      body: "another",
      urgency: "normal",
      hops: 0,
      expiryMs: 1_000,
    }),
  );
  await expect(again).rejects.toMatchObject({ code: "id_taken" });
  expect(mesh.read(({ tx }) => tx.messages.get(message))).toEqual(before);
});

test("a handle that is in use is drawn again", async () => {
  const mesh = createMesh({ ids: { ...createMesh().ids, handle: drawing("aaaaa", "aaaaa", "bbbbb") } });
  await mesh.join("frontend");
  const backend = await mesh.join("backend");
  const send = () =>
    mesh.call(
      mesh.read(({ tx }) => tx.peers.all()[0]?.id ?? ""),
      "notify",
      { peer: "backend", text: "x" },
    );
  expect((await send()).id).toBe("aaaaa");
  expect((await send()).id).toBe("bbbbb");
  expect(mesh.read(({ tx }) => tx.deliveries.inStates(backend, ["queued"]))).toHaveLength(2);
});

function drawing(...handles: string[]): () => string {
  return () => handles.shift() ?? "zzzzz";
}
