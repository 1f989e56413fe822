import type { Context } from "./context.ts";

/** Handles are unique over all peers, so that people can name a message by its handle alone; 24 million leave room. */
export function freeHandle(ctx: Context): string {
  for (;;) {
    const handle = ctx.ids.handle();
    const { schedule, attachment } = ctx.tx.shelves;
    if (!ctx.tx.deliveries.isHandleTaken(handle) && !schedule.get(handle) && !attachment.get(handle)) return handle;
  }
}
