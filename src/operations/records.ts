import { type Caller, type Context, emit, excerpt, purgeOlder, seatOf } from "../core/index.ts";
import type { DeliveryRecord } from "../core/ports.ts";
import {
  type Delivery,
  LIMITS,
  type MeshEvent,
  type Message,
  RepowireError,
  type TraceStep,
} from "../protocol/index.ts";
import { keepAttachments } from "./attachments.ts";
import type { Handler, OperationDeps } from "./types.ts";

/** What is on record: the trace of one message, pages of the event log, and its end by retention. */

export function traceHandler(deps: OperationDeps): Handler<"trace"> {
  return async ({ caller, params }) =>
    deps.engine.read((ctx) => {
      const message = findMessage(ctx, params.id);
      const deliveries = message ? ctx.tx.deliveries.ofMessage(message.id) : [];
      if (!message || !mayTrace(ctx, caller, message, deliveries)) {
        throw new RepowireError(
          "not_found",
          params.id === "last"
            ? "No message was sent yet. Try `repowire peer ask NAME QUESTION`."
            : `No message "${params.id}". \`repowire log\` shows the recent ones.`,
        );
      }
      const ask = ctx.tx.asks.get(message.id);
      const events = ctx.tx.events.ofMessages(ask?.answer ? [message.id, ask.answer] : [message.id]);
      const nameOf = (id: string | undefined) => (id ? (ctx.tx.peers.get(id)?.name ?? id) : undefined);
      return {
        id: deliveries[0]?.handle ?? message.id,
        message: message.id,
        kind: message.kind,
        from: nameOf(message.from) ?? message.from_name,
        to: deliveries.map((delivery) => nameOf(delivery.peer) ?? delivery.peer),
        excerpt: excerpt(message.body),
        ask,
        deliveries: deliveries.map(publicDelivery),
        steps: events.flatMap((event) => traceStep(event, message, nameOf(event.peer))),
      };
    });
}

function findMessage(ctx: Context, id: string): Message | undefined {
  if (id === "last") return ctx.tx.messages.last();
  const delivery = ctx.tx.deliveries.byHandle(id);
  return ctx.tx.messages.get(delivery?.message ?? id);
}

/** Agents see the traces of their own messages; people and orchestrators see all. */
function mayTrace(ctx: Context, caller: Caller, message: Message, deliveries: DeliveryRecord[]): boolean {
  const me = seatOf(ctx, caller);
  return me.role !== "agent" || message.from === me.id || deliveries.some((delivery) => delivery.peer === me.id);
}

/** The steps of the question, and those of its answer marked as such; what every trace has twice is left out. */
function traceStep(event: MeshEvent, message: Message, peer: string | undefined): TraceStep[] {
  const [subject, state] = event.type.split(".");
  if (!state || event.type === "message.accepted") return [];
  const isAnswer = event.message !== message.id;
  const { by, rung, reason, why, attempt } = event.data;
  const detail = [by, rung, reason ?? why].filter((part): part is string => typeof part === "string");
  if (typeof attempt === "number" && attempt > 1) detail.push(`attempt ${attempt}`);
  return [
    {
      state: isAnswer ? `answer ${state}` : subject === "approval" ? `approval ${state}` : state,
      at: event.at - message.created_at,
      at_epoch_ms: event.at,
      peer,
      detail: detail.length > 0 ? detail.join(", ") : undefined,
    },
  ];
}

export function publicDelivery(record: DeliveryRecord): Delivery {
  const {
    seq: _s,
    kind: _k,
    from: _f,
    urgency: _u,
    expires_awake_ms: _e,
    lease_until: _l,
    lease_route: _r,
    presented_awake: _p,
    ...open
  } = record;
  const { dead_rungs: _d, possible_duplicates: _pd, ...delivery } = open;
  return delivery;
}

export function eventsHandler(deps: OperationDeps, epoch: string): Handler<"events"> {
  return async ({ params }) =>
    deps.engine.read((ctx) => {
      const events = ctx.tx.events.after(params.after ?? 0, params.limit ?? LIMITS.pageMax);
      return { events, cursor: events.at(-1)?.seq ?? params.after ?? 0, newest: ctx.tx.events.last(), epoch };
    });
}

const DAY_MS = 86_400_000;

export function purgeHandler(deps: OperationDeps): Handler<"purge"> {
  return async ({ params }) => {
    const before = deps.clock.now().wall - (params.older_than_days ?? LIMITS.retentionDays) * DAY_MS;
    const gone = await purgeOlder(deps.engine, before);
    await keepAttachments(deps);
    if (gone.messages + gone.events + gone.peers > 0)
      await deps.engine.run((ctx) => emit(ctx, { type: "store.purged", data: { ...gone } }));
    return gone;
  };
}
