import {
  type Handle,
  LIMITS,
  type MessageId,
  type PeerMoment,
  RepowireError,
  type Schedule,
  type Trigger,
} from "../protocol/index.ts";
import { mayReach } from "./addressing.ts";
import { openAsk } from "./asks.ts";
import { type Caller, seatOf } from "./caller.ts";
import { type Context, emit } from "./context.ts";
import { countMessage } from "./loop-guard.ts";
import { acceptMessage, acceptNotice, checkMailbox, freeHandle } from "./mailbox.ts";
import type { Calendar, PeerRecord, ScheduleRecord } from "./ports.ts";

/**
 * Messages that are sent later: at a time, again and again, or when a peer comes to something. What is due becomes a message like any
 * other, in the same transaction that notes it as sent; so none is sent twice, whatever dies in between.
 */

export interface ScheduleWish {
  from: PeerRecord;
  to: PeerRecord;
  text: string;
  kind: Schedule["kind"];
  urgency: Schedule["urgency"];
  trigger: Trigger;
  missed?: Schedule["missed"];
  chain: { thread?: MessageId; hops: number };
}

export function addSchedule(ctx: Context, calendar: Calendar, wish: ScheduleWish): ScheduleRecord {
  const { from, to, trigger, chain } = wish;
  if (wish.kind === "ask" && from.id === to.id)
    throw new RepowireError("self_ask", `"${to.name}" is you. Ask another peer, or send yourself a notification.`);
  checkRoom(ctx, from);
  checkMailbox(ctx, to);
  const record: ScheduleRecord = {
    id: freeHandle(ctx),
    kind: wish.kind,
    from: from.id,
    to: to.id,
    text: wish.text,
    urgency: wish.urgency,
    trigger,
    // A single message is wanted all the same; of a repeated one the next comes soon enough.
    missed: wish.missed ?? (trigger.type === "cron" ? "skip" : "run"),
    next_at: firstTime(ctx, calendar, trigger),
    made_at: ctx.now.wall,
    sent: 0,
    ...chain,
    expires_awake_ms: trigger.type === "peer" ? ctx.now.awake + LIMITS.watchExpiryMs : undefined,
  };
  ctx.tx.shelves.schedule.put(record.id, record);
  emit(ctx, {
    type: "schedule.made",
    peer: from.id,
    data: { id: record.id, to: to.name, kind: record.kind, trigger: trigger.type, next_at: record.next_at },
  });
  return record;
}

function checkRoom(ctx: Context, from: PeerRecord): void {
  const all = ctx.tx.shelves.schedule.all();
  const mine = all.filter((record) => record.from === from.id).length;
  if (mine < LIMITS.schedulesPerPeerMax && all.length < LIMITS.schedulesMax) return;
  throw new RepowireError(
    "too_many_schedules",
    `${mine >= LIMITS.schedulesPerPeerMax ? `You have ${mine}` : `There are ${all.length}`} scheduled messages, the most there may be. Remove one first: inbox(id, cancel=true), or \`repowire schedule remove ID\`.`,
  );
}

function firstTime(ctx: Context, calendar: Calendar, trigger: Trigger): number | undefined {
  if (trigger.type === "peer") return undefined;
  const at = trigger.type === "at" ? trigger.at : calendar.next(trigger.pattern, trigger.zone, ctx.now.wall);
  if (at !== undefined && at - ctx.now.wall <= LIMITS.scheduleHorizonMs) return at;
  throw new RepowireError(
    "invalid_input",
    at === undefined
      ? "No day ever fits that cron pattern."
      : `That is more than ${LIMITS.scheduleHorizonMs / 86_400_000} days away, the furthest there may be.`,
  );
}

/** The schedules whose time has come, or whose peer has come to what was waited for; the earliest first. */
export function dueSchedules(ctx: Context, most: number): Handle[] {
  return ctx.tx.shelves.schedule
    .all()
    .filter((record) => momentOf(ctx, record) !== undefined)
    .sort((a, b) => (a.next_at ?? 0) - (b.next_at ?? 0))
    .slice(0, most)
    .map((record) => record.id);
}

/** Why it is due now. */
type Moment = { type: "time"; late: boolean } | { type: "peer"; what: string } | { type: "expired" };

