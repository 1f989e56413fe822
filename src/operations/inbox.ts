import {
  type AskRecord,
  askOutcome,
  attachWait,
  type Caller,
  type Context,
  type DeliveryRecord,
  excerpt,
  leaseAsResult,
  makeEnvelope,
  type PeerRecord,
  publicSchedule,
  RESULT_BODY_BYTES_MAX,
  recipientTruth,
  removeSchedule,
  scheduleNamed,
  seatOf,
  see,
  sliceBytes,
  withdrawAsk,
} from "../core/index.ts";
import { type OperationOutput, RepowireError } from "../protocol/index.ts";
import { boundedWait, waitFor } from "./ask.ts";
import { showAttachment } from "./attachments.ts";
import type { Handler, OperationDeps } from "./types.ts";

type InboxOutput = OperationOutput<"inbox">;

export function inboxHandler(deps: OperationDeps): Handler<"inbox"> {
  return async ({ caller, params, options }) => {
    const { id } = params;
    if (id === undefined) {
      if (params.cancel) throw new RepowireError("invalid_input", "cancel needs the id of the question to withdraw.");
      return deps.engine.run((ctx) => mail(ctx, caller));
    }
    if (params.cancel) return deps.engine.run((ctx) => withdraw(ctx, caller, id));
    const waitMs = (params.wait_seconds ?? 0) * 1000;
    if (waitMs > 0) {
      const waited = await waitForOwnAsk(deps, caller, id, waitMs, options.signal);
      if (waited) return waited;
    }
    return (await showAttachment(deps, caller, id)) ?? deps.engine.run((ctx) => byHandle(ctx, caller, id));
  };
}

/** Room for what stands before each body: id, sender, age, how to answer. */
const ITEM_HEAD_BYTES = 200;
/** Open questions listed beside the mail, oldest first; the others follow when these are done. */
const LISTED_MAX = 8;

/** Unread mail, as much as one result holds. A subagent may look, but what it reads stays unread for its session. */
function mail(ctx: Context, caller: Caller): InboxOutput {
  const peer = seatOf(ctx, caller);
  const unread = ctx.tx.deliveries.inStates(peer.id, ["queued", "held"]);
  const items: DeliveryRecord[] = [];
  let left = RESULT_BODY_BYTES_MAX;
  for (const delivery of unread) {
    const bytes = (ctx.tx.messages.get(delivery.message)?.body_bytes ?? 0) + ITEM_HEAD_BYTES;
    if (items.length > 0 && bytes > left) break;
    left -= Math.min(bytes, left);
    items.push(delivery);
  }
  const perItem = Math.max(1, Math.floor(RESULT_BODY_BYTES_MAX / Math.max(1, items.length)) - ITEM_HEAD_BYTES);
  const shown = items.map((delivery) => {
    const leased = caller.mayBeSubagent
      ? undefined
      : leaseAsResult(
          ctx,
          delivery.message,
          delivery.peer,
          "pull",
          items.length === 1 ? RESULT_BODY_BYTES_MAX : perItem,
        );
    return makeEnvelope(ctx, leased ?? delivery, items.length === 1 ? RESULT_BODY_BYTES_MAX : perItem);
  });
  return {
    type: "mail",
    items: shown,
    more: unread.length - shown.length,
    to_answer: ctx.tx.asks
      .openTo(peer.id)
      .slice(0, LISTED_MAX)
      .map((ask) => ({
        id: ask.handle,
        from: nameOf(ctx, ask.asker),
        question: excerpt(ctx.tx.messages.get(ask.message)?.body ?? ""),
        asked_at: ask.opened_at,
      })),
    asked: ctx.tx.asks
      .openFrom(peer.id)
      .slice(0, LISTED_MAX)
      .map((ask) => ({
        id: ask.handle,
        to: nameOf(ctx, ask.askee),
        question: excerpt(ctx.tx.messages.get(ask.message)?.body ?? ""),
        recipient: recipientTruth(ctx, deliveryOf(ctx, ask)),
      })),
  };
}

