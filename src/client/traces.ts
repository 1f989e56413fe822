import { newSpanId, newTrace, preciseNow } from "../platform/trace-ids.ts";
import {
  asRepowireError,
  type DeliverResult,
  type Envelope,
  parseTraceParent,
  type SessionSpan,
  SPAN_OF_CALL,
  type TraceContext,
  traceParent,
} from "../protocol/index.ts";

/**
 * The session's part of a trace: spans are made here without any library and told to the daemon, which exports them. Nothing is made
 * while the daemon does not trace.
 */
export interface Traces {
  /** Adds the call's place in its trace to the input, and tells of the call when it is over. */
  call<T>(
    name: string,
    input: Record<string, unknown>,
    run: (input: Record<string, unknown>) => Promise<T>,
  ): Promise<T>;
  /** Hands messages over and tells of each that was presented. */
  present(items: Envelope[], handOver: (items: Envelope[]) => Promise<DeliverResult[]>): Promise<DeliverResult[]>;
}

/** Questions whose place in a trace is known, for the reply to them. */
const REMEMBERED_MAX = 64;

export function createTraces(parts: { isOn(): boolean; tell(spans: SessionSpan[]): void }): Traces {
  const questions = new Map<string, TraceContext>();

  function parentOf(name: string, input: Record<string, unknown>): TraceContext | undefined {
    return name === "reply" && typeof input.id === "string" ? questions.get(input.id) : undefined;
  }

  function remember(item: Envelope): void {
    const context = parseTraceParent(item.traceparent);
    if (!context || item.kind !== "ask") return;
    questions.set(item.handle, context);
    for (const oldest of [...questions.keys()].slice(0, questions.size - REMEMBERED_MAX)) questions.delete(oldest);
  }

  return {
    async call(name, input, run) {
      const spanName = SPAN_OF_CALL[name];
      const parent = parentOf(name, input);
      // A reply belongs to its question's trace or, where that is not known here, to what the daemon knows of it.
      if (!parts.isOn() || !spanName || input.traceparent !== undefined || (name === "reply" && !parent))
        return run(input);
      const own = parent ? { trace: parent.trace, span: newSpanId() } : newTrace();
      const startedAt = preciseNow();
      const tell = (error?: string) =>
        parts.tell([
          { name: spanName, ...own, parent: parent?.span, started_at: startedAt, ended_at: preciseNow(), error },
        ]);
      try {
        const output = await run({ ...input, traceparent: traceParent(own) });
        tell();
        return output;
      } catch (error) {
        tell(asRepowireError(error).code);
        throw error;
      }
    },
    async present(items, handOver) {
      if (!parts.isOn()) return handOver(items);
      for (const item of items) remember(item);
      const startedAt = preciseNow();
      const results = await handOver(items);
      const endedAt = preciseNow();
      const spans = items.flatMap((item): SessionSpan[] => {
        const context = parseTraceParent(item.traceparent);
        const result = results.find(({ message }) => message === item.message);
        if (!context || !result) return [];
        const error = result.outcome === "presented" ? undefined : result.outcome;
        const ids = { trace: context.trace, span: newSpanId(), parent: context.span };
        return [{ name: "present", ...ids, started_at: startedAt, ended_at: endedAt, error }];
      });
      if (spans.length > 0) parts.tell(spans);
      return results;
    },
  };
}
