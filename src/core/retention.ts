import type { Context } from "./context.ts";
import { forgetPauses } from "./loop-guard.ts";

/** Removes what is over and older than `before` (epoch ms), of every kind. */
export function purge(ctx: Context, before: number): { messages: number; events: number; peers: number } {
  forgetPauses(ctx, before);
  return ctx.tx.purge(before);
}
