import type { Caller, Engine } from "../../core/index.ts";
import type { Operations } from "../../operations/index.ts";
import { newSpanId, newTrace, preciseNow } from "../../platform/trace-ids.ts";
import {
  asRepowireError,
  parseTraceParent,
  SPAN_OF_CALL,
  type TraceContext,
  traceParent,
} from "../../protocol/index.ts";
import { deliverSpan } from "./spans.ts";
import type { Tracing } from "./tracing.ts";

/**
 * The same operations, traced. A call that brings a traceparent was made by a process that tells of it itself; for all others (the
 * command line, HTTP, MCP over HTTP, a reply to a question that its process never saw) the daemon makes the call's span.
 */
export function traceCalls(operations: Operations, tracing: Tracing, engine: () => Engine): Operations {
  return {
    async call(name, input, caller, options) {
      const spanName = SPAN_OF_CALL[name];
      if (!spanName || typeof input !== "object" || input === null)
        return operations.call(name, input, caller, options);
      const given: Record<string, unknown> = { ...input };
      if (typeof given.traceparent === "string") {
        const settled = tracing.arrived(given.traceparent);
        try {
          return await operations.call(name, given, caller, options);
        } finally {
          settled();
        }
      }
      const parent = name === "reply" ? questionOf(engine(), caller, given.id) : undefined;
      const own = parent ? { trace: parent.trace, span: newSpanId() } : newTrace();
      const traceparent = traceParent(own);
      const startedAt = preciseNow();
      const settled = tracing.arrived(traceparent);
      const done = (error?: string) => {
        settled();
        const attributes = { "repowire.caller": nameOf(engine(), caller) };
        tracing.record({
          name: spanName,
          ...own,
          parent: parent?.span,
          startedAt,
          endedAt: preciseNow(),
          error,
          attributes,
        });
      };
      try {
        const output = await operations.call(name, { ...given, traceparent }, caller, options);
        done();
        return output;
      } catch (error) {
        done(asRepowireError(error).code);
        throw error;
      }
    },
  };
}

/** The hand-over of the question that this handle names, if it was the caller's. */
function questionOf(engine: Engine, caller: Caller, handle: unknown): TraceContext | undefined {
  if (typeof handle !== "string") return undefined;
  return engine.read((ctx) => {
    const delivery = ctx.tx.deliveries.byHandle(handle);
    if (delivery?.peer !== caller.peer) return undefined;
    const context = parseTraceParent(ctx.tx.messages.get(delivery.message)?.traceparent);
    return context && { trace: context.trace, span: deliverSpan(delivery.message, delivery.peer, delivery.attempt) };
  });
}

const nameOf = (engine: Engine, caller: Caller): string =>
  engine.read((ctx) => ctx.tx.peers.get(caller.peer)?.name ?? caller.peer);
