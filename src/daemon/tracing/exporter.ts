import { DiagLogLevel, diag, type HrTime, SpanKind, SpanStatusCode, TraceFlags } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, type ReadableSpan } from "@opentelemetry/sdk-trace-base";
import { logger } from "../../platform/log.ts";
import { VERSION } from "../../protocol/index.ts";
import type { Span } from "./spans.ts";

/** Spans are sent together, this long after the first of them; milliseconds. */
const EXPORT_EVERY_MS = 1_000;
const EXPORT_TIMEOUT_MS = 5_000;

const log = logger("tracing");

/**
 * Sends spans to an OpenTelemetry collector (OTLP over HTTP). This file is loaded only where an endpoint is configured: its libraries
 * are 22 MB and 75 ms. A collector that does not answer costs spans, never a message.
 */
export function createExporter(options: { endpoint: string; machine: string; instance: string }): {
  send(span: Span): void;
  stop(): Promise<void>;
} {
  const say = (text: string, ...details: unknown[]) =>
    log.warning("traces: {text}", { text: [text, ...details].map(String).join(" ") });
  const quiet = () => {};
  diag.setLogger({ error: say, warn: say, info: quiet, debug: quiet, verbose: quiet }, DiagLogLevel.WARN);
  const exporter = new OTLPTraceExporter({ url: tracesUrl(options.endpoint), timeoutMillis: EXPORT_TIMEOUT_MS });
  const processor = new BatchSpanProcessor(exporter, {
    scheduledDelayMillis: EXPORT_EVERY_MS,
    exportTimeoutMillis: EXPORT_TIMEOUT_MS,
  });
  const resource = resourceFromAttributes({
    "service.name": "repowire",
    "service.version": VERSION,
    "service.instance.id": options.instance,
    "host.name": options.machine,
  });
  return {
    send: (span) => processor.onEnd(readable(span, resource)),
    stop: () => processor.shutdown(),
  };
}

/** As OTEL_EXPORTER_OTLP_ENDPOINT means it: the collector's base address, unless it names the traces' own already. */
export function tracesUrl(endpoint: string): string {
  const url = new URL(endpoint);
  if (!url.pathname.endsWith("/v1/traces")) url.pathname = `${url.pathname.replace(/\/$/, "")}/v1/traces`;
  return url.href;
}

function readable(span: Span, resource: ReadableSpan["resource"]): ReadableSpan {
  const context = (spanId: string) => ({ traceId: span.trace, spanId, traceFlags: TraceFlags.SAMPLED });
  const endedAt = Math.max(span.startedAt, span.endedAt);
  return {
    name: span.name,
    kind: KINDS[span.name],
    spanContext: () => context(span.span),
    parentSpanContext: span.parent ? context(span.parent) : undefined,
    startTime: hrTime(span.startedAt),
    endTime: hrTime(endedAt),
    duration: hrTime(endedAt - span.startedAt),
    status: span.error ? { code: SpanStatusCode.ERROR, message: span.error } : { code: SpanStatusCode.UNSET },
    attributes: span.attributes,
    links: [],
    events: [],
    ended: true,
    resource,
    instrumentationScope: { name: "repowire", version: VERSION },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

const KINDS: Record<Span["name"], SpanKind> = {
  ask: SpanKind.CLIENT,
  send: SpanKind.PRODUCER,
  accept: SpanKind.SERVER,
  deliver: SpanKind.PRODUCER,
  present: SpanKind.CONSUMER,
  seen: SpanKind.INTERNAL,
  answer: SpanKind.CLIENT,
};

function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1_000);
  return [seconds, Math.round((ms - seconds * 1_000) * 1e6)];
}
