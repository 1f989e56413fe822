import type { Context } from "./context.ts";

/** Token buckets on core's own clock: filled at first, refilled evenly, and undone with the transaction that spent from them. */

export interface Bucket {
  tokens: number;
  /** Awake ms at which `tokens` was true. */
  at: number;
}

export interface BucketSize {
  /** The most that may be spent at once. 0: without a limit. */
  max: number;
  /** In how long an empty bucket is full again. */
  fullInMs: number;
}

export const MINUTE_MS = 60_000;
/** As long as one leaves agents alone. */
export const NIGHT_MS = 12 * 3_600_000;

/** What is in the bucket, at this instant or at an earlier one (awake ms). */
function tokensIn(ctx: Context, key: string, size: BucketSize, at = ctx.now.awake): number {
  const bucket = ctx.live.bucket(key);
  if (!bucket) return size.max;
  return Math.min(size.max, bucket.tokens + ((at - bucket.at) / size.fullInMs) * size.max);
}

/** Takes `count` out, and less than nothing in it is possible: whether it may is asked before. */
export function spend(ctx: Context, key: string, size: BucketSize, count = 1, at = ctx.now.awake): void {
  if (size.max === 0) return;
  ctx.live.setBucket(ctx.tx, key, { tokens: tokensIn(ctx, key, size, at) - count, at });
}

export const isSpent = (ctx: Context, key: string, size: BucketSize): boolean =>
  size.max > 0 && tokensIn(ctx, key, size) < 1;

/** How much of it is spent at this instant. */
export const usedOf = (ctx: Context, key: string, size: BucketSize): number => size.max - tokensIn(ctx, key, size);