function momentOf(ctx: Context, record: ScheduleRecord): Moment | undefined {
  const { trigger, next_at, expires_awake_ms } = record;
  if (trigger.type === "peer") {
    const what = reached(ctx, trigger, record.made_at);
    if (what !== undefined) return { type: "peer", what };
    return (expires_awake_ms ?? 0) <= ctx.now.awake ? { type: "expired" } : undefined;
  }
  if (next_at === undefined || next_at > ctx.now.wall) return undefined;
  return { type: "time", late: ctx.now.wall - next_at > LIMITS.scheduleLateMs };
}

/** What the peer has come to, in words; it may be another end than the one waited for. */
function reached(ctx: Context, { peer, name, moment }: Extract<Trigger, { type: "peer" }>, since: number) {
  const watched = ctx.tx.peers.get(peer);
  if (!watched) return `${name} has left the mesh`;
  const { state, transition, detail } = watched.presence;
  // It is being started, ended or restarted: that is no state to tell of.
  if (transition !== undefined) return undefined;
  if (state === "offline") return moment === "ends" ? `${watched.name} has ended` : endedFirst(watched.name, moment);
  if (moment === "waits" && state === "waiting")
    return `${watched.name} waits for its human${detail ? ` (${detail})` : ""}`;
  if (moment === "idle" && state === "online" && isDone(ctx, watched, since)) return `${watched.name} is idle`;
  return undefined;
}

const endedFirst = (name: string, moment: PeerMoment) =>
  `${name} has ended before ${moment === "idle" ? "it was idle" : "it waited for its human"}`;

/** Idle for a while, with nothing on its way to it: what was just sent to it has not been overlooked. */
function isDone(ctx: Context, { id }: PeerRecord, since: number): boolean {
  const activity = ctx.live.activity(id);
  if (activity.state !== "idle" || ctx.now.awake - activity.since_awake < LIMITS.watchIdleMs) return false;
  if (ctx.now.wall - since < LIMITS.watchIdleMs) return false;
  return ctx.tx.deliveries.count(id, ["queued", "leased"]) === 0;
}

/** Sends what is due. A refusal is thrown, and nothing of it is stored; `refuseSchedule` notes it then. */
export function sendScheduled(ctx: Context, calendar: Calendar, id: Handle): void {
  const record = ctx.tx.shelves.schedule.get(id);
  const moment = record && momentOf(ctx, record);
  // Removed, or moved on, since it was looked at.
  if (!record || !moment) return;
  const from = ctx.tx.peers.get(record.from);
  const to = ctx.tx.peers.get(record.to);
  if (!from) return drop(ctx, record, "schedule.removed", "its sender has left the mesh");
  if (moment.type === "expired") return expire(ctx, record, from);
  if (moment.type === "time" && moment.late && record.missed === "skip") return miss(ctx, calendar, record, from);
  if (!to) throw new RepowireError("peer_not_found", "its recipient has left the mesh.");
  if (!mayReach(from, to))
    throw new RepowireError("circle_mismatch", `${to.name} is in circle "${to.circle}", out of your reach now.`);
  const message = record.kind === "ask" ? ask(ctx, record, from, to) : notify(ctx, record, { from, to, moment });
  settle(ctx, calendar, { ...record, sent: record.sent + 1 }, { at: ctx.now.wall, outcome: "sent", message });
  emit(ctx, { type: "schedule.sent", peer: from.id, message, data: { id, to: to.name, sent: record.sent + 1 } });
}

const chainOfRecord = ({ thread, hops }: ScheduleRecord) => ({ thread, hops });

function ask(ctx: Context, record: ScheduleRecord, asker: PeerRecord, askee: PeerRecord): MessageId {
  const { text, urgency } = record;
  return openAsk(ctx, { asker, askee, question: text, urgency, chain: chainOfRecord(record) }).ask.message;
}

type Sending = { from: PeerRecord; to: PeerRecord; moment: Exclude<Moment, { type: "expired" }> };

function notify(ctx: Context, record: ScheduleRecord, { from, to, moment }: Sending): MessageId {
  checkMailbox(ctx, to);
  const chain = chainOfRecord(record);
  countMessage(ctx, { from, to: [to], ...chain });
  return acceptMessage(ctx, {
    id: ctx.ids.message(),
    kind: "notify",
    from,
    to: [to],
    body: bodyOf(record, moment),
    urgency: record.urgency,
    ...chain,
    expiryMs: LIMITS.notifyExpiryMs,
  }).message.id;
}

