import { LIMITS } from "../protocol/index.ts";
import { expireApproval } from "./approvals.ts";
import { expireAsk } from "./asks.ts";
import { NIGHT_MS } from "./budget.ts";
import { type Context, stir } from "./context.ts";
import { liftQuiet } from "./inbound.ts";
import { keepLaunchDeadlines } from "./launches.ts";
import { closeDelivery } from "./mailbox.ts";
import type { DeliveryRecord } from "./ports.ts";
import { requeue } from "./retry.ts";
import { declareDead } from "./router.ts";
import { leaveIfDone } from "./sessions.ts";
import { liftLimits } from "./turns.ts";

const AT_ONCE_MAX = 200;

/** Everything that time alone decides. Called about once a second; deadlines are on the awake clock. */
export function keepDeadlines(ctx: Context): void {
  for (const ask of ctx.tx.asks.due(ctx.now.awake, AT_ONCE_MAX)) expireAsk(ctx, ask);
  for (const delivery of ctx.tx.deliveries.due(ctx.now.awake, AT_ONCE_MAX))
    closeDelivery(ctx, delivery, "expired", "its time ran out");
  for (const approval of ctx.tx.approvals.pending()) {
    if (approval.expires_awake_ms <= ctx.now.awake) expireApproval(ctx, approval);
  }
  liftLimits(ctx);
  liftQuiet(ctx);
  ctx.live.dropBuckets(ctx.now.awake - NIGHT_MS);
  for (const delivery of ctx.tx.deliveries.allInStates(["leased"])) judgeLease(ctx, delivery);
  for (const delivery of ctx.tx.deliveries.allInStates(["presented"])) judgePush(ctx, delivery);
  for (const peer of ctx.tx.peers.all()) {
    const until = ctx.live.linkExpectedUntil(peer.id);
    if (until > 0 && until <= ctx.now.awake) {
      ctx.live.expectLink(ctx.tx, peer.id, 0);
      stir(ctx, peer.id);
    }
    leaveIfDone(ctx, peer.id);
  }
  keepLaunchDeadlines(ctx);
}

/** A hand-over whose time ran out without a report. */
function judgeLease(ctx: Context, delivery: DeliveryRecord): void {
  if (delivery.lease_until !== undefined && delivery.lease_until > ctx.now.awake) return;
  const route = delivery.lease_route ? ctx.live.route(delivery.lease_route) : undefined;
  if (route?.ready) {
    // The link lives and has it; a busy process may be slow to answer.
    ctx.tx.deliveries.put({ ...delivery, lease_until: ctx.now.awake + LIMITS.leaseMs });
    return;
  }
  if (delivery.rung === "hook" || delivery.rung === "result" || delivery.rung === "pull") {
    requeue(ctx, delivery, `the ${delivery.rung} that carried it never reported`, {
      possible_duplicates: delivery.possible_duplicates + 1,
    });
    return;
  }
  // The link's process is gone, or was replaced, without a word. Where receipts are to be had, their absence in an idle session
  // proves that nothing arrived; elsewhere the repeat may be a second copy, and is counted as such.
  if (ctx.live.givesReceipts(delivery.peer)) {
    if (idleFor(ctx, delivery) >= LIMITS.idleDeadMs)
      declareDead(ctx, delivery, "its link was lost and the idle session shows no receipt");
  } else {
    requeue(ctx, delivery, "its link was lost", { possible_duplicates: delivery.possible_duplicates + 1 });
  }
}

/** A push that the runtime was given, with no receipt so far. Only an idle session proves that it is dead. */
function judgePush(ctx: Context, delivery: DeliveryRecord): void {
  if (delivery.entered_at !== undefined || delivery.rung === "result" || delivery.rung === "pull") return;
  if (!ctx.live.givesReceipts(delivery.peer)) return;
  if (idleFor(ctx, delivery) >= LIMITS.idleDeadMs)
    declareDead(ctx, delivery, `no receipt from the idle session for ${LIMITS.idleDeadMs / 1000} s`);
}

/** How long the session has been idle since this was handed over, in ms. */
function idleFor(ctx: Context, delivery: DeliveryRecord): number {
  const activity = ctx.live.activity(delivery.peer);
  if (activity.state !== "idle") return 0;
  return ctx.now.awake - Math.max(activity.since_awake, delivery.presented_awake ?? 0);
}
