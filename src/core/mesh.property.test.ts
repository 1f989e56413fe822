import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { STEPS, startWalk, type Walk } from "../../test/support/random-walk.ts";
import {
  ASK_MOVES,
  type AskState,
  DELIVERY_MOVES,
  type DeliveryState,
  type MeshEvent,
  mayMove,
  type Rung,
} from "../protocol/index.ts";
import { memoryStore } from "../store/memory.ts";
import { sqliteStore } from "../store/sqlite/store.ts";
import { findChain } from "./wait-graph.ts";

/** What holds in every mesh after every step, whatever peers, transports and runtimes do and in whatever order. */

/** Enough for every commit; more of them, when there is time: `REPOWIRE_PROPERTY_RUNS=5000 bun test mesh.property`. */
const RUNS = Number(process.env.REPOWIRE_PROPERTY_RUNS ?? 100);

const PUSHED: readonly (Rung | undefined)[] = ["push", "channel", "inbox_socket", "hook"];

/** Follows a walk and throws as soon as something does not hold. */
function createWatch(walk: Walk) {
  const { mesh } = walk;
  const deliveries = new Map<string, DeliveryState>();
  const asks = new Map<string, AskState>();
  const handles = new Map<string, string>();
  const attempts = new Map<string, number>();
  const settled = new Set<string>();
  let cursor = 0;
  let effectsSeen = 0;

  /** Deliveries and asks move only as the tables allow, and nothing is seen without a receipt from the recipient's side. */
  function checkEvent(event: MeshEvent): void {
    const [subject, state] = event.type.split(".");
    const key = `${event.message} ${event.peer}`;
    if (subject === "delivery" && state !== "entered") {
      const from = deliveries.get(key);
      const to = state as DeliveryState; // the second half of a delivery's event type is its state
      const isLegal = from === undefined ? to === "queued" : mayMove(DELIVERY_MOVES, from, to);
      if (!isLegal) throw new Error(`a delivery moved from ${from} to ${to}`);
      deliveries.set(key, to);
      if (to === "seen" && !walk.receipts.has(key)) throw new Error(`seen without a receipt: ${JSON.stringify(event)}`);
    }
    if (subject === "ask" && state !== "progress" && state !== "overlooked" && state !== "abandoned") {
      const from = asks.get(event.message ?? "") ?? "open";
      const to = state as AskState; // likewise
      if (!mayMove(ASK_MOVES, from, to)) throw new Error(`an ask moved from ${from} to ${to}`);
      asks.set(event.message ?? "", to);
    }
  }

  function checkDeliveries(): void {
    mesh.read((ctx) => {
      for (const [key, state] of deliveries) {
        const [message = "", peer = ""] = key.split(" ");
        const delivery = ctx.tx.deliveries.get(message, peer);
        if (delivery?.state !== state) throw new Error(`the log says ${state}, the store ${delivery?.state}`);
        if ((handles.get(key) ?? delivery.handle) !== delivery.handle) throw new Error("a handle changed");
        if (delivery.attempt < (attempts.get(key) ?? 0)) throw new Error("an attempt went backwards");
        handles.set(key, delivery.handle);
        attempts.set(key, delivery.attempt);
        const ask = ctx.tx.asks.get(message);
        if (ask && ask.state !== "open" && (state === "queued" || state === "held"))
          throw new Error(`the question is ${ask.state}, and yet its delivery is ${state}`);
      }
    });
  }

  function checkQuestions(): void {
    mesh.read((ctx) => {
      for (const peer of walk.peers) {
        const inFlight = ctx.tx.asks.openTo(peer).filter((ask) => {
          const delivery = ctx.tx.deliveries.get(ask.message, peer);
          const isThere = ["leased", "presented", "seen"].includes(delivery?.state ?? "");
          return isThere && PUSHED.includes(delivery?.rung) && ask.overlooked_at === undefined;
        });
        if (inFlight.length > 1) throw new Error(`${inFlight.length} questions are in flight to one peer`);
      }
      for (const wait of ctx.live.waits()) {
        if (findChain(ctx, wait.target, wait.waiter)) throw new Error("a wait closes a loop");
        if (ctx.tx.asks.get(wait.ask)?.state !== "open") throw new Error("a call waits for what is over");
      }
    });
  }

  function checkEffects(): void {
    const fresh = mesh.effects.slice(effectsSeen);
    for (const peer of walk.peers) {
      const pushed = fresh.flatMap((effect) => (effect.type === "deliver" && effect.peer === peer ? effect.items : []));
      if (pushed.length > 0 && pushed.every((item) => item.urgency === "fyi")) throw new Error("fyi started a turn");
    }
    for (const effect of fresh) {
      if (effect.type === "settle") {
        if (settled.has(effect.wait)) throw new Error("a wait was settled twice");
        settled.add(effect.wait);
      }
      if (effect.type === "deliver" && mesh.peer(effect.peer).presence.state === "offline")
        throw new Error("something was handed to a session that is gone");
    }
    effectsSeen = mesh.effects.length;
  }

  return function check(): void {
    for (const event of mesh.read(({ tx }) => tx.events.after(cursor, 10_000))) {
      checkEvent(event);
      cursor = event.seq;
    }
    checkDeliveries();
    checkQuestions();
    checkEffects();
    if (walk.bugs.length + mesh.faults.length > 0) throw walk.bugs[0] ?? mesh.faults[0];
  };
}

/** Everything that a store holds, found by its own log. */
function contents({ mesh }: Walk) {
  return mesh.read(({ tx }) => {
    const events = tx.events.after(0, 100_000);
    const ids = events.flatMap((event) => (event.type === "message.accepted" ? (event.message ?? []) : []));
    return {
      events,
      peers: tx.peers.all(),
      messages: ids.map((id) => tx.messages.get(id)),
      deliveries: ids.map((id) => tx.deliveries.ofMessage(id)),
      asks: ids.map((id) => tx.asks.get(id)),
    };
  });
}

// @req moves.legal
test(
  "whatever happens in a mesh, its promises hold, and both stores tell the same story",
  async () => {
    await fc.assert(
      fc.asyncProperty(STEPS, async (steps) => {
        const sqlite = sqliteStore(":memory:", { synchronous: "normal" });
        try {
          const walks = [await startWalk(memoryStore()), await startWalk(sqlite)] as const;
          for (const walk of walks) {
            const check = createWatch(walk);
            check();
            for (const step of steps) {
              await walk.take(step);
              check();
            }
            await walk.finish();
            check();
            expect([walk.mesh.waits.size, [...walk.mesh.live.waits()]]).toEqual([0, []]);
          }
          expect(contents(walks[0])).toEqual(contents(walks[1]));
        } finally {
          sqlite.close();
        }
      }),
      { numRuns: RUNS },
    );
  },
  RUNS * 1_000,
);
