import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { httpUrl } from "../../src/client/index.ts";
import { type DaemonProcess, daemonProcess } from "../support/daemon-process.ts";
import { type FakeSession, fakeSession } from "../support/fake-session.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(60_000);

const SECRET_BODY = "is the retry in fetch.ts safe?";
let daemon: DaemonProcess;
let backend: FakeSession;

beforeAll(async () => {
  daemon = await daemonProcess();
  backend = await fakeSession(daemon.sandbox, "zanzibar");
});
afterAll(async () => {
  await backend?.[Symbol.asyncDispose]();
  await daemon[Symbol.asyncDispose]();
});

const scrape = async (): Promise<string> => (await daemon.fetch("/metrics")).text();

/** One line of the text format: name, labels, value. */
const SAMPLE = /^([a-z_]+)(?:\{((?:[a-z_]+="[^"\n]*",?)*)\})? (\S+)$/;

/** The value of a sample, 0 when there is none. */
async function valueAt(series: string): Promise<number> {
  const line = (await scrape()).split("\n").find((text) => text.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1) ?? 0);
}

// @req observe.metrics
test("one question moves every number that it should, and no other door opens", async () => {
  const asked = daemon.mesh.ask({ peer: backend.name, question: SECRET_BODY, wait_seconds: 20 });
  const { handle } = await backend.got(SECRET_BODY);
  await until(async () => (await valueAt("repowire_open_asks")) === 1, "the open question is shown");
  expect(await valueAt("repowire_waiting_calls")).toBe(1);
  await backend.call("reply", { id: handle, text: "yes" });
  await asked;
  await daemon.mesh.ask({ peer: "nobody", question: "?" }).catch(() => {});

  expect(await valueAt('repowire_messages_accepted_total{kind="ask"}')).toBe(1);
  expect(await valueAt('repowire_messages_accepted_total{kind="answer"}')).toBe(1);
  expect(await valueAt('repowire_asks_ended_total{end="answered",detail="reply"}')).toBe(1);
  expect(await valueAt('repowire_refusals_total{code="peer_not_found"}')).toBe(1);
  expect(await valueAt("repowire_open_asks")).toBe(0);
  expect(await valueAt("repowire_links")).toBe(1);
  expect(await valueAt('repowire_link_joins_total{kind="new"}')).toBe(1);
  const text = await scrape();
  expect(text).toMatch(/^repowire_delivery_moves_total\{state="presented",rung="\w+",runtime="\S+"\} [1-9]/m);
  expect(text).toMatch(/^repowire_accept_to_answered_seconds_count\{runtime="\S+"\} 1$/m);
  expect(text).toMatch(/^repowire_peers\{presence="online",runtime="\S+"\} [1-9]/m);
  const commits = await valueAt("repowire_commit_seconds_count");
  expect(commits).toBeGreaterThan(0);
  expect(await valueAt("repowire_commit_seconds_sum")).toBeGreaterThan(0);
  expect(await valueAt("repowire_commit_batch_decisions_count")).toBeGreaterThanOrEqual(commits);

  for (const authorization of ["", "Bearer rw_wrong"]) {
    const response = await fetch(httpUrl(daemon.address(), "/metrics"), { headers: { authorization } });
    expect(response.status).toBe(401);
  }
  expect(await valueAt('repowire_refusals_total{code="unauthorized"}')).toBe(2);
});

// @req observe.metrics-bounded
test("every line is of the format, every family has its help, and nobody is named", async () => {
  const response = await daemon.fetch("/metrics");
  expect(response.headers.get("content-type")).toStartWith("text/plain; version=0.0.4");
  const text = await response.text();
  const lines = text.split("\n").filter((line) => line !== "");
  const helped = new Set(lines.flatMap((line) => line.match(/^# HELP (\S+) \S.*\.$/)?.[1] ?? []));
  const typed = new Set(lines.flatMap((line) => line.match(/^# TYPE (\S+) (?:counter|gauge|histogram)$/)?.[1] ?? []));
  expect(helped).toEqual(typed);
  for (const line of lines.filter((each) => !each.startsWith("#"))) {
    const [, name = "", , value] = line.match(SAMPLE) ?? [];
    expect([line, Number.isFinite(Number(value))]).toEqual([line, true]);
    expect([line, helped.has(name) || helped.has(name.replace(/_(bucket|sum|count)$/, ""))]).toEqual([line, true]);
  }
  const labels = new Set(
    lines.flatMap((line) => [...(line.match(SAMPLE)?.[2] ?? "").matchAll(/([a-z_]+)=/g)].map(([, label]) => label)),
  );
  const known = ["kind", "state", "rung", "runtime", "end", "detail", "code", "presence", "version", "le"];
  expect([...labels].filter((label) => !known.includes(label ?? ""))).toEqual([]);
  for (const secret of [backend.name, backend.id, SECRET_BODY, daemon.address().token, daemon.home])
    expect(text).not.toContain(secret);
});

test("a link that comes back after a restart counts as resumed", async () => {
  await daemon.crashAndRestart();
  await until(async () => (await valueAt('repowire_link_joins_total{kind="resumed"}')) === 1, "the link is back");
});

test("the API's description is served to anybody on this machine, and to no page of another site", async () => {
  const document = (await (await fetch(httpUrl(daemon.address(), "/openapi.json"))).json()) as {
    servers: { url: string }[];
    paths: object;
  };
  expect(document.servers).toEqual([{ url: `http://127.0.0.1:${daemon.address().port}` }]);
  expect(document.paths).toHaveProperty("/v1/ask");
  const page = await fetch(httpUrl(daemon.address(), "/docs"));
  expect(page.headers.get("content-type")).toStartWith("text/html");
  expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
  expect(await page.text()).toContain("/v1/ask");
  const foreign = await fetch(httpUrl(daemon.address(), "/docs"), { headers: { origin: "https://evil.example" } });
  expect(foreign.status).toBe(403);
});
