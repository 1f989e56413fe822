import type { MeshEvent } from "../../protocol/index.ts";
import type { call as callDaemon } from "./api.ts";

/** More than this is not held: a shorter span is chosen instead. */
export const SPAN_EVENTS_MAX = 10_000;
const PAGE = 1_000;

export interface Span {
  events: MeshEvent[];
  /** There are more in that time than are held; these are the first. */
  isCut: boolean;
}

/** The events of a time, by page. Where they begin is found by halving: the log is by number, and a day of it may be long. */
export async function loadSpan(
  call: typeof callDaemon,
  { from, to }: { from: number; to: number },
  onCount: (events: number) => void,
  signal: AbortSignal,
): Promise<Span> {
  let after = await placeOf(call, from, signal);
  const events: MeshEvent[] = [];
  for (;;) {
    const page = await call("events", { after, limit: PAGE }, signal);
    const wanted = page.events.filter(({ at }) => at >= from && at < to);
    events.push(...wanted);
    if (events.length > SPAN_EVENTS_MAX) return { events: events.slice(0, SPAN_EVENTS_MAX), isCut: true };
    onCount(events.length);
    const isOver = page.events.length < PAGE || page.events.every(({ at }) => at >= to);
    if (isOver) return { events, isCut: false };
    after = page.cursor;
  }
}

/** Behind which number the first event of that time is. */
async function placeOf(call: typeof callDaemon, from: number, signal: AbortSignal): Promise<number> {
  let low = 0;
  let high = (await call("events", { after: 0, limit: 1 }, signal)).newest;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const [event] = (await call("events", { after: middle, limit: 1 }, signal)).events;
    if (!event || event.at >= from) high = middle;
    else low = event.seq;
  }
  return low;
}
