import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { request } from "node:http";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { eventStream, httpUrl } from "../../src/client/index.ts";
import {
  ERRORS,
  Health,
  HOST,
  LIMITS,
  MeshEvent,
  OPERATION_NAMES,
  PID_HEADER,
  Problem,
} from "../../src/protocol/index.ts";
import { type DaemonProcess, daemonProcess } from "../support/daemon-process.ts";
import { type FakeSession, fakeSession } from "../support/fake-session.ts";
import { person } from "../support/person.ts";
import { rawLink } from "../support/raw-link.ts";
import { until } from "../support/until.ts";

// Real processes, on machines that have other work too.
setDefaultTimeout(60_000);

let daemon: DaemonProcess;
let backend: FakeSession;
let twins: FakeSession[];

beforeAll(async () => {
  daemon = await daemonProcess();
  backend = await fakeSession(daemon.sandbox, "backend");
  twins = await Promise.all(
    ["red", "blue"].map((circle) => fakeSession(daemon.sandbox, circle, { name: "twin", circle })),
  );
});
afterAll(async () => {
  for (const session of [backend, ...(twins ?? [])]) await session?.[Symbol.asyncDispose]();
  await daemon[Symbol.asyncDispose]();
});

const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  daemon.fetch(path, { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body), headers });

/** A refusal is a problem document whose status, title and retry advice are those of the table, and nothing else. */
async function problem(response: Response): Promise<{ code: string; detail: string }> {
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  const found = Problem.strict().parse(await response.json());
  const { status, title, retryable } = ERRORS[found.code];
  expect(found).toMatchObject({ status, title, retryable, type: `https://repowire.dev/errors/${found.code}` });
  expect(response.status).toBe(status);
  expect(found.detail).toMatch(/^\S.*\.$/s);
  expect(found.detail).not.toMatch(/\n {4}at /);
  return found;
}

/** A request with a Host of its own, which fetch does not allow. */
function withHost(host: string): Promise<number> {
  const { port, token } = daemon.address();
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: HOST, port, path: "/health", headers: { host, authorization: `Bearer ${token}` } },
      (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      },
    );
    sent.on("error", reject);
    sent.end();
  });
}

