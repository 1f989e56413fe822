/** One span as a collector got it. */
export interface ReceivedSpan {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  startMs: number;
  endMs: number;
  /** 2: error. */
  status: number;
  attributes: Record<string, string | number>;
  service: string;
}

export interface OtlpReceiver extends Disposable {
  /** The base address, as OTEL_EXPORTER_OTLP_ENDPOINT names it. */
  readonly endpoint: string;
  readonly spans: ReceivedSpan[];
  /** All that came, as it came. */
  text(): string;
}

interface Attribute {
  key: string;
  value: { stringValue?: string; intValue?: number; doubleValue?: number };
}
interface Body {
  resourceSpans: {
    resource: { attributes: Attribute[] };
    scopeSpans: {
      spans: {
        name: string;
        traceId: string;
        spanId: string;
        parentSpanId?: string;
        startTimeUnixNano: string;
        endTimeUnixNano: string;
        status: { code: number };
        attributes: Attribute[];
      }[];
    }[];
  }[];
}

/** A collector on loopback that keeps what it gets (OTLP over HTTP, as JSON). */
export function otlpReceiver(): OtlpReceiver {
  const spans: ReceivedSpan[] = [];
  let text = "";
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      if (request.method !== "POST" || new URL(request.url).pathname !== "/v1/traces")
        return new Response(null, { status: 404 });
      const body = await request.text();
      text += body;
      for (const { resource, scopeSpans } of (JSON.parse(body) as Body).resourceSpans) {
        const service = String(values(resource.attributes)["service.name"]);
        for (const span of scopeSpans.flatMap((scope) => scope.spans)) {
          const { name, traceId, spanId, parentSpanId, status } = span;
          const startMs = Number(BigInt(span.startTimeUnixNano) / 1_000n) / 1_000;
          const endMs = Number(BigInt(span.endTimeUnixNano) / 1_000n) / 1_000;
          const attributes = values(span.attributes);
          spans.push({ name, traceId, spanId, parentSpanId, startMs, endMs, status: status.code, attributes, service });
        }
      }
      return Response.json({});
    },
  });
  return {
    endpoint: `http://127.0.0.1:${server.port}`,
    spans,
    text: () => text,
    [Symbol.dispose]: () => void server.stop(true),
  };
}

function values(attributes: Attribute[]): Record<string, string | number> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, value.stringValue ?? value.intValue ?? value.doubleValue ?? ""]),
  );
}
