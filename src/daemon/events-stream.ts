import type { Context as HonoContext } from "hono";
import { streamSSE } from "hono/streaming";
import type { Engine } from "../core/index.ts";
import { LIMITS, type MeshEvent, RepowireError } from "../protocol/index.ts";
import type { EventHub } from "./hub.ts";

const KEEP_ALIVE_MS = 15_000;
const PAGE = 200;

/**
 * The event log as server-sent events: everything after a cursor, then live. Each event's id is its number, so a reader that
 * reconnects with `Last-Event-ID` misses nothing and gets nothing twice. A slow reader is read for at its own pace: events are
 * taken from the store, not from a growing queue.
 */
export function createEventStream(parts: { engine: Engine; hub: EventHub; epoch: string }) {
  let open = 0;

  function startAfter(context: HonoContext): number {
    const asked = context.req.header("last-event-id") ?? context.req.query("after");
    if (asked === undefined || asked === "") return parts.engine.read((ctx) => ctx.tx.events.last());
    const cursor = Number(asked);
    if (!Number.isInteger(cursor) || cursor < 0) {
      throw new RepowireError(
        "invalid_input",
        `"${asked.slice(0, 40)}" is not a position in the event log. Use the id of the last event, or leave it out for new events only.`,
      );
    }
    return cursor;
  }

  return {
    /** Streams that somebody reads now. */
    get open() {
      return open;
    },
    serve,
  };

  /** `mayRead`: asked before each event and with each sign of life; the stream ends when it no longer may. */
  function serve(context: HonoContext, mayRead: () => boolean = () => true): Response {
    if (open >= LIMITS.streamsMax)
      throw new RepowireError("overloaded", `${open} event streams are open, the most there may be. Close one.`);
    let cursor = startAfter(context);
    context.header("repowire-epoch", parts.epoch);
    return streamSSE(context, async (stream) => {
      open++;
      let wake = Promise.withResolvers<void>();
      const stopListening = parts.hub.subscribe(() => wake.resolve());
      stream.onAbort(() => wake.resolve());
      try {
        // Without a first byte the headers would wait for the first event, and the reader would not know that it is connected.
        await stream.write(": here\n\n");
        while (!stream.aborted && mayRead()) {
          const page: MeshEvent[] = parts.engine.read((ctx) => ctx.tx.events.after(cursor, PAGE));
          for (const event of page) {
            await stream.writeSSE({ id: String(event.seq), event: event.type, data: JSON.stringify(event) });
            cursor = event.seq;
          }
          if (page.length > 0) continue;
          const timer = setTimeout(wake.resolve, KEEP_ALIVE_MS);
          await wake.promise;
          clearTimeout(timer);
          wake = Promise.withResolvers<void>();
          if (!stream.aborted) await stream.write(": still here\n\n");
        }
      } finally {
        open--;
        stopListening();
      }
    });
  }
}