describe("a refused request names what was found and what to do", () => {
  test.each([
    [
      "an unknown peer",
      "ask",
      { peer: "backnd", question: "?" },
      "peer_not_found",
      /No peer named "backnd" .*Online: .*backend/,
    ],
    [
      "an ambiguous peer",
      "ask",
      { peer: "twin", question: "?" },
      "peer_ambiguous",
      /twin@(red|blue), twin@(red|blue)\. Use one/,
    ],
    ["itself", "ask", { peer: "script", question: "?" }, "self_ask", /is you/],
    [
      "a body that is too large",
      "notify",
      { peer: "backend", text: "x".repeat(LIMITS.bodyBytesMax + 1) },
      "body_too_large",
      /262145 bytes, more than the 262144/,
    ],
    ["an empty body", "notify", { peer: "backend", text: "\n" }, "invalid_input", /"text": must not be empty/],
    ["an unknown argument", "notify", { peer: "backend", text: "x", to: "y" }, "invalid_input", /does not know "to"/],
    ["a missing argument", "notify", { peer: "backend" }, "invalid_input", /"text"/],
    ["a value of another kind", "ask", { peer: 7, question: "?" }, "invalid_input", /"peer"/],
    ["a list for an object", "peers", [], "invalid_input", /peers/],
    ["text for an object", "peers", '"x"', "invalid_input", /peers/],
    ["no JSON", "peers", "{", "invalid_json", /one JSON object/],
    ["an unknown operation", "dance", {}, "unknown_operation", /docs\/protocol\.md/],
    ["an inherited name", "constructor", {}, "unknown_operation", /docs\/protocol\.md/],
    ["another peer's handle", "reply", { id: "HANDLE", text: "mine now" }, "handle_unknown", /was sent to you/],
    ["a person's right", "decide", { id: "aaaaa", verdict: "allow" }, "human_required", /terminal of your own/],
    ["a message id of another", "notify", { peer: "backend", text: "other", message: "MESSAGE" }, "id_taken", /./],
    ["an unknown trace", "trace", { id: "aaaaa" }, "not_found", /repowire log/],
  ])("%s", async (_name, operation, input, code, detail) => {
    let body = typeof input === "string" ? input : JSON.stringify(input);
    if (body.includes('"HANDLE"') || body.includes('"MESSAGE"')) {
      const { id, message } = await sendFromBackend();
      body = body.replace("HANDLE", id).replace("MESSAGE", message);
    }
    const found = await problem(await post(`/v1/${operation}`, body));
    expect(found).toMatchObject({ code, detail: expect.stringMatching(detail) });
  });

  /** A message that this process neither sent nor got. */
  async function sendFromBackend() {
    const friend = await fakeSession(daemon.sandbox, "friend");
    try {
      return await backend.call("notify", { peer: "friend", text: "between us" });
    } finally {
      await friend[Symbol.asyncDispose]();
    }
  }

  test("a request that is too large, however it comes", async () => {
    const big = JSON.stringify({ text: "x".repeat(LIMITS.frameBytesMax) });
    expect((await problem(await post("/v1/peers", big))).code).toBe("frame_too_large");
    expect((await problem(await post("/v1/peers", "x".repeat(LIMITS.frameBytesMax * 5)))).code).toBe("frame_too_large");
    const chunks = new ReadableStream({
      start(controller) {
        for (let i = 0; i < 20; i++) controller.enqueue(new TextEncoder().encode("x".repeat(100_000)));
        controller.close();
      },
    });
    expect((await problem(await daemon.fetch("/v1/peers", { method: "POST", body: chunks }))).code).toBe(
      "frame_too_large",
    );
    expect((await post("/v1/peers", {})).status).toBe(200);
  });

  test("an unknown address or method", async () => {
    expect((await problem(await daemon.fetch("/v2/x"))).detail).toContain("There is nothing at GET /v2/x.");
    expect((await problem(await daemon.fetch("/v1/peers"))).code).toBe("not_found");
    expect((await problem(await daemon.fetch("/v1/link"))).detail).toContain("takes WebSocket connections only");
    expect((await problem(await post("/v1/hooks/unheard", {}))).detail).toContain("repowire setup");
  });

  test("the connection lives on: one socket serves good and bad requests in turn", async () => {
    const { port, token } = daemon.address();
    const body = (text: string, path = "/v1/peers") =>
      `POST ${path} HTTP/1.1\r\nHost: ${HOST}:${port}\r\nAuthorization: Bearer ${token}\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
    let received = "";
    const socket = await Bun.connect({
      hostname: HOST,
      port,
      socket: {
        data(_socket, data) {
          received += data.toString();
        },
      },
    });
    const statuses = () => [...received.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));
    for (const [index, text] of [body("{"), body("{}", "/v1/nothing"), body("{}")].entries()) {
      socket.write(text);
      await until(() => statuses().length > index, "its response");
    }
    socket.end();
    expect(statuses()).toEqual([400, 404, 200]);
  });
});

describe("every operation over HTTP", () => {
  test("answers its own document, or refuses by the table", async () => {
    for (const name of OPERATION_NAMES) {
      const response = await post(`/v1/${name}`, { surely_unknown: 1 });
      const { code } = await problem(response);
      expect([name, ["invalid_input", "human_required", "forbidden"].includes(code)]).toEqual([name, true]);
    }
  });

  test("a question and its answer", async () => {
    const asked = post("/v1/ask", { peer: "backend", question: "over http?", wait_seconds: 10 });
    const { handle } = await backend.got("over http?");
    await backend.call("reply", { id: handle, text: "yes" });
    expect(await (await asked).json()).toMatchObject({ state: "answered", by: "reply", text: "yes" });
  });
});

describe("who may not come in", () => {
  test("without the token, or with a wrong one", async () => {
    const { port, token } = daemon.address();
    for (const authorization of ["", "Bearer", "Bearer rw_wrong", `Basic ${token}`, `Bearer ${token}x`]) {
      for (const path of ["/v1/peers", "/v1/nothing", "/mcp", "/v1/hooks/claude-code"]) {
        const response = await fetch(httpUrl({ port }, path), {
          method: "POST",
          headers: { authorization },
          body: "{}",
        });
        expect((await problem(response)).code).toBe("unauthorized");
      }
      const stream = await fetch(httpUrl({ port }, "/v1/events/stream"), { headers: { authorization } });
      expect((await problem(stream)).code).toBe("unauthorized");
    }
  });

  test("a page of another site, on HTTP and WebSocket", async () => {
    for (const origin of ["https://evil.example", "null", "http://localhost.evil.example", `http://${HOST}:1`]) {
      expect((await problem(await post("/v1/peers", {}, { origin }))).code).toBe("foreign_origin");
      await expect(rawLink(daemon.address(), { origin })).rejects.toThrow("not opened");
    }
    const own = `http://${HOST}:${daemon.address().port}`;
    expect((await post("/v1/peers", {}, { origin: own })).status).toBe(200);
    using link = await rawLink(daemon.address(), { origin: own });
    expect((await link.request("ping")).result).toEqual({});
  });

  test("a name that was rebound to this machine", async () => {
    const { port } = daemon.address();
    expect(await withHost(`evil.example:${port}`)).toBe(403);
    expect(await withHost(HOST)).toBe(403);
    expect(await withHost(`localhost:${port}`)).toBe(200);
  });

  test("a process that says it is another", async () => {
    const { detail } = await problem(await post("/v1/peers", {}, { [PID_HEADER]: String(backend.pid) }));
    expect(detail).toContain("its connection belongs to another");
  });

  test("a hook for a session that did not start it", async () => {
    const report = { event: "Stop", pid: backend.pid, hook_pid: process.pid, version: "1", input: {} };
    expect((await problem(await post("/v1/hooks/claude-code", report))).detail).toContain("A hook may only report on");
  });
});

