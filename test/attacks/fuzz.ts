import { readFileSync } from "node:fs";
import fc from "fast-check";
import { LINK_METHODS, OPERATIONS } from "../../src/protocol/index.ts";
import type { DaemonProcess } from "../support/daemon-process.ts";
import { linkSession, ownClaim } from "../support/link-session.ts";
import { helloOf, rawLink } from "../support/raw-link.ts";
import { until } from "../support/until.ts";

export interface FuzzReport {
  seed: number;
  link: number;
  http: number;
  /** Resident set of the daemon in megabytes. */
  rssBefore: number;
  rssMost: number;
}

/** Calls that would make the run wait for itself, or look outside the home. */
const LEFT_OUT = new Set(["hello", "ping", "discover"]);
const IN_FLIGHT = 256;
const HTTP_SHARE = 50;

const SCHEMAS = Object.entries({
  ...Object.fromEntries(Object.entries(OPERATIONS).map(([name, row]) => [name, row.input])),
  ...Object.fromEntries(Object.entries(LINK_METHODS).map(([name, row]) => [name, row.params])),
}).filter(([name]) => !LEFT_OUT.has(name));

/** Calls that wait for somebody unless they are told not to. */
const WAITS = new Set(SCHEMAS.filter(([, schema]) => "wait_seconds" in schema.shape).map(([name]) => name));

const NAMES = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "ask", "", "\u001b[2J", "from"];
const hostile = fc.oneof(
  fc.constantFrom<unknown>("", "\u0000", "last", "victim", "k7q2x", "../../etc/passwd", null, -1, 1e308, [], {}, true),
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.constantFrom(...NAMES),
  fc.jsonValue({ maxDepth: 3 }),
);

/** A value for one field of a schema, from its shape; sometimes of another kind. */
function valueFor(schema: JsonSchema): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 4, arbitrary: fitting(schema) }, { weight: 1, arbitrary: hostile });
}

interface JsonSchema {
  type?: string;
  const?: unknown;
  enum?: unknown[];
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  pattern?: string;
  items?: JsonSchema;
  properties?: Record<string, JsonSchema>;
  required?: string[];
}

function fitting(schema: JsonSchema): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return fc.oneof(...choices.map(fitting));
  if (schema.properties) {
    const fields = Object.entries(schema.properties).map(([key, field]) => [key, valueFor(field)] as const);
    return fc.record(Object.fromEntries(fields), { requiredKeys: schema.required ?? [] });
  }
  switch (schema.type) {
    case "string":
      return schema.pattern?.startsWith("^msg_")
        ? fc.uuid({ version: 7 }).map((id) => `msg_${id}`)
        : fc.oneof(fc.constantFrom("victim", "k7q2x", "x".repeat(300)), fc.string({ maxLength: 40 }));
    case "integer":
    case "number":
      return fc.integer({ min: 0, max: 1 });
    case "boolean":
      return fc.boolean();
    case "array":
      return fc.array(fitting(schema.items ?? {}), { maxLength: 3 });
    default:
      return hostile;
  }
}

/** Valid calls of every method, mutated: fields of other kinds, fields that are none, names of the prototype. */
function calls(): fc.Arbitrary<{ method: string; params: unknown }> {
  const each = SCHEMAS.map(([method, schema]) => {
    // An input with a transform is described by what goes in.
    const shape = schema.toJSONSchema({ io: "input", unrepresentable: "any" }) as JsonSchema;
    const params = fc.oneof(
      { weight: 6, arbitrary: fitting(shape) },
      {
        weight: 2,
        arbitrary: fc
          .tuple(fitting(shape), fc.constantFrom(...NAMES), hostile)
          .map(([value, name, extra]) => Object.assign(Object.create(null), value, { [name]: extra })),
      },
      { weight: 1, arbitrary: hostile },
    );
    return fc.record({
      method: fc.oneof({ weight: 19, arbitrary: fc.constant(method) }, fc.constantFrom(...NAMES)),
      params,
    });
  });
  return fc.oneof(...each);
}

const rssOf = (pid: number): number =>
  Number(readFileSync(`/proc/${pid}/status`, "utf8").match(/VmRSS:\s+(\d+)/)?.[1] ?? 0) / 1024;

/**
 * Sends so many frames made from the schemas to a real daemon, most down a link and one of fifty over HTTP. Rejects when the
 * daemon dies, a request stays without a response, an HTTP request fails by a fault (500), or the link ends without being asked.
 */
export async function fuzz(
  daemon: DaemonProcess,
  options: { frames: number; seed: number; onProgress?: (sent: number, rss: number) => void },
): Promise<FuzzReport> {
  using victim = await linkSession(daemon.home, "victim");
  using link = await rawLink(daemon.address());
  const hello = await link.request("hello", { ...helloOf(daemon.address().token, ownClaim("fuzzer", daemon.home)) });
  if (hello.error) throw new Error(hello.error.message);
  let isClosed = false;
  void link.closed.then(() => {
    isClosed = true;
  });
  const pid = daemon.child.pid;
  const report = { seed: options.seed, link: 0, http: 0, rssBefore: rssOf(pid), rssMost: 0 };
  // A pool of distinct frames, drawn anew: generating is slower than the daemon.
  const POOL = 5_000;
  for (let sent = 0; sent < options.frames; ) {
    const pool = fc.sample(calls(), { numRuns: Math.min(POOL, options.frames - sent), seed: options.seed + sent });
    for (let at = 0; at < pool.length; at += IN_FLIGHT) {
      const batch = pool.slice(at, at + IN_FLIGHT).map(async ({ method, params }, index) => {
        // The run must not wait for answers that nobody gives.
        if (WAITS.has(method) && typeof params === "object" && params !== null)
          Object.assign(params, { wait_seconds: 0 });
        if (index % HTTP_SHARE === 0) {
          report.http++;
          const response = await daemon.fetch(`/v1/${encodeURIComponent(method || "none")}`, {
            method: "POST",
            body: JSON.stringify(params),
          });
          const text = await response.text();
          if (response.status === 500)
            throw new Error(`seed ${options.seed}: ${method} ${JSON.stringify(params)}: ${text}`);
          return;
        }
        report.link++;
        if (typeof params !== "object" || params === null || Array.isArray(params) || index % 97 === 1)
          return link.send(JSON.stringify({ jsonrpc: "2.0", id: { not: "an id" }, method, params }));
        const { error } = await link.request(method, params as Record<string, unknown>);
        if (error?.data?.code === "internal")
          throw new Error(`seed ${options.seed}: ${method} ${JSON.stringify(params)}: ${error.message}`);
      });
      const closed = link.closed.then(({ code, reason }) => {
        throw new Error(`seed ${options.seed}: the link was closed: ${code} ${reason}`);
      });
      await Promise.race([Promise.all(batch), closed]);
      sent += batch.length;
      report.rssMost = Math.max(report.rssMost, rssOf(pid));
    }
    options.onProgress?.(sent, report.rssMost);
  }
  if (isClosed || daemon.child.exitCode !== null) throw new Error(`seed ${options.seed}: the daemon or the link ended`);
  // Whatever came, honest mail still arrives; the mailbox may be full of what the run sent.
  await victim.link.mesh.whoami({});
  await until(async () => (await daemon.fetch("/health")).status === 200, "the daemon is well");
  return report;
}
