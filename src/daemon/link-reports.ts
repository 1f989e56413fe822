import {
  type Context,
  changeConversation,
  mustGet,
  noteActivity,
  noteSeen,
  noteTurnInput,
  present,
  settleDelivery,
} from "../core/index.ts";
import type { PeerId, Report, Rung } from "../protocol/index.ts";

/** What a link says happened in its session. Repeats and reports that come late change nothing. */
export function applyReport(ctx: Context, peer: PeerId, report: Report, rung: Rung): void {
  switch (report.type) {
    case "delivered":
      return settleDelivery(ctx, peer, report.result, rung);
    case "result_written": {
      const delivery = ctx.tx.deliveries.get(report.message, peer);
      if (delivery?.state === "leased") present(ctx, delivery, delivery.rung ?? "result");
      return;
    }
    case "entered":
      return noteTurnInput(ctx, peer, { type: "delivery", message: report.message }, rung);
    case "seen":
      return noteSeen(ctx, peer, report.message, report.by);
    case "turn_started":
      return noteActivity(ctx, peer, "busy");
    case "turn_ended":
      return noteActivity(ctx, peer, "idle");
    case "conversation":
      return changeConversation(ctx, mustGet(ctx, peer).id, report.conversation, "change");
    default:
      report satisfies never;
  }
}