describe("the event stream", () => {
  async function read(count: number, headers: Record<string, string>): Promise<{ ids: string[]; events: MeshEvent[] }> {
    const abort = new AbortController();
    const response = await daemon.fetch("/v1/events/stream", { headers, signal: abort.signal });
    expect(response.headers.get("content-type")).toContain("text/event-stream");
    let text = "";
    for await (const chunk of response.body ?? []) {
      text += new TextDecoder().decode(chunk);
      if ([...text.matchAll(/^id: /gm)].length >= count && text.endsWith("\n\n")) break;
    }
    abort.abort();
    return {
      ids: [...text.matchAll(/^id: (.*)$/gm)].map(([, id]) => id ?? ""),
      events: [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => MeshEvent.parse(JSON.parse(data ?? ""))),
    };
  }

  test("goes on after Last-Event-ID, with nothing lost and nothing twice", async () => {
    const all = await read(6, { "last-event-id": "0" });
    const at = all.ids[2] ?? "";
    const rest = await read(all.ids.length - 3, { "last-event-id": at });
    expect(rest.ids.slice(0, all.ids.length - 3)).toEqual(all.ids.slice(3));
    expect(all.events.map(({ seq }) => String(seq))).toEqual(all.ids);
  });

  test("without one begins with what is new", async () => {
    const streams = async () => Health.parse(await (await daemon.fetch("/health")).json()).counts?.streams;
    await until(async () => (await streams()) === 0, "the streams of before are closed");
    const reading = read(1, {});
    await until(async () => (await streams()) === 1, "the stream is open");
    const { message } = await daemon.mesh.notify({ peer: "backend", text: "news" });
    expect((await reading).events[0]).toMatchObject({ type: "message.accepted", message });
  });

  test("refuses a position that is none, and agents", async () => {
    expect((await problem(await daemon.fetch("/v1/events/stream?after=x"))).detail).toContain('"x" is not a position');
    const script =
      "fetch(process.argv[1],{headers:{authorization:'Bearer '+process.argv[2]}}).then(r=>r.text()).then(console.log)";
    const { token } = daemon.address();
    const url = httpUrl(daemon.address(), "/v1/events/stream");
    const { out } = await backend.run([process.execPath, "-e", script, url, token]);
    expect(JSON.parse(out)).toMatchObject({ code: "forbidden" });
  });

  test("goes on for our own reader across a kill -9", async () => {
    const abort = new AbortController();
    const seen: MeshEvent[] = [];
    const { newest } = await daemon.mesh.events({ limit: 1 });
    const reading = (async () => {
      for await (const event of eventStream(async () => daemon.address(), { after: newest, signal: abort.signal }))
        seen.push(event);
    })();
    const before = await daemon.mesh.notify({ peer: "backend", text: "before" });
    await until(() => seen.some(({ message }) => message === before.message), "the event before");
    await daemon.crashAndRestart();
    const after = await daemon.mesh.notify({ peer: "backend", text: "after" });
    await until(() => seen.some(({ message }) => message === after.message), "the event after");
    abort.abort();
    await reading;
    expect(seen.map(({ seq }) => seq)).toEqual(seen.map((_, index) => newest + 1 + index));
  });
});

