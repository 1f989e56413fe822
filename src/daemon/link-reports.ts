import {
  answerByTurn,
  type Context,
  changeConversation,
  failAsk,
  mustGet,
  noteActivity,
  noteLimited,
  noteSeen,
  noteTurnInput,
  openAskTo,
  present,
  releaseHeld,
  requeue,
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
    case "waiting":
      return noteActivity(ctx, peer, "waiting", report.detail);
    case "answer":
      return answerByTurn(ctx, peer, report.message, report.text);
    case "failed": {
      const ask = openAskTo(ctx, peer, report.message);
      if (ask) failAsk(ctx, ask, report.reason, report.text);
      return;
    }
    case "limited":
      return noteLimited(ctx, peer, report.until, report.text);
    case "lost": {
      const delivery = ctx.tx.deliveries.get(report.message, peer);
      if (delivery && (delivery.state === "presented" || delivery.state === "seen")) requeue(ctx, delivery, report.why);
      return;
    }
    case "released":
      return releaseHeld(ctx, peer);
    case "conversation":
      return changeConversation(ctx, mustGet(ctx, peer).id, report.conversation, "change");
    default:
      report satisfies never;
  }
}
