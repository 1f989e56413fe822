import { expect, setDefaultTimeout, test } from "bun:test";
import { daemonProcess } from "../support/daemon-process.ts";
import { fakeSession } from "../support/fake-session.ts";
import { type OtlpReceiver, otlpReceiver, type ReceivedSpan } from "../support/otlp-receiver.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(60_000);

const QUESTION = "which fields does GET /users return?";

/** The only span of that name in the trace, or of that name and parent. */
function only(spans: ReceivedSpan[], name: string, parent?: ReceivedSpan): ReceivedSpan {
  const found = spans.filter((span) => span.name === name && (!parent || span.parentSpanId === parent.spanId));
  expect([name, found.length]).toEqual([name, 1]);
  return found[0] as ReceivedSpan;
}

const traceWith = (collector: OtlpReceiver, names: string[]) =>
  until(
    () => {
      for (const id of new Set(collector.spans.map((span) => span.traceId))) {
        const spans = collector.spans.filter((span) => span.traceId === id);
        const missing = [...names];
        for (const { name } of spans) if (missing.includes(name)) missing.splice(missing.indexOf(name), 1);
        if (missing.length === 0) return spans;
      }
      return undefined;
    },
    `a trace with ${names.join(", ")}`,
  );

// @req observe.trace
test("one question between two sessions is one trace, over three processes, with every step under its cause", async () => {
  using collector = otlpReceiver();
  await using daemon = await daemonProcess({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint } });
  await using frontend = await fakeSession(daemon.sandbox, "frontend");
  await using backend = await fakeSession(daemon.sandbox, "backend");

  const asked = frontend.call("ask", { peer: "backend", question: QUESTION, wait_seconds: 20 });
  const { handle, message } = await backend.got(QUESTION);
  await until(
    async () => (await daemon.mesh.trace({ id: message })).deliveries[0]?.state === "presented",
    "the hand-over is recorded",
  );
  await backend.call("reply", { id: handle, text: "id and name, that is all" });
  const outcome = await asked;
  if (outcome.state !== "answered") throw new Error(`the question is ${outcome.state}`);
  frontend.report({ type: "result_written", message: outcome.answer.message });

  const spans = await traceWith(collector, [
    "ask",
    "accept",
    "deliver",
    "present",
    "seen",
    "answer",
    "accept",
    "deliver",
  ]);
  const ask = only(spans, "ask");
  expect(ask.parentSpanId || undefined).toBeUndefined();
  const accept = only(spans, "accept", ask);
  const deliver = only(spans, "deliver", accept);
  const present = only(spans, "present", deliver);
  const seen = only(spans, "seen", deliver);
  const answer = only(spans, "answer", deliver);
  const answerAccepted = only(spans, "accept", answer);
  only(spans, "deliver", answerAccepted);
  expect(new Set(spans.map((span) => span.spanId)).size).toBe(spans.length);

  expect(ask.attributes).toMatchObject({ "repowire.peer": "frontend", "repowire.session_pid": frontend.pid });
  expect(present.attributes).toMatchObject({ "repowire.peer": "backend", "repowire.session_pid": backend.pid });
  expect(answer.attributes).toMatchObject({ "repowire.peer": "backend", "repowire.session_pid": backend.pid });
  expect(accept.attributes).toMatchObject({ "repowire.message": message, "repowire.kind": "ask" });
  expect(deliver.attributes).toMatchObject({
    "repowire.to": "backend",
    "repowire.handle": handle,
    "repowire.attempt": 1,
  });
  expect(seen.attributes).toMatchObject({ "repowire.by": "reply" });
  // A millisecond for the clocks of three processes, which read the same one.
  for (const inner of [accept, deliver, present, seen, answer]) {
    expect(inner.startMs).toBeGreaterThanOrEqual(ask.startMs - 1);
    // The asker may have its answer before the one who replied hears that it is stored.
    if (inner !== answer) expect(inner.endMs).toBeLessThanOrEqual(ask.endMs + 1);
  }
  for (const span of spans) expect([span.name, span.status, span.service]).toEqual([span.name, 0, "repowire"]);
  for (const text of [QUESTION, "id and name", daemon.address().token]) expect(collector.text()).not.toContain(text);
});

test("a caller without a link, and one that brings a trace of its own, have theirs too; failures say so", async () => {
  using collector = otlpReceiver();
  await using daemon = await daemonProcess({ env: { REPOWIRE_OTLP_ENDPOINT: `${collector.endpoint}/v1/traces` } });
  await using backend = await fakeSession(daemon.sandbox, "backend");
  await daemon.mesh.notify({ peer: "backend", text: "from a script" });
  await backend.got("from a script");
  const [send, accept] = await traceWith(collector, ["send", "accept", "deliver", "present"]).then((spans) => {
    const root = only(spans, "send");
    return [root, only(spans, "accept", root)];
  });
  expect(send?.attributes).toMatchObject({ "repowire.caller": "script" });
  expect(accept?.startMs).toBeGreaterThanOrEqual(send?.startMs ?? Number.POSITIVE_INFINITY);

  const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  await daemon.mesh.notify({ peer: "backend", text: "in your trace", traceparent });
  expect((await backend.got("in your trace")).traceparent).toStartWith("00-4bf92f3577b34da6a3ce929d0e0e4736-");
  const joined = await until(() => {
    const spans = collector.spans.filter((span) => span.traceId === "4bf92f3577b34da6a3ce929d0e0e4736");
    return spans.some(({ name }) => name === "present") && spans;
  }, "the steps of that trace");
  expect(joined.find(({ name }) => name === "accept")?.parentSpanId).toBe("00f067aa0ba902b7");
  expect(joined.some(({ name }) => name === "send")).toBe(false);

  await backend.call("ask", { peer: "nobody", question: "?" }).catch(() => {});
  const failed = await until(() => collector.spans.find(({ status }) => status === 2), "the refused call");
  expect(failed.name).toBe("ask");
});

// @req observe.trace-only-if-asked
test("nothing is sent, told or loaded where no collector is named; one that is dead harms nothing", async () => {
  using collector = otlpReceiver();
  await using daemon = await daemonProcess();
  await using backend = await fakeSession(daemon.sandbox, "backend");
  await daemon.mesh.notify({ peer: "backend", text: "untraced" });
  expect((await backend.got("untraced")).traceparent).toBeUndefined();
  await daemon.end("SIGTERM");
  expect(collector.spans).toEqual([]);

  await using other = await daemonProcess({ env: { REPOWIRE_OTLP_ENDPOINT: "http://127.0.0.1:9" } });
  await using peer = await fakeSession(other.sandbox, "backend");
  await other.mesh.notify({ peer: "backend", text: "to a dead collector" });
  await peer.got("to a dead collector");
  const startedAt = Date.now();
  expect(await other.end("SIGTERM")).toBe(0);
  expect(Date.now() - startedAt).toBeLessThan(8_000);
});
