import type { DeliveryRecord, Effect, Engine } from "../../core/index.ts";
import { preciseNow } from "../../platform/trace-ids.ts";
import {
  type Envelope,
  type MeshEvent,
  type MessageId,
  type PeerId,
  parseTraceParent,
  type SessionSpan,
  traceParent,
} from "../../protocol/index.ts";
import { acceptSpan, deliverSpan, type Span, seenSpan, under } from "./spans.ts";

/**
 * The way of each message as spans, from what was committed: accept under the caller's span, deliver under accept, and under deliver
 * what the recipient's side proved. Only messages that carry a `traceparent` have one.
 */
export interface Tracing {
  /** Makes spans of what was decided and committed. */
  effects(effects: readonly Effect[]): void;
  /** What a session's process told of its own part. */
  sessionSpans(peer: PeerId, spans: readonly SessionSpan[]): void;
  /** The messages as they are handed over: each names its hand-over as what the recipient's steps belong under. */
  carry(peer: PeerId, items: Envelope[]): Envelope[];
  record(span: Span): void;
  /** A call that makes a message came in: its acceptance began then. */
  arrived(traceparent: string): () => void;
  stop(): Promise<void>;
}

/** Hand-overs and calls in flight whose beginning is remembered; beyond it, they are shown without their length. */
const OPEN_MAX = 10_000;

export function createTracing(parts: {
  engine: () => Engine;
  send(span: Span): void;
  stop(): Promise<void>;
  onFault(error: unknown): void;
}): Tracing {
  const leasedAt = new Map<string, number>();
  const arrivedAt = new Map<string, number>();

  function remember(map: Map<string, number>, key: string, at: number): void {
    if (map.size >= OPEN_MAX) map.delete(map.keys().next().value ?? "");
    map.set(key, at);
  }

  function take(map: Map<string, number>, key: string): number | undefined {
    const at = map.get(key);
    map.delete(key);
    return at;
  }

  function accepted(event: MeshEvent, message: MessageId, now: number): void {
    const stored = parts.engine().read((ctx) => ctx.tx.messages.get(message));
    const context = parseTraceParent(stored?.traceparent);
    if (!stored || !context) return;
    const startedAt = arrivedAt.get(stored.traceparent ?? "") ?? now;
    const { kind, from, bytes } = event.data;
    parts.send({
      name: "accept",
      trace: context.trace,
      span: acceptSpan(message),
      parent: context.span,
      startedAt,
      endedAt: now,
      attributes: {
        "repowire.message": message,
        "repowire.kind": String(kind),
        "repowire.from": String(from),
        "repowire.bytes": Number(bytes),
      },
    });
  }

  function moved(event: MeshEvent, message: MessageId, peer: PeerId, now: number): void {
    const state = event.type.slice("delivery.".length);
    const { delivery, stored, to } = parts.engine().read((ctx) => ({
      delivery: ctx.tx.deliveries.get(message, peer),
      stored: ctx.tx.messages.get(message),
      to: ctx.tx.peers.get(peer),
    }));
    const context = parseTraceParent(stored?.traceparent);
    if (!delivery || !context) return;
    const key = `${message} ${peer}`;
    const attempt = Number(event.data.attempt ?? delivery.attempt);
    const attributes = attributesOf(event, delivery, attempt, to);
    const deliver = deliverSpan(message, peer, attempt);
    if (state === "leased") remember(leasedAt, key, now);
    else if (state === "presented" || (leasedAt.has(key) && state !== "seen" && state !== "entered")) {
      const error = state === "presented" ? undefined : `${state}: ${String(event.data.reason ?? "")}`;
      const ids = { trace: context.trace, span: deliver, parent: acceptSpan(message) };
      parts.send({ name: "deliver", ...ids, startedAt: take(leasedAt, key) ?? now, endedAt: now, error, attributes });
    } else if (state === "seen") {
      // A receipt may come before the hand-over's own report; then it is the end of both.
      const leased = take(leasedAt, key);
      const ids = { trace: context.trace, span: deliver, parent: acceptSpan(message) };
      if (leased !== undefined) parts.send({ name: "deliver", ...ids, startedAt: leased, endedAt: now, attributes });
      parts.send({
        name: "seen",
        ...under(context, seenSpan(message, peer)),
        parent: deliver,
        startedAt: Math.min(now, leased ?? delivery.presented_at ?? now),
        endedAt: now,
        attributes: { ...attributes, "repowire.by": String(event.data.by ?? "") },
      });
    }
  }

  function note(event: MeshEvent, now: number): void {
    const { message, peer } = event;
    if (!message) return;
    if (event.type === "message.accepted") accepted(event, message, now);
    else if (peer && event.type.startsWith("delivery.")) moved(event, message, peer, now);
  }

  return {
    effects(effects) {
      const now = preciseNow();
      for (const effect of effects) {
        if (effect.type !== "event") continue;
        try {
          note(effect.event, now);
        } catch (error) {
          // What was decided is stored and done; that it could not be looked at costs a span, nothing else.
          parts.onFault(error);
        }
      }
    },
    sessionSpans(peer, spans) {
      const record = parts.engine().read((ctx) => ctx.tx.peers.get(peer));
      for (const { name, trace, span, parent, started_at, ended_at, error } of spans) {
        const attributes = {
          "repowire.peer": record?.name ?? peer,
          "repowire.runtime": record?.runtime ?? "gone",
          "repowire.session_pid": record?.instance?.pid ?? 0,
        };
        parts.send({ name, trace, span, parent, startedAt: started_at, endedAt: ended_at, error, attributes });
      }
    },
    carry: (peer, items) =>
      items.map((item) => {
        const context = parseTraceParent(item.traceparent);
        if (!context) return item;
        return { ...item, traceparent: traceParent(under(context, deliverSpan(item.message, peer, item.attempt))) };
      }),
    record: parts.send,
    arrived(traceparent) {
      remember(arrivedAt, traceparent, preciseNow());
      return () => void arrivedAt.delete(traceparent);
    },
    stop: parts.stop,
  };
}

function attributesOf(
  event: MeshEvent,
  delivery: DeliveryRecord,
  attempt: number,
  to: { name: string; runtime: string } | undefined,
): Span["attributes"] {
  return {
    "repowire.message": delivery.message,
    "repowire.handle": delivery.handle,
    "repowire.to": to?.name ?? delivery.peer,
    "repowire.runtime": to?.runtime ?? "gone",
    "repowire.rung": String(event.data.rung ?? delivery.rung ?? "none"),
    "repowire.attempt": attempt,
  };
}
