import {
  type Handle,
  LIMITS,
  type MessageId,
  RepowireError,
  type Schedule,
  type ScheduleState,
  type Trigger,
} from "../protocol/index.ts";
import { mayReach } from "./addressing.ts";
import { openAsk } from "./asks.ts";
import { type BucketSize, isSpent, MINUTE_MS, spend } from "./budget.ts";
import { type Caller, seatOf } from "./caller.ts";
import { type Context, emit } from "./context.ts";
import { countMessage } from "./loop-guard.ts";
import { acceptMessage, checkMailbox, freeHandle, noticeIfRoom } from "./mailbox.ts";
import type { Calendar, PeerRecord, ScheduleRecord } from "./ports.ts";
import { reachedBy, whyNothingCame } from "./watches.ts";

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
    missed: wish.missed ?? (trigger.type === "cron" ? "skip" : "run_once"),
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
  const all = ctx.tx.shelves.schedule.all().filter(isPlanned);
  const mine = all.filter((record) => record.from === from.id).length;
  if (mine < LIMITS.schedulesPerPeerMax && all.length < LIMITS.schedulesMax) return;
  throw new RepowireError(
    "too_many_schedules",
    `${mine >= LIMITS.schedulesPerPeerMax ? `You have ${mine}` : `There are ${all.length}`} scheduled messages, the most there may be. Remove one first: inbox(id, cancel=true), or \`repowire schedule remove ID\`; \`repowire schedule list\` shows them.`,
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

const isPlanned = ({ over_at }: ScheduleRecord): boolean => over_at === undefined;

/** The schedules whose time has come, or whose peer has come to what was waited for; the earliest first. */
export function dueSchedules(ctx: Context, most: number): Handle[] {
  return ctx.tx.shelves.schedule
    .all()
    .filter((record) => readyMoment(ctx, record) !== undefined)
    .sort((a, b) => (a.next_at ?? 0) - (b.next_at ?? 0))
    .slice(0, most)
    .map((record) => record.id);
}

/** Why it is due now. */
type Moment =
  | { type: "time"; late: boolean }
  | { type: "peer"; what: string }
  | { type: "expired" }
  | { type: "stale" };

/** What one peer had planned for times that were missed comes at a pace. */
const lateKey = ({ from }: ScheduleRecord) => `late ${from}`;
const LATE: BucketSize = { max: LIMITS.lateSchedulesPerMinuteMax, fullInMs: MINUTE_MS };

/** Why it is due, unless what its maker missed has to wait for its turn. */
function readyMoment(ctx: Context, record: ScheduleRecord): Moment | undefined {
  const moment = momentOf(ctx, record);
  return moment && comesLate(record, moment) && isSpent(ctx, lateKey(record), LATE) ? undefined : moment;
}

const comesLate = (record: ScheduleRecord, moment: Moment): boolean =>
  moment.type === "time" && moment.late && record.missed === "run_once";

function momentOf(ctx: Context, record: ScheduleRecord): Moment | undefined {
  const { trigger, next_at, expires_awake_ms, over_at } = record;
  if (over_at !== undefined) return ctx.now.wall - over_at >= LIMITS.scheduleKeptMs ? { type: "stale" } : undefined;
  if (trigger.type === "peer") {
    const what = reachedBy(ctx, record, trigger);
    if (what !== undefined) return { type: "peer", what };
    return (expires_awake_ms ?? 0) <= ctx.now.awake ? { type: "expired" } : undefined;
  }
  if (next_at === undefined || next_at > ctx.now.wall) return undefined;
  return { type: "time", late: ctx.now.wall - next_at > LIMITS.scheduleLateMs };
}

/** Sends what is due. A refusal is thrown, and nothing of it is stored; `refuseSchedule` notes it then. */
export function sendScheduled(ctx: Context, calendar: Calendar, id: Handle): void {
  const record = ctx.tx.shelves.schedule.get(id);
  const moment = record && readyMoment(ctx, record);
  // Removed, or moved on, since it was looked at.
  if (!record || !moment) return;
  if (moment.type === "stale") return ctx.tx.shelves.schedule.remove(id);
  const from = ctx.tx.peers.get(record.from);
  const to = ctx.tx.peers.get(record.to);
  if (!from) return drop(ctx, record, "its sender has left the mesh");
  if (moment.type === "expired") return expire(ctx, calendar, record, from);
  if (!to) throw new RepowireError("peer_not_found", "its recipient has left the mesh.");
  if (moment.type === "time" && moment.late && record.missed === "skip") return miss(ctx, calendar, record, from);
  if (!mayReach(from, to))
    throw new RepowireError("circle_mismatch", `${to.name} is in circle "${to.circle}", out of your reach now.`);
  if (comesLate(record, moment)) spend(ctx, lateKey(record), LATE);
  const message = record.kind === "ask" ? ask(ctx, record, from, to) : notify(ctx, record, { from, to, moment });
  settle(ctx, calendar, { ...record, sent: record.sent + 1 }, { at: ctx.now.wall, outcome: "sent", message });
  emit(ctx, { type: "schedule.sent", peer: from.id, message, data: { id, to: to.name, sent: record.sent + 1 } });
}

const chainOfRecord = ({ thread, hops }: ScheduleRecord) => ({ thread, hops });

function ask(ctx: Context, record: ScheduleRecord, asker: PeerRecord, askee: PeerRecord): MessageId {
  const { text, urgency } = record;
  return openAsk(ctx, { asker, askee, question: text, urgency, chain: chainOfRecord(record) }).ask.message;
}

type Sending = { from: PeerRecord; to: PeerRecord; moment: Exclude<Moment, { type: "expired" | "stale" }> };

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

/** After a time has passed, however it went: on to the next one, or off the shelf. What came to nothing stays to be seen. */
function settle(
  ctx: Context,
  calendar: Calendar,
  record: ScheduleRecord,
  last: NonNullable<ScheduleRecord["last"]>,
): void {
  const { trigger } = record;
  const goesOn = trigger.type === "cron" && ctx.tx.peers.get(record.to) !== undefined;
  const next = goesOn ? calendar.next(trigger.pattern, trigger.zone, ctx.now.wall) : undefined;
  if (next !== undefined) ctx.tx.shelves.schedule.put(record.id, { ...record, next_at: next, last });
  else if (last.outcome === "sent") ctx.tx.shelves.schedule.remove(record.id);
  else keep(ctx, { ...record, next_at: undefined, last, over_at: ctx.now.wall });
}

/** As many of one peer's as it may plan: the oldest make room. */
function keep(ctx: Context, record: ScheduleRecord): void {
  const { schedule } = ctx.tx.shelves;
  const kept = schedule.all().filter((other) => other.from === record.from && !isPlanned(other));
  const surplus = kept
    .sort((a, b) => (a.over_at ?? 0) - (b.over_at ?? 0))
    .slice(0, Math.max(0, kept.length + 1 - LIMITS.schedulesPerPeerMax));
  for (const other of surplus) schedule.remove(other.id);
  schedule.put(record.id, record);
}

function miss(ctx: Context, calendar: Calendar, record: ScheduleRecord, from: PeerRecord): void {
  const reason = "at its time repowire did not run, the machine slept, or the disk took nothing";
  settle(ctx, calendar, record, { at: ctx.now.wall, outcome: "missed", reason });
  emit(ctx, { type: "schedule.missed", peer: from.id, data: { id: record.id, due_at: record.next_at } });
  if (record.trigger.type === "at") tellMaker(ctx, record, from, `was not sent: ${reason}`);
}

function expire(ctx: Context, calendar: Calendar, record: ScheduleRecord, from: PeerRecord): void {
  const { id, trigger } = record;
  if (trigger.type !== "peer") return;
  const reason = whyNothingCame(ctx, trigger);
  settle(ctx, calendar, record, { at: ctx.now.wall, outcome: "expired", reason });
  emit(ctx, { type: "schedule.expired", peer: from.id, data: { id, reason } });
  tellMaker(ctx, record, from, `was given up: ${reason}`);
}

/** Notes that a time passed and nothing could be sent, and tells whoever made it; of a row of refusals, the first. */
export function refuseSchedule(ctx: Context, calendar: Calendar, id: Handle, reason: string): void {
  const record = ctx.tx.shelves.schedule.get(id);
  // Another look has noted it meanwhile.
  if (!record || momentOf(ctx, record) === undefined) return;
  const from = ctx.tx.peers.get(record.from);
  settle(ctx, calendar, record, { at: ctx.now.wall, outcome: "refused", reason });
  emit(ctx, { type: "schedule.refused", peer: record.from, data: { id, reason } });
  const isLast = ctx.tx.shelves.schedule.get(id)?.over_at !== undefined;
  if (from && (isLast || record.last?.outcome !== "refused")) tellMaker(ctx, record, from, `was not sent: ${reason}`);
}

function tellMaker(ctx: Context, record: ScheduleRecord, from: PeerRecord, what: string): void {
  const to = ctx.tx.peers.get(record.to) ?? from;
  const whom = record.to === record.from ? "yourself" : to.name;
  const body = `Your scheduled message ${record.id} to ${whom} ${what}`;
  // Whoever counts on the one message may be idle and wait for what it brings about; of a repeated one the next comes anyhow.
  const urgency = record.trigger.type === "cron" ? "fyi" : "normal";
  noticeIfRoom(ctx, { from: to, to: from, body, urgency });
}

function drop(ctx: Context, record: ScheduleRecord, reason: string): void {
  ctx.tx.shelves.schedule.remove(record.id);
  emit(ctx, { type: "schedule.removed", peer: record.from, data: { id: record.id, reason } });
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
  drop(ctx, record, `by ${seatOf(ctx, caller).name}`);
}

export function publicSchedule(ctx: Context, record: ScheduleRecord): Schedule {
  const { thread: _, hops: __, expires_awake_ms: ___, has_ended: ____, over_at, from, to, trigger, ...rest } = record;
  const nameOf = (id: string, otherwise: string = id) => ctx.tx.peers.get(id)?.name ?? otherwise;
  return {
    ...rest,
    trigger: trigger.type === "peer" ? { ...trigger, name: nameOf(trigger.peer, trigger.name) } : trigger,
    state: stateOf(record.last?.outcome, over_at),
    from: nameOf(from),
    from_id: from,
    to: nameOf(to),
    to_id: to,
  };
}

function stateOf(outcome: NonNullable<Schedule["last"]>["outcome"] | undefined, overAt?: number): ScheduleState {
  return overAt === undefined || outcome === undefined || outcome === "sent" ? "planned" : outcome;
}
