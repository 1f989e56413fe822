import type { DeliveryRecord } from "../../../src/core/index.ts";
import type { Landing } from "../world/truth.ts";
import { type Check, short } from "./check.ts";

// @req delivery.none-misrouted
/** What is for one peer comes into no other's session. */
export const recipients: Check = {
  promise: "none to a wrong peer",
  end({ truth, disk }, { messages }) {
    for (const landing of truth.landings) {
      const message = messages.get(landing.message);
      const { id, name } = disk.look((tx) => tx.peers.get(landing.peer)) ?? { id: landing.peer, name: "?" };
      if (!message) {
        truth.violate(this.promise, `${short(landing.message)} was presented and is not stored`);
        continue;
      }
      const isForAll = message.to.startsWith("circle:");
      const addressed = /^(?:ask|notify) \S+ to (\S+)$/.exec(message.body)?.[1];
      if (!isForAll && message.to !== id) truth.violate(this.promise, `${short(message.id)} came to ${name}`);
      if (addressed !== undefined && addressed !== name)
        truth.violate(this.promise, `"${message.body}" came to ${name}`);
      const circle = disk.look((tx) => tx.peers.get(landing.peer)?.circle);
      if (circle !== undefined && circle !== message.from_circle)
        truth.violate(this.promise, `${short(message.id)} crossed from ${message.from_circle} to ${circle}`);
    }
  },
};

const isPushed = (landing: Landing) => landing.way === "push" || landing.way === "hook";

// @req repeats.never-provable
/**
 * The same attempt never comes twice, and a repeat into a session that really holds the first one is counted as possible. What the
 * session asked for itself (its inbox, its results) it may read as often as it likes.
 */
export const duplicates: Check = {
  promise: "no provable duplicate",
  end({ truth }, { deliveries }) {
    const counted = new Set(
      deliveries.filter((delivery) => delivery.possible_duplicates > 0).map((d) => `${d.message} ${d.peer}`),
    );
    const byMessage = Map.groupBy(truth.landings, (landing) => `${landing.message} ${landing.peer}`);
    for (const [at, landings] of byMessage) {
      for (const [index, later] of landings.entries()) {
        if (!isPushed(later)) continue;
        for (const earlier of landings.slice(0, index)) {
          const isSame = earlier.instance === later.instance;
          if (isSame && isPushed(earlier) && earlier.attempt === later.attempt)
            truth.violate(this.promise, `attempt ${later.attempt} of ${short(later.message)} came twice`);
          if (isSame && earlier.memory === later.memory && earlier.isReal && later.isReal && !counted.has(at))
            truth.violate(
              this.promise,
              `${short(later.message)} was there by ${earlier.way} and came again by ${later.way} (${later.attempt}), uncounted`,
            );
        }
      }
    }
  },
};

// @req order.first-presentation
/**
 * What one sender sends to one peer with one urgency is first presented in the order in which it was accepted. Answers go by the
 * question they close, and what a gate or a runtime held comes when it is released.
 */
export const order: Check = {
  promise: "first presentations in acceptance order",
  end({ truth }, { deliveries, events }) {
    const records = new Map(deliveries.map((d): [string, DeliveryRecord] => [`${d.message} ${d.peer}`, d]));
    const wasHeld = new Set(
      events.filter((event) => event.type === "delivery.held").map((event) => `${event.message} ${event.peer}`),
    );
    const last = new Map<string, DeliveryRecord>();
    for (const landing of truth.landings) {
      const at = `${landing.message} ${landing.peer}`;
      const record = records.get(at);
      if (!record || landing.way !== "push" || landing.attempt !== 1 || record.kind === "answer" || wasHeld.has(at))
        continue;
      const line = `${record.from} ${record.peer} ${record.urgency}`;
      const before = last.get(line);
      if (before && before.seq > record.seq)
        truth.violate(this.promise, `${short(record.message)} came after ${short(before.message)}`);
      else last.set(line, record);
    }
  },
};
