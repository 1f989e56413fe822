import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { CODEX_MCP_SCOPE, scopedToken } from "../../src/platform/token.ts";
import { HOST, LIMITS, PID_HEADER } from "../../src/protocol/index.ts";
import { type DaemonProcess, daemonProcess } from "../support/daemon-process.ts";
import { type FakeSession, fakeSession } from "../support/fake-session.ts";
import { ownClaim } from "../support/link-session.ts";
import { helloOf, rawLink } from "../support/raw-link.ts";

/** Bytes that no proper client sends, on sockets of the real daemon. Whatever they are, nothing is done and nobody is kept out. */
setDefaultTimeout(120_000);

let daemon: DaemonProcess;
let victim: FakeSession;
let own: string;
let token: string;
beforeAll(async () => {
  daemon = await daemonProcess();
  victim = await fakeSession(daemon.sandbox, "victim");
  own = `${HOST}:${daemon.address().port}`;
  token = daemon.address().token;
});
afterAll(async () => {
  await victim?.[Symbol.asyncDispose]();
  await daemon[Symbol.asyncDispose]();
});

interface Heard {
  /** Status codes of all answers, in order. */
  statuses: number[];
  text: string;
  /** How long it took until it was answered or ended; milliseconds. */
  ms: number;
}

const ANSWERED_MS = 200;

/** Sends these bytes, then so much more every second, and listens until it is answered, the connection ends, or `maxMs` have passed. */
async function send(first: string, options: { drip?: string; maxMs?: number } = {}): Promise<Heard> {
  const { drip, maxMs = 2_000 } = options;
  const startedAt = performance.now();
  const over = Promise.withResolvers<void>();
  let text = "";
  const socket = await Bun.connect({
    hostname: HOST,
    port: daemon.address().port,
    socket: {
      data(_socket, bytes) {
        text += bytes.toString();
        // Once it has answered there is only a second answer to wait for.
        setTimeout(over.resolve, ANSWERED_MS);
      },
      close: () => over.resolve(),
      error: () => over.resolve(),
    },
  });
  socket.write(first);
  const timer = drip === undefined ? undefined : setInterval(() => socket.write(drip), 1_000);
  await Promise.race([over.promise, Bun.sleep(maxMs)]);
  clearInterval(timer);
  socket.end();
  const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, code]) => Number(code));
  return { statuses, text, ms: performance.now() - startedAt };
}

const BODY = JSON.stringify({ peer: "victim", text: "smuggled" });
const auth = () => `Authorization: Bearer ${token}\r\n`;
const post = (headers: string, body = BODY, target = "/v1/notify") =>
  `POST ${target} HTTP/1.1\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`;
const nothingCame = async () => {
  await daemon.mesh.peers({});
  expect(victim.received).toEqual([]);
  expect((await daemon.fetch("/health")).status).toBe(200);
};

