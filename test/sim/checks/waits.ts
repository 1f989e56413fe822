import type { Wait } from "../../../src/core/index.ts";
import { LIMITS } from "../../../src/protocol/index.ts";
import { type Check, short } from "./check.ts";

/** Whether waits lead from `from` back to `to`; written apart from the product's own search. */
function leads(waits: readonly Wait[], from: string, to: string, seen = new Set<string>()): boolean {
  if (from === to) return true;
  if (seen.has(from)) return false;
  seen.add(from);
  return waits.some((wait) => wait.waiter === from && leads(waits, wait.target, to, seen));
}

// @req waits.no-loop
/** Sessions that wait for each other would wait for ever. */
export const loops: Check = {
  promise: "no wait closes a loop",
  during({ daemon, truth }) {
    const waits = daemon ? [...daemon.live.waits()] : [];
    for (const wait of waits) {
      if (leads(waits, wait.target, wait.waiter)) truth.violate(this.promise, `the one for ${short(wait.ask)}`);
    }
  },
};

// @req waits.end
/** Every call comes back: with an answer, with the truth of its time, or with a refusal. */
export const ends: Check = {
  promise: "every wait ends",
  end({ daemon, truth, loop }) {
    const { awake } = loop.now();
    for (const call of truth.calls) {
      const tookMs = (call.settled?.at ?? awake) - call.startedAt;
      if (!call.isOrphan && tookMs > call.patienceMs + 1_000)
        truth.violate(this.promise, `${call.what} ${short(call.message ?? "")} took ${tookMs} ms`);
    }
    if (!daemon) return;
    const left = [...daemon.live.waits()].length;
    if (left + daemon.waits.size > 0)
      truth.violate(this.promise, `${left} in core and ${daemon.waits.size} calls are left in the end`);
  },
};

// @req limits.all-hold
/** Limits are kept, whoever tries. */
export const limits: Check = {
  promise: "every limit holds",
  during({ daemon, truth, disk }, effects) {
    if (!daemon) return;
    const perPeer = new Map<string, number>();
    for (const wait of daemon.live.waits()) perPeer.set(wait.waiter, (perPeer.get(wait.waiter) ?? 0) + 1);
    for (const [, count] of perPeer)
      if (count > LIMITS.waitersPerPeerMax) truth.violate(this.promise, `${count} calls of one peer wait`);
    for (const effect of effects) {
      if (effect.type === "deliver" && effect.items.some((item) => item.attempt > LIMITS.attemptsMax))
        truth.violate(this.promise, "one attempt too many");
      if (effect.type !== "event" || effect.event.type !== "message.accepted") continue;
      const { peer, message } = effect.event;
      disk.look((tx) => {
        for (const delivery of tx.deliveries.ofMessage(message ?? "")) {
          if (delivery.kind !== "ask" && delivery.kind !== "notify" && delivery.kind !== "broadcast") continue;
          const others = tx.deliveries
            .inStates(delivery.peer, ["queued", "held", "leased"])
            .filter((other) => other.kind !== "answer" && other.from !== delivery.peer);
          // The notice that a question is not waited for any more is the daemon's own, and outside the count.
          const notices = others.filter((other) => tx.messages.get(other.message)?.in_reply_to !== undefined).length;
          if (others.length - notices > LIMITS.mailboxLengthMax + requeued(others))
            truth.violate(this.promise, `${others.length} unread messages in one mailbox`);
        }
        const open = tx.asks.openFrom(peer ?? "").length;
        if (open > LIMITS.openAsksPerAskerMax) truth.violate(this.promise, `${open} open questions of one peer`);
      });
    }
  },
};

/** What came back to the mailbox after it was handed over did not have to be let in. */
const requeued = (deliveries: readonly { attempt: number }[]) =>
  deliveries.filter((delivery) => delivery.attempt > 0).length;
