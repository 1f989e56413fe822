import { LIMITS } from "../protocol/index.ts";
import { isOfOperation } from "./approvals.ts";
import type { Context } from "./context.ts";
import { stir } from "./context.ts";
import { voidRequest } from "./launches.ts";
import { rebuildBudgets } from "./loop-guard.ts";
import type { PeerRecord } from "./ports.ts";
import { endSession } from "./sessions.ts";

/**
 * After a start of the daemon: leases of the one before are void, but what they handed over may still be reported by the
 * sessions' own processes, which are given a moment to come back. Sessions whose process is gone ended meanwhile.
 */
export function recover(ctx: Context, isAlive: (peer: PeerRecord) => boolean): void {
  rebuildBudgets(ctx);
  const graceUntil = ctx.now.awake + LIMITS.resumeGraceMs;
  for (const delivery of ctx.tx.deliveries.allInStates(["leased"])) {
    ctx.tx.deliveries.put({ ...delivery, lease_route: undefined, lease_until: graceUntil });
  }
  for (const approval of ctx.tx.approvals.pending()) if (isOfOperation(approval)) voidRequest(ctx, approval);
  for (const peer of ctx.tx.peers.all()) {
    if (peer.presence.state === "offline") continue;
    if (peer.instance && !isAlive(peer)) {
      endSession(ctx, peer.id, "its process ended");
      continue;
    }
    if (peer.had_link) ctx.live.expectLink(ctx.tx, peer.id, graceUntil);
    stir(ctx, peer.id);
  }
}

/** When the daemon before this one was last known to live: what sessions did since then, nobody saw. `markedAt`: epoch ms that it noted by itself. */
export function lastAlive({ tx }: Context, markedAt: number | undefined): number | undefined {
  const last = tx.events.after(tx.events.last() - 1, 1)[0]?.at;
  return markedAt === undefined ? last : Math.max(markedAt, last ?? 0);
}