function withdraw(ctx: Context, caller: Caller, handle: string): InboxOutput {
  const schedule = scheduleNamed(ctx, caller, handle);
  if (schedule) {
    removeSchedule(ctx, caller, schedule);
    return { type: "schedule", schedule: publicSchedule(ctx, schedule), removed: true };
  }
  const ask = ownAsk(ctx, caller, handle);
  if (!ask) {
    throw new RepowireError(
      "handle_unknown",
      `${handle} is no question or scheduled message of yours, so there is nothing to withdraw. inbox() lists your open questions.`,
    );
  }
  const { wasPresented } = withdrawAsk(ctx, ask);
  return { type: "withdrawn", id: handle, peer: nameOf(ctx, ask.askee), was_presented: wasPresented };
}

function byHandle(ctx: Context, caller: Caller, handle: string): InboxOutput {
  const peer = seatOf(ctx, caller);
  const ask = ownAsk(ctx, caller, handle);
  if (ask) {
    const outcome = askOutcome(ctx, ask);
    if (ask.answer && !caller.mayBeSubagent) leaseAsResult(ctx, ask.answer, ask.asker);
    return { type: "ask", outcome };
  }
  const schedule = scheduleNamed(ctx, caller, handle);
  if (schedule) return { type: "schedule", schedule: publicSchedule(ctx, schedule), removed: false };
  const delivery = ctx.tx.deliveries.byHandle(handle);
  if (delivery?.peer !== peer.id) {
    throw new RepowireError(
      "handle_unknown",
      `No message or question "${handle}" of yours. inbox() lists unread mail and open questions.`,
    );
  }
  return nextPart(ctx, caller, delivery);
}

/** The part of a message after what was shown already; from its beginning when all of it was. */
function nextPart(ctx: Context, caller: Caller, delivery: DeliveryRecord): InboxOutput {
  const body = ctx.tx.messages.get(delivery.message)?.body ?? "";
  const isFirst = delivery.state === "queued" || delivery.state === "held";
  const total = new TextEncoder().encode(body).length;
  const offset = isFirst || delivery.shown_bytes >= total ? 0 : delivery.shown_bytes;
  const { part, end } = sliceBytes(body, offset, RESULT_BODY_BYTES_MAX);
  let current = delivery;
  if (!caller.mayBeSubagent) {
    current =
      (isFirst ? leaseAsResult(ctx, delivery.message, delivery.peer, "pull") : see(ctx, delivery, "inbox")) ?? delivery;
    ctx.tx.deliveries.put({ ...current, shown_bytes: end });
  }
  return { type: "message", envelope: makeEnvelope(ctx, current), offset, part, rest_bytes: total - end };
}

async function waitForOwnAsk(
  deps: OperationDeps,
  caller: Caller,
  handle: string,
  ms: number,
  signal: AbortSignal | undefined,
): Promise<InboxOutput | undefined> {
  const wait = deps.waits.open(deps.ids.secret());
  try {
    const started = await deps.engine.run((ctx) => {
      const ask = ownAsk(ctx, caller, handle);
      if (ask?.state !== "open") return undefined;
      const known = attachWait(ctx, ask, { id: wait.id, canTakeQuestion: true });
      return { message: ask.message, known, waitMs: boundedWait(seatOf(ctx, caller).runtime, ms) };
    });
    if (!started) return undefined;
    if (started.known.state !== "pending") return { type: "ask", outcome: started.known };
    const outcome = await waitFor(deps, wait, started.message, started.waitMs, signal);
    return { type: "ask", outcome };
  } finally {
    wait.close();
  }
}

function ownAsk(ctx: Context, caller: Caller, handle: string): AskRecord | undefined {
  const ask = ctx.tx.asks.get(ctx.tx.deliveries.byHandle(handle)?.message ?? "");
  return ask?.asker === caller.peer ? ask : undefined;
}

function deliveryOf(ctx: Context, ask: AskRecord): DeliveryRecord {
  const delivery = ctx.tx.deliveries.get(ask.message, ask.askee);
  if (!delivery) throw new Error(`no delivery of ask ${ask.message}`);
  return delivery;
}

function nameOf(ctx: Context, id: PeerRecord["id"]): string {
  return ctx.tx.peers.get(id)?.name ?? id;
}
