import type { PeerId } from "../protocol/index.ts";
import type { Context } from "./context.ts";
import type { Wait } from "./live.ts";

/**
 * The chain of waiting calls that leads from `from` to `to`: `from` waits for somebody who waits for … `to`. Only calls that are
 * really waiting make edges. If `to` now waited for `from`, these would be the rest of the loop. Shortest first.
 */
export function findChain(ctx: Context, from: PeerId, to: PeerId): Wait[] | undefined {
  const chains: Wait[][] = ctx.live.waitsOf(from).map((wait) => [wait]);
  const visited = new Set<PeerId>([from]);
  for (let chain = chains.shift(); chain; chain = chains.shift()) {
    const end = chain.at(-1);
    if (!end) continue;
    if (end.target === to) return chain;
    if (visited.has(end.target)) continue;
    visited.add(end.target);
    for (const wait of ctx.live.waitsOf(end.target)) chains.push([...chain, wait]);
  }
  return undefined;
}

/** "frontend → backend → frontend", for the sentence that refuses a loop. */
export function describeLoop(ctx: Context, asker: PeerId, chain: readonly Wait[]): string {
  const name = (id: PeerId) => ctx.tx.peers.get(id)?.name ?? id;
  return [name(asker), ...chain.map((wait) => name(wait.waiter)), name(asker)].join(" → ");
}

/** The waits of `from` that lead to `to`, straight or through others. */
export function waitsToward(ctx: Context, from: PeerId, to: PeerId): Wait[] {
  return ctx.live.waitsOf(from).filter((wait) => wait.target === to || findChain(ctx, wait.target, to) !== undefined);
}

/** These waits of one peer, and what else the same calls wait for: such a call comes back only as a whole. */
export function withSiblings(ctx: Context, waits: readonly Wait[]): Wait[] {
  const [first] = waits;
  if (!first) return [];
  const calls = new Set(waits.map((wait) => wait.call?.id ?? wait.id));
  return ctx.live.waitsOf(first.waiter).filter((wait) => calls.has(wait.call?.id ?? wait.id));
}
