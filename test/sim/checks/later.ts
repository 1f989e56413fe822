import type { MeshEvent } from "../../../src/protocol/index.ts";
import type { Planned } from "../world/truth.ts";
import type { World } from "../world/world.ts";
import { type Check, type Stored, short } from "./check.ts";

/** How long after its time a message may still be under way: a look a second, and what was missed comes at a pace. */
const LATE_MS = 120_000;

const OUTCOMES: readonly MeshEvent["type"][] = [
  "schedule.sent",
  "schedule.missed",
  "schedule.refused",
  "schedule.expired",
  "schedule.removed",
];

// @req schedule.once
// @req schedule.missed
/**
 * A message for later is sent once, not before its time, as it was planned, or its maker can see why not; removed, it is sent no more. What
 * was told of another session was so, and an end is told of however soon another sits in that seat.
 */
export const later: Check = {
  promise: "what is planned is sent once, or said not to be",
  end(world, stored) {
    const { truth } = world;
    const byId = Map.groupBy(
      stored.events.filter((event) => event.type.startsWith("schedule.")),
      (event) => String(event.data.id),
    );
    for (const [id, events] of byId) {
      const violate = (what: string) => truth.violate(this.promise, `${id} ${what}`);
      const sent = events.filter((event) => event.type === "schedule.sent");
      if (sent.length > 1) violate(`was sent ${sent.length} times`);
      const end = events.findIndex((event) => event.type === "schedule.removed");
      if (end >= 0 && end < events.length - 1) violate(`was ${events.at(-1)?.type} after it was removed`);
    }
    for (const planned of truth.planned) {
      const { id } = planned.schedule;
      const events = byId.get(id) ?? [];
      const violate = (what: string) => truth.violate(this.promise, `${id} ${what}`);
      if (!events.some((event) => event.type === "schedule.made")) violate("was said to be planned and is not stored");
      const outcome = events.find((event) => OUTCOMES.includes(event.type));
      if (planned.isRemoved && !events.some((event) => event.type === "schedule.removed"))
        violate("was said to be removed and is not");
      if (!outcome) {
        const why = whyDue(world, planned, stored);
        if (why) violate(`came to nothing, and nobody says so: ${why}`);
        continue;
      }
      if (outcome.type === "schedule.sent") for (const what of wrongWith(planned, outcome, stored)) violate(what);
      if (outcome.type === "schedule.missed" && planned.schedule.missed !== "skip") violate("was left out");
    }
  },
};

/** Why something should have become of it by now; undefined where it still has time. */
function whyDue({ loop }: World, { schedule }: Planned, { events }: Stored): string | undefined {
  const { trigger, next_at, id } = schedule;
  if (next_at !== undefined) return next_at + LATE_MS < loop.now().wall ? "its time has passed" : undefined;
  if (trigger.type !== "peer") return undefined;
  const made = events.findIndex((event) => event.type === "schedule.made" && event.data.id === id);
  const ended = events.slice(made).some((event) => event.peer === trigger.peer && isEnd(event));
  return ended ? "the session that was watched has ended" : undefined;
}

const isEnd = (event: MeshEvent): boolean =>
  event.type === "peer.left" || (event.type === "peer.presence" && event.data.state === "offline");

function wrongWith({ schedule }: Planned, outcome: MeshEvent, { events, messages }: Stored): string[] {
  const { trigger, next_at, from_id, to_id, text } = schedule;
  const message = messages.get(outcome.message ?? "");
  if (!message) return ["was sent as a message that is not stored"];
  const wrong: string[] = [];
  if (message.from !== from_id || message.to !== to_id)
    wrong.push(`went from or to somebody else as ${short(message.id)}`);
  if (!message.body.endsWith(text)) wrong.push(`was sent with other words: "${message.body}"`);
  if (next_at !== undefined && outcome.at < next_at) wrong.push(`was sent ${next_at - outcome.at} ms before its time`);
  if (trigger.type !== "peer") return wrong;
  const before = events.slice(0, events.indexOf(outcome)).filter((event) => event.peer === trigger.peer);
  const presence = before.findLast((event) => event.type === "peer.presence" || event.type === "peer.joined");
  const state = presence?.type === "peer.joined" ? "online" : presence?.data.state;
  const hasEnded = before.some(isEnd);
  if (message.body.includes(" has ended") && !hasEnded) wrong.push("tells of an end that never was");
  if (message.body.includes(" is idle.") && state !== "online") wrong.push(`tells of an idle session that is ${state}`);
  if (message.body.includes(" waits for its human") && state !== "waiting")
    wrong.push(`tells of a waiting session that is ${state}`);
  return wrong;
}
