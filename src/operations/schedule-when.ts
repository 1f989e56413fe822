import { type Calendar, type Context, type PeerRecord, resolvePeer } from "../core/index.ts";
import { LIMITS, PeerMoment, RepowireError, type Trigger } from "../protocol/index.ts";

/**
 * Reads `when`: how long (`30m`, `1h30m`), a time (`09:00`: the next one; `2026-12-02 09:00`), `cron 0 9 * * 1-5`, or what a peer comes
 * to (`backend idle`). Throws `invalid_input` with the forms where it is none of them.
 */
export function readWhen(
  ctx: Context,
  calendar: Calendar,
  given: { when: string; zone?: string; from: PeerRecord },
): Trigger {
  const when = given.when.trim();
  const zone = given.zone ?? calendar.zone;
  if (!calendar.isZone(zone))
    throw new RepowireError("invalid_input", `"${zone}" is no time zone, as Europe/Berlin is.`);
  const cron = when.match(/^cron:?\s+(.+)$/i)?.[1];
  if (cron !== undefined) return readCron(ctx, calendar, cron.trim(), zone);
  const delay = readDelay(when);
  if (delay !== undefined) return { type: "at", at: ctx.now.wall + delay };
  const [, name, moment] = when.match(/^(\S+)\s+(idle|waits|ends)$/i) ?? [];
  if (name !== undefined && moment !== undefined) {
    const peer = resolvePeer(ctx, given.from, name);
    if (peer.id === given.from.id)
      throw new RepowireError("self_ask", `"${name}" is you. Name the peer that you want to hear of.`);
    return { type: "peer", peer: peer.id, name: peer.name, moment: PeerMoment.parse(moment.toLowerCase()) };
  }
  const at = readTime(ctx, calendar, when, zone);
  if (at === undefined) throw unreadable();
  if (at <= ctx.now.wall) throw new RepowireError("invalid_input", `That time has passed. It is ${local(ctx)} now.`);
  return { type: "at", at };
}

const unreadable = () =>
  new RepowireError(
    "invalid_input",
    'That is no time. Say "30m", "09:00", "2026-12-02 09:00", "cron 0 9 * * 1-5", or "PEER idle" (waits, ends).',
  );

const local = (ctx: Context) => new Date(ctx.now.wall).toISOString();

const UNIT_MS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s`, `30m`, `in 1h30m`. */
function readDelay(text: string): number | undefined {
  const words = text.toLowerCase().replace(/^in\s+/, "");
  if (!/^(?:\d{1,6}\s*[smhd]\s*)+$/.test(words)) return undefined;
  return [...words.matchAll(/(\d+)\s*([smhd])/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * (UNIT_MS[unit ?? ""] ?? 0),
    0,
  );
}

function readTime(ctx: Context, calendar: Calendar, text: string, zone: string): number | undefined {
  const [, hour, minute] = text.match(/^(\d{1,2}):(\d{2})$/) ?? [];
  if (hour !== undefined && minute !== undefined)
    return Number(hour) < 24 && Number(minute) < 60
      ? calendar.next(`${Number(minute)} ${Number(hour)} * * *`, zone, ctx.now.wall)
      : undefined;
  const [, date, time, second, offset] =
    text.match(/^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2})(:\d{2})?(?:\.\d+)?\s*(Z|[+-]\d{2}:?\d{2})?$/i) ?? [];
  if (date === undefined || time === undefined || !isDay(date)) return undefined;
  if (offset === undefined) return calendar.at(`${date}T${time}${second ?? ":00"}`, zone);
  const at = Date.parse(`${date}T${time}${second ?? ":00"}${offset}`);
  return Number.isFinite(at) ? at : undefined;
}

/** The 30th of February would be read as a day in March. */
function isDay(date: string): boolean {
  const at = Date.parse(`${date}T00:00:00Z`);
  return Number.isFinite(at) && new Date(at).toISOString().startsWith(date);
}

function readCron(ctx: Context, calendar: Calendar, pattern: string, zone: string): Trigger {
  let first: number | undefined;
  try {
    first = calendar.next(pattern, zone, ctx.now.wall);
  } catch {
    throw new RepowireError(
      "invalid_input",
      `"${pattern.slice(0, 60)}" is no cron pattern. Five fields: minute, hour, day, month, weekday; "0 9 * * 1-5" is nine on weekdays.`,
    );
  }
  const second = first === undefined ? undefined : calendar.next(pattern, zone, first);
  // A pattern of five fields comes at most once a minute; this holds whatever a later one may have.
  if (first !== undefined && second !== undefined && second - first < LIMITS.scheduleEveryMs)
    throw new RepowireError("invalid_input", "That comes more than once a minute. Use a slower pattern.");
  return { type: "cron", pattern, zone };
}