// @attack headers
describe("A request is refused that", () => {
  test.each<[string, () => string, number[]]>([
    ["has no Host", () => post(auth()), [400, 403]],
    ["has two Hosts, a foreign one first", () => post(`Host: evil.test\r\nHost: ${own}\r\n${auth()}`), [400, 403]],
    ["has two Hosts, a foreign one last", () => post(`Host: ${own}\r\nHost: evil.test\r\n${auth()}`), [400, 403]],
    [
      "names its host in the line and ours in the header",
      () => post(`Host: evil.test\r\n${auth()}`, BODY, `http://${own}/v1/notify`),
      [400, 403],
    ],
    [
      "has a foreign Host and ours as the forwarded one",
      () => post(`Host: evil.test\r\nX-Forwarded-Host: ${own}\r\nForwarded: host=${own}\r\n${auth()}`),
      [400, 403],
    ],
    ["has our Host without its port", () => post(`Host: ${HOST}\r\n${auth()}`), [400, 403]],
    ["has our Host with something behind it", () => post(`Host: ${own}.evil.test\r\n${auth()}`), [400, 403]],
    ["has our Host with a user before it", () => post(`Host: x@${own}\r\n${auth()}`), [400, 403]],
    [
      "has a foreign Origin and ours",
      () => post(`Host: ${own}\r\nOrigin: http://evil.test\r\nOrigin: http://${own}\r\n${auth()}`),
      [400, 403],
    ],
    ["has the Origin null", () => post(`Host: ${own}\r\nOrigin: null\r\n${auth()}`), [403]],
    [
      "comes from another page of this machine",
      () => post(`Host: ${own}\r\nSec-Fetch-Site: same-site\r\n${auth()}`),
      [403],
    ],
    [
      "has its token in the address",
      () => post(`Host: ${own}\r\n`, BODY, `/v1/notify?token=${token}&access_token=${token}`),
      [401],
    ],
    [
      "has its token in a cookie",
      () => post(`Host: ${own}\r\nCookie: token=${token}; authorization=Bearer ${token}\r\n`),
      [401],
    ],
    [
      "has its token as another scheme",
      () => post(`Host: ${own}\r\nAuthorization: Basic ${btoa(`x:${token}`)}\r\n`),
      [401],
    ],
    ["has two credentials", () => post(`Host: ${own}\r\nAuthorization: Bearer wrong\r\n${auth()}`), [400, 401]],
    [
      "says by X-Forwarded-For that it is another process's",
      () => post(`Host: ${own}\r\nX-Forwarded-For: 127.0.0.1\r\nX-Real-IP: 127.0.0.1\r\n`),
      [401],
    ],
    [
      "says that it comes from another process",
      () => post(`Host: ${own}\r\n${PID_HEADER}: ${victim.pid}\r\n${auth()}`),
      [401],
    ],
    ["breaks a line in a header", () => post(`Host: ${own}\r\nX: a\rAuthorization: Bearer ${token}\r\n`), [400, 401]],
    ["folds a header", () => post(`Host: ${own}\r\nX: a\r\n Authorization: Bearer ${token}\r\n`), [400, 401]],
    [
      "has both a length and chunks",
      () =>
        `POST /v1/notify HTTP/1.1\r\nHost: ${own}\r\n${auth()}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      [400],
    ],
    [
      "has two lengths",
      () =>
        `POST /v1/notify HTTP/1.1\r\nHost: ${own}\r\n${auth()}Content-Length: 2\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`,
      [400],
    ],
    [
      "has a length below nothing",
      () => `POST /v1/notify HTTP/1.1\r\nHost: ${own}\r\n${auth()}Content-Length: -1\r\n\r\n${BODY}`,
      [400],
    ],
    [
      "asks for another method",
      () => post(`Host: ${own}\r\n${auth()}X-HTTP-Method-Override: POST\r\n`).replace("POST", "PUT"),
      [404, 405],
    ],
    [
      "reads as if it wrote",
      () => `GET /v1/notify?peer=victim&text=smuggled HTTP/1.1\r\nHost: ${own}\r\n${auth()}\r\n`,
      [404, 405],
    ],
    [
      "hides the operation in the address",
      () => post(`Host: ${own}\r\n${auth()}`, BODY, "/v1/%2e%2e/v1/nothing"),
      [404],
    ],
    [
      "has headers without an end",
      () => post(`Host: ${own}\r\n${`X: ${"a".repeat(1_000)}\r\n`.repeat(1_000)}`),
      [401, 431],
    ],
    [
      "has an address without an end",
      () => post(`Host: ${own}\r\n${auth()}`, BODY, `/v1/${"a".repeat(100_000)}`),
      [400, 404, 414, 431],
    ],
    ["is no HTTP", () => "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003", [400]],
    ["is the preface of HTTP/2", () => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400, 403, 404, 505]],
  ])("%s", async (_name, bytes, allowed) => {
    const { statuses, text } = await send(bytes(), { maxMs: 1_000 });
    // Silence, and the end of the connection, are refusals too.
    for (const status of statuses) expect(allowed).toContain(status);
    expect(text).not.toContain('"recipient"');
    await nothingCame();
  });

  test("stands behind another one's length: what a proxy would take for a body is never a request with rights", async () => {
    const inner = post(`Host: ${own}\r\n`);
    const outer = `POST /v1/peers HTTP/1.1\r\nHost: ${own}\r\n${auth()}Content-Length: 2\r\n\r\n{}${inner}`;
    const { statuses } = await send(outer);
    // The server may also end a connection on which more comes than it has asked for.
    expect([[], [200], [200, 401]]).toContainEqual(statuses);
    await nothingCame();
  });
});

// @attack websocket-origin
test("A WebSocket with a foreign Origin, Host or site is not opened, and none has rights before its hello", async () => {
  const upgrade = (headers: string) =>
    `GET /v1/link HTTP/1.1\r\n${headers}Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
  for (const headers of [
    `Host: ${own}\r\nOrigin: http://evil.test\r\n`,
    `Host: ${own}\r\nOrigin: null\r\n`,
    `Host: ${own}\r\nOrigin: http://${HOST}:1\r\n`,
    `Host: evil.test\r\n`,
    `Host: ${own}\r\nSec-Fetch-Site: cross-site\r\n`,
    `Host: ${own}\r\nOrigin: https://${own}\r\n`,
  ])
    expect([headers, (await send(upgrade(headers), { maxMs: 500 })).statuses]).toEqual([headers, [403]]);
  expect((await send(upgrade(`Host: ${own}\r\n`), { maxMs: 500 })).statuses).toEqual([101]);
  for (const method of ["peers", "notify", "report", "deliver", "ready", "constructor"]) {
    using link = await rawLink(daemon.address());
    expect((await link.request(method, { peer: "victim", text: "x" })).error?.data?.code).toBe("unauthorized");
    expect((await link.closed).code).toBe(4401);
  }
  await nothingCame();
});

// @attack replay
test("A hello is said once: neither a second one while the first is under way, nor a recorded one from elsewhere, is another seat", async () => {
  using link = await rawLink(daemon.address());
  const hello = (name: string) => ({ ...helloOf(token, ownClaim(name, daemon.home)) });
  const answers = await Promise.all([
    link.request("hello", hello("first")),
    link.request("hello", hello("second")),
    link.request("hello", hello("third")),
  ]);
  expect(answers.map(({ error }) => error?.data?.code)).toEqual([undefined, "invalid_input", "invalid_input"]);
  // This very process is that session now; of the others there is no seat.
  const { you, peers } = await daemon.mesh.peers({ include_offline: true });
  expect(you).toBe("first");
  expect(peers.map(({ name }) => name).filter((name) => name === "second" || name === "third")).toEqual([]);
  // Word for word what the victim's own side has said, sent by another process.
  const { peer } = await victim.call("whoami", {});
  const claim = { ...ownClaim("victim", daemon.sandbox.root), link_pid: peer.pid ?? 0 };
  using replayed = await rawLink(daemon.address());
  expect((await replayed.request("hello", { ...helloOf(token, claim) })).error?.data?.code).toBe("unauthorized");
});

/** Each is held open as long as the daemon lets it; all at the same time. */
const SLOW: [string, () => string, string | undefined, number][] = [
  ["nothing", () => "", undefined, 20_000],
  ["half a header", () => `POST /v1/peers HTTP/1.1\r\nHost: ${own}\r\nX: `, undefined, 20_000],
  ["a header, letter by letter", () => `POST /v1/peers HTTP/1.1\r\nHost: ${own}\r\nX: `, "a", 20_000],
  ["headers, one by one", () => `POST /v1/peers HTTP/1.1\r\nHost: ${own}\r\n`, "X: a\r\n", 20_000],
  [
    "a body, letter by letter",
    () => `POST /v1/peers HTTP/1.1\r\nHost: ${own}\r\n${auth()}Content-Length: 1000\r\n\r\n`,
    " ",
    60_000,
  ],
  [
    "a body in chunks, one by one",
    () => `POST /v1/peers HTTP/1.1\r\nHost: ${own}\r\n${auth()}Transfer-Encoding: chunked\r\n\r\n`,
    "1\r\n \r\n",
    60_000,
  ],
  [
    "a tool call, letter by letter",
    () =>
      `POST /mcp HTTP/1.1\r\nHost: ${own}\r\nAuthorization: Bearer ${scopedToken(token, CODEX_MCP_SCOPE)}\r\nContent-Length: 1000\r\n\r\n`,
    " ",
    60_000,
  ],
  [
    "a hook's report, letter by letter",
    () => `POST /v1/hooks/claude-code HTTP/1.1\r\nHost: ${own}\r\n${auth()}Content-Length: 1000\r\n\r\n`,
    " ",
    60_000,
  ],
  [
    "a body without a credential",
    () => `POST /v1/peers HTTP/1.1\r\nHost: ${own}\r\nContent-Length: 1000\r\n\r\n`,
    " ",
    60_000,
  ],
];

// @attack slow-loris
describe("A connection that never ends what it says", () => {
  test("is refused or ended by the daemon, whatever it is that comes so slowly", async () => {
    const heard = await Promise.all(
      SLOW.map(async ([name, first, drip, maxMs]) => ({ name, maxMs, ...(await send(first(), { drip, maxMs })) })),
    );
    for (const { name, ms, maxMs, statuses } of heard) {
      expect([name, ms < maxMs]).toEqual([name, true]);
      for (const status of statuses) expect([401, 403, 408]).toContain(status);
    }
    expect(heard.flatMap(({ statuses }) => statuses).filter((status) => status === 408)).toHaveLength(4);
  });

  test("keeps no session out: more silent links than there may be leave room for one that says who it is", async () => {
    const links = await Promise.all(
      Array.from({ length: LIMITS.linksMax + 40 }, () => rawLink(daemon.address()).catch(() => undefined)),
    );
    await using late = await fakeSession(daemon.sandbox, "latecomer");
    expect((await late.call("whoami", {})).peer.name).toBe("latecomer");
    expect((await victim.call("whoami", {})).peer.name).toBe("victim");
    for (const link of links) link?.[Symbol.dispose]();
  });

  test("and sends much costs little memory: bodies without a credential are not kept", async () => {
    const rss = () =>
      Number(readFileSync(`/proc/${daemon.child.pid}/status`, "utf8").match(/VmRSS:\s+(\d+)/)?.[1]) / 1_024;
    const before = rss();
    let most = before;
    const chunk = "x".repeat(1_000_000);
    await Promise.all(
      Array.from({ length: 40 }, async () => {
        await send(`POST /v1/notify HTTP/1.1\r\nHost: ${own}\r\nContent-Length: 60000000\r\n\r\n${chunk}`, {
          drip: chunk,
          maxMs: 4_000,
        });
        most = Math.max(most, rss());
      }),
    );
    expect(most - before).toBeLessThan(300);
    await nothingCame();
  });
});
