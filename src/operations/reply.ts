import { type Caller, type Context, replyToAsk, reportProgress, see } from "../core/index.ts";
import type { AskRecord } from "../core/ports.ts";
import { LIMITS, RepowireError } from "../protocol/index.ts";
import type { Handler, OperationDeps } from "./types.ts";

export function replyHandler(deps: OperationDeps): Handler<"reply"> {
  return async ({ caller, params }) => {
    // A decision of its own in the same batch: that the handle was cited stays proven when the reply is refused.
    const cited = deps.engine.run((ctx) => citeHandle(ctx, caller, askByHandle(ctx, caller, params.id)));
    const replied = deps.engine.run((ctx) => {
      const ask = askByHandle(ctx, caller, params.id);
      const outcome = params.outcome ?? "answer";
      const asker = ctx.tx.peers.get(ask.asker);
      if (!asker)
        throw new RepowireError(
          "peer_not_found",
          `Whoever asked ${params.id} has left the mesh for good; no reply is needed.`,
        );
      const base = { id: ask.handle, peer: asker.name, outcome, asker: asker.presence };
      if (outcome === "progress") {
        if (params.attachments)
          throw new RepowireError("invalid_input", "A line of progress takes no files. Attach them to the answer.");
        reportProgress(ctx, ask, progressLine(params.text));
        return { ...base, repeated: false, awaited: ctx.live.waitsFor(ask.message).length > 0 };
      }
      const isShared = waitsForOthers(ctx, ask);
      const { repeated, awaited } = replyToAsk(ctx, {
        ask: ctx.tx.asks.get(ask.message) ?? ask,
        text: params.text,
        outcome,
        by: "reply",
        checkout: params.checkout,
        message: params.message,
        traceparent: params.traceparent,
        attachments: params.attachments,
      });
      return { ...base, repeated, awaited, ...(awaited && isShared ? { with_others: true } : {}) };
    });
    const [, reply] = await Promise.all([cited, replied]);
    return reply;
  };
}

/** Every call that waits for this answer still waits for another one, too. */
function waitsForOthers(ctx: Context, ask: AskRecord): boolean {
  const others = ctx.live.waitsOf(ask.asker).filter((wait) => wait.ask !== ask.message);
  return ctx.live
    .waitsFor(ask.message)
    .every(({ call }) => call !== undefined && others.some((other) => other.call?.id === call.id));
}

function progressLine(text: string): string {
  if (text.length <= LIMITS.reasonCharsMax) return text;
  throw new RepowireError(
    "body_too_large",
    `One line of progress may have ${LIMITS.reasonCharsMax} characters; this one has ${text.length}. Shorten it, or send it as the answer.`,
  );
}

/** A handle is valid for its recipient only: for anybody else it does not exist. */
function askByHandle(ctx: Context, caller: Caller, handle: string): AskRecord {
  const delivery = ctx.tx.deliveries.byHandle(handle);
  if (delivery?.peer !== caller.peer) {
    const open = ctx.tx.asks
      .openTo(caller.peer)
      .map((ask) => `${ask.handle} from ${ctx.tx.peers.get(ask.asker)?.name ?? "?"}`);
    const hint =
      open.length > 0 ? `Open questions to you: ${open.slice(0, 5).join(", ")}.` : "No question to you is open.";
    throw new RepowireError("handle_unknown", `No message "${handle}" was sent to you. ${hint}`);
  }
  const ask = ctx.tx.asks.get(delivery.message);
  if (!ask) {
    throw new RepowireError(
      "not_an_ask",
      `${handle} is a ${delivery.kind}, not a question: it takes no reply. To write back, use notify_peer or ask_peer.`,
    );
  }
  return ask;
}

/** Only the one who was shown the handle can cite it: a receipt, unless a subagent may have made the call. */
function citeHandle(ctx: Context, caller: Caller, ask: AskRecord): void {
  const delivery = ctx.tx.deliveries.get(ask.message, caller.peer);
  if (delivery && !caller.mayBeSubagent) see(ctx, delivery, "reply");
}
