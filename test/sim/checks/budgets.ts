import { LIMITS, type MeshEvent } from "../../../src/protocol/index.ts";
import { type Check, short } from "./check.ts";

const MINUTE_MS = 60_000;
/** What became of a message for later is told in its recipient's name, by repowire: nobody sends it. */
const WORD_OF_ITS_OWN = "Your scheduled message ";
const NIGHT_MS = 12 * 3_600_000;

/** One message as the log tells it, in the order of the log. */
interface Sent {
  from: string;
  to: string;
  message: string;
  at: number;
}

const pairOf = ({ from, to }: Sent) => [from, to].sort().join(" ");

// @req guard.budgets
/**
 * The loop guard as the log shows it, counted apart from the product: a bucket that is full at first and refilled evenly lets twice its
 * size through in any stretch of its time, and nothing passes where something is paused.
 */
export const budgets: Check = {
  promise: "every budget holds",
  end({ truth }, { events, messages }) {
    const violate = (what: string) => truth.violate(this.promise, what);
    const pairs = new Map<string, Sent[]>();
    const circles = new Map<string, Sent[]>();
    const paused = new Map<string, MeshEvent>();
    const lifted = new Map<string, number>();
    const senders = new Map<string, string>();
    for (const event of events) {
      const id = String(event.data.id);
      if (event.type === "guard.paused") {
        paused.set(id, event);
        // What the heaviest sender of a circle used is free for the others again.
        if (event.data.scope === "sender")
          for (const [circle, list] of circles)
            circles.set(
              circle,
              list.filter((sent) => sent.from !== event.peer),
            );
      }
      if (event.type === "guard.resumed") {
        paused.delete(id);
        lifted.set("all", event.at);
        // What is lifted begins with a full budget.
        pairs.clear();
        circles.clear();
      }
      if (event.message === undefined || event.peer === undefined) continue;
      const message = messages.get(event.message);
      const isCounted =
        message &&
        message.in_reply_to === undefined &&
        (message.kind === "ask" || message.kind === "notify") &&
        !message.body.startsWith(WORD_OF_ITS_OWN);
      if (!isCounted) continue;
      if (event.type === "message.accepted") senders.set(event.message, event.peer);
      const from = senders.get(event.message);
      if (event.type !== "delivery.queued" || from === undefined || event.data.attempt !== undefined) continue;
      senders.delete(event.message);
      const sent: Sent = { from, to: event.peer, message: event.message, at: event.at };
      if (message.hops > LIMITS.hopsMax && !lifted.has("all")) violate(`${short(sent.message)} is hop ${message.hops}`);
      for (const pause of paused.values()) {
        const { scope } = pause.data;
        if (scope === "sender" && pause.peer === from) violate(`${short(sent.message)} was sent by one who is paused`);
      }
      within(pairs, pairOf(sent), sent, MINUTE_MS, LIMITS.pairPerMinuteMax, "a pair", violate);
      within(pairs, `night ${pairOf(sent)}`, sent, NIGHT_MS, LIMITS.pairPerNightMax, "a pair in a night", violate);
      within(circles, message.from_circle, sent, MINUTE_MS, LIMITS.circlePerMinuteMax, "a circle", violate);
    }
  },
};

function within(
  all: Map<string, Sent[]>,
  key: string,
  sent: Sent,
  ms: number,
  max: number,
  whose: string,
  violate: (what: string) => void,
): void {
  const recent = [...(all.get(key) ?? []), sent].filter((other) => sent.at - other.at < ms);
  all.set(key, recent);
  if (recent.length > 2 * max + 1) violate(`${recent.length} messages of ${whose}`);
}