/** To others the words as they were given; to oneself why they come now. */
function bodyOf(record: ScheduleRecord, moment: Sending["moment"]): string {
  const isOwn = record.from === record.to;
  const why = [moment.type === "peer" ? `${moment.what}.` : "", isOwn ? "You asked to be told:" : ""].filter(Boolean);
  return [...why, record.text].join(" ");
}

/** After a time has passed, however it went: on to the next one, or off the shelf. */
function settle(
  ctx: Context,
  calendar: Calendar,
  record: ScheduleRecord,
  last: NonNullable<ScheduleRecord["last"]>,
): void {
  const { trigger } = record;
  const next = trigger.type === "cron" ? calendar.next(trigger.pattern, trigger.zone, ctx.now.wall) : undefined;
  if (next === undefined) ctx.tx.shelves.schedule.remove(record.id);
  else ctx.tx.shelves.schedule.put(record.id, { ...record, next_at: next, last });
}

function miss(ctx: Context, calendar: Calendar, record: ScheduleRecord, from: PeerRecord): void {
  const reason = "repowire did not run, or the machine slept";
  settle(ctx, calendar, record, { at: ctx.now.wall, outcome: "missed", reason });
  emit(ctx, { type: "schedule.missed", peer: from.id, data: { id: record.id, due_at: record.next_at } });
  if (record.trigger.type === "at") tellMaker(ctx, record, from, `was missed: ${reason}`);
}

function expire(ctx: Context, record: ScheduleRecord, from: PeerRecord): void {
  drop(ctx, record, "schedule.expired", "its peer came to nothing in time");
  tellMaker(ctx, record, from, `was given up: ${nameOfWatched(record)} did not come to that within a day`);
}

const nameOfWatched = ({ trigger }: ScheduleRecord): string => (trigger.type === "peer" ? trigger.name : "its peer");

/** Notes that a time passed and nothing could be sent, and tells whoever made it; of a row of refusals, the first. */
export function refuseSchedule(ctx: Context, calendar: Calendar, id: Handle, reason: string): void {
  const record = ctx.tx.shelves.schedule.get(id);
  if (!record) return;
  const from = ctx.tx.peers.get(record.from);
  settle(ctx, calendar, record, { at: ctx.now.wall, outcome: "refused", reason });
  emit(ctx, { type: "schedule.refused", peer: record.from, data: { id, reason } });
  if (from && record.last?.outcome !== "refused") tellMaker(ctx, record, from, `was not sent: ${reason}`);
}

function tellMaker(ctx: Context, record: ScheduleRecord, from: PeerRecord, what: string): void {
  if (ctx.tx.deliveries.count(from.id, ["queued", "held"]) >= LIMITS.mailboxLengthMax) return;
  const to = ctx.tx.peers.get(record.to) ?? from;
  const whom = record.to === record.from ? "yourself" : to.name;
  const body = `Your scheduled message ${record.id} to ${whom} ${what}`;
  acceptNotice(ctx, { from: to, to: from, body, urgency: "fyi" });
}

function drop(ctx: Context, record: ScheduleRecord, type: "schedule.removed" | "schedule.expired", reason: string) {
  ctx.tx.shelves.schedule.remove(record.id);
  emit(ctx, { type, peer: record.from, data: { id: record.id, reason } });
}

/** Sees all: people, and whoever they appointed. Everybody else sees what they made. */
const seesAll = (caller: Caller): boolean =>
  caller.isHuman || caller.role === "orchestrator" || caller.role === "human";

export function schedulesFor(ctx: Context, caller: Caller): ScheduleRecord[] {
  const all = ctx.tx.shelves.schedule.all();
  return all.filter((record) => seesAll(caller) || record.from === caller.peer);
}

/** The caller's own, or any for those who see all; undefined for what is not theirs, as for what is not there. */
export function scheduleNamed(ctx: Context, caller: Caller, id: Handle): ScheduleRecord | undefined {
  const record = ctx.tx.shelves.schedule.get(id);
  return record && (seesAll(caller) || record.from === caller.peer) ? record : undefined;
}

export function removeSchedule(ctx: Context, caller: Caller, record: ScheduleRecord): void {
  drop(ctx, record, "schedule.removed", `by ${seatOf(ctx, caller).name}`);
}

export function publicSchedule(ctx: Context, record: ScheduleRecord): Schedule {
  const { thread: _, hops: __, expires_awake_ms: ___, from, to, ...rest } = record;
  const nameOf = (id: string) => ctx.tx.peers.get(id)?.name ?? id;
  return { ...rest, from: nameOf(from), from_id: from, to: nameOf(to), to_id: to };
}
