import { ASK_MOVES, type AskState, DELIVERY_MOVES, type DeliveryState, mayMove } from "../../../src/protocol/index.ts";
import { type Check, short } from "./check.ts";

const BESIDE = new Set(["entered", "progress", "overlooked", "abandoned", "opened"]);

// @req moves.legal
/** Deliveries and asks move only as the tables allow, and the log tells the same as the records. */
export const moves: Check = {
  promise: "no illegal move",
  end({ truth, disk }, { events, deliveries }) {
    const delivery = new Map<string, DeliveryState>();
    const ask = new Map<string, AskState>();
    for (const event of events) {
      const [subject, to = ""] = event.type.split(".");
      if (BESIDE.has(to) || event.message === undefined) continue;
      if (subject === "delivery") {
        const at = `${event.message} ${event.peer}`;
        const from = delivery.get(at);
        const state = to as DeliveryState; // the second half of a delivery's event is its state
        if (from === undefined ? state !== "queued" : !mayMove(DELIVERY_MOVES, from, state))
          truth.violate(this.promise, `${short(event.message)} from ${from} to ${state}`);
        delivery.set(at, state);
      }
      if (subject === "ask") {
        const from = ask.get(event.message) ?? "open";
        const state = to as AskState; // likewise
        if (!mayMove(ASK_MOVES, from, state))
          truth.violate(this.promise, `the question ${short(event.message)} from ${from} to ${state}`);
        ask.set(event.message, state);
      }
    }
    for (const record of deliveries) {
      const told = delivery.get(`${record.message} ${record.peer}`);
      if (told !== record.state)
        truth.violate(this.promise, `${short(record.message)} is ${record.state}, the log says ${told}`);
    }
    disk.look((tx) => {
      for (const [message, state] of ask) {
        const stored = tx.asks.get(message)?.state;
        if (stored !== state) truth.violate(this.promise, `the question ${short(message)} is ${stored}, not ${state}`);
      }
    });
  },
};