describe("/health", () => {
  test("without the token says only that it is there", async () => {
    const response = await fetch(httpUrl(daemon.address(), "/health"));
    const health = await response.json();
    expect(response.status).toBe(200);
    expect(Health.strict().parse(health)).toMatchObject({ ok: true, service: "repowire" });
    expect(health).not.toHaveProperty("parts");
  });

  test("with it tells of each part", async () => {
    const health = await until(async () => {
      const found = Health.parse(await (await daemon.fetch("/health")).json());
      return found.counts?.links === 3 && found;
    }, "all sessions are back");
    expect(Object.keys(health.parts ?? {})).toEqual(expect.arrayContaining(["store", "queue", "claude-code"]));
    expect(health).toMatchObject({ ok: true, pid: daemon.child.pid, counts: { links: 3 } });
  });
});

describe("MCP over HTTP", () => {
  const connect = async () => {
    const { port, token } = daemon.address();
    const transport = new StreamableHTTPClientTransport(new URL(httpUrl({ port }, "/mcp")), {
      requestInit: { headers: { authorization: `Bearer ${token}` } },
    });
    const client = new Client({ name: "any", version: "1" });
    await client.connect(transport);
    return { client, transport };
  };
  const textOf = (result: unknown) => (result as { content: { text: string }[] }).content[0]?.text ?? "";

  test("gives its process a seat, the tools, and answers; the seat ends with the session", async () => {
    const { client, transport } = await connect();
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain("ask_peer");
    const asked = client.callTool({ name: "ask_peer", arguments: { peer: "backend", question: "over mcp?" } });
    const { handle, from } = await backend.got("over mcp?");
    expect(from).toMatchObject({ runtime: "mcp", role: "agent" });
    await backend.call("reply", { id: handle, text: "yes" });
    expect(textOf(await asked)).toMatch(/^backend answered in .*\nyes$/);
    // Late mail waits in its inbox, and is presented by being read.
    await backend.call("notify", { peer: from.id, text: "by the way" });
    expect(textOf(await client.callTool({ name: "inbox", arguments: {} }))).toContain("by the way");
    expect(await client.callTool({ name: "ask_peer", arguments: { peer: "nobody", question: "?" } })).toMatchObject({
      isError: true,
    });

    // A session's id is no credential: another process cannot use it.
    const headers = {
      "mcp-session-id": transport.sessionId ?? "",
      accept: "application/json, text/event-stream",
      "content-type": "application/json",
    };
    const theft = `fetch(process.argv[1],{method:"POST",headers:JSON.parse(process.argv[2]),body:'{"jsonrpc":"2.0","id":1,"method":"tools/list"}'}).then(async r=>console.log(await r.text()))`;
    using thief = person(daemon.sandbox);
    const stolen = await thief.run([
      process.execPath,
      "-e",
      theft,
      httpUrl(daemon.address(), "/mcp"),
      JSON.stringify({ ...headers, authorization: `Bearer ${daemon.address().token}` }),
    ]);
    expect(JSON.parse(stolen.out)).toMatchObject({ code: "unauthorized" });

    await transport.terminateSession();
    await client.close();
    await until(
      async () =>
        (await daemon.mesh.peers({ include_offline: true })).peers.every(
          (peer) => peer.runtime !== "mcp" || peer.presence.state === "offline",
        ),
      "its seat is empty",
    );
  });

  test("says to initialize again when the session is over", async () => {
    const headers = {
      "mcp-session-id": "gone",
      accept: "application/json, text/event-stream",
      "content-type": "application/json",
    };
    const response = await post("/mcp", { jsonrpc: "2.0", id: 1, method: "tools/list" }, headers);
    expect([response.status, (await response.json()).error.message]).toEqual([
      404,
      "That MCP session is over. Initialize again.",
    ]);
  });
});
