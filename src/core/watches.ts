import { LIMITS, type PeerId, type Trigger } from "../protocol/index.ts";
import type { Context } from "./context.ts";
import type { PeerRecord, ScheduleRecord } from "./ports.ts";
import { presenceOf } from "./registry.ts";

/** Messages that wait for a peer: whether it has come to that by now. */

export type PeerTrigger = Extract<Trigger, { type: "peer" }>;

/** What the peer has come to, in words; undefined while there is nothing to tell. It may be another end than the one waited for. */
export function reachedBy(
  ctx: Context,
  record: ScheduleRecord,
  { peer, name, moment }: PeerTrigger,
): string | undefined {
  const watched = ctx.tx.peers.get(peer);
  if (!watched) return `${name} has left the mesh`;
  if (record.has_ended) return ended(watched, moment);
  const { state, transition } = presenceOf(watched);
  // It is being started, ended or restarted: that is no state to tell of.
  if (transition !== undefined) return undefined;
  if (state === "offline") return ended(watched, moment);
  if (moment === "waits" && state === "waiting") return `${watched.name} waits for its human${what(watched)}`;
  if (moment === "idle" && state === "online" && isDone(ctx, watched, record)) return `${watched.name} is idle`;
  return undefined;
}

function ended({ name }: PeerRecord, moment: PeerTrigger["moment"]): string {
  if (moment === "ends") return `${name} has ended`;
  return `${name} has ended, so it will not ${moment === "idle" ? "be idle" : "wait for its human"}`;
}

/** A tool's name, `a question`. What another session calls it stands in a message of the watcher's own, and must not read as its words. */
function what({ presence: { detail } }: PeerRecord): string {
  return detail !== undefined && /^(?:an? )?[\w-]{1,60}$/.test(detail) ? ` (${detail})` : "";
}

/** Idle for a while, also since the question was put, with nothing on its way to it: what was just sent to it is not overlooked. */
function isDone(ctx: Context, { id }: PeerRecord, record: ScheduleRecord): boolean {
  const activity = ctx.live.activity(id);
  const madeAwake = (record.expires_awake_ms ?? 0) - LIMITS.watchExpiryMs;
  if (activity.state !== "idle") return false;
  if (ctx.now.awake - Math.max(activity.since_awake, madeAwake) < LIMITS.watchIdleMs) return false;
  return ctx.tx.deliveries.count(id, ["queued", "leased"]) === 0;
}

/** The session of this seat is over. It is noted at once, since another may sit there before anybody looks. */
export function noteWatchedEnd(ctx: Context, peer: PeerId): void {
  for (const record of ctx.tx.shelves.schedule.all()) {
    const { trigger } = record;
    if (trigger.type === "peer" && trigger.peer === peer && record.over_at === undefined)
      ctx.tx.shelves.schedule.put(record.id, { ...record, has_ended: true });
  }
}

/** Why nothing came of it, as far as is known. */
export function whyNothingCame(ctx: Context, { peer, name, moment }: PeerTrigger): string {
  const watched = ctx.tx.peers.get(peer);
  const isUntold = moment !== "ends" && ctx.live.activity(peer).state === "unknown";
  if (isUntold) return `${watched?.name ?? name} does not tell repowire what it is doing`;
  return `${watched?.name ?? name} did not come to that within a day`;
}
