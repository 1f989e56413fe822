import { afterEach, expect, test } from "bun:test";
import type { ServerWebSocket } from "bun";
import { connectLink, type Link } from "./link.ts";

/** A daemon that only greets and takes reports, as it is told to. */
const HELLO = {
  protocol: 1,
  peer: {
    id: "peer_00000000-0000-7000-8000-000000000001",
    name: "backend",
    circle: "default",
    role: "agent",
    runtime: "memory",
    machine: "here",
    presence: { state: "online", since: 0 },
    capabilities: [],
    identity: "proven",
    inbound: "accept",
    unread: 0,
    last_seen_at: 0,
    joined_at: 0,
  },
  epoch: "one",
  cursor: 0,
  resume: "secret",
  daemon: { version: "0", instance: "i" },
  mesh: { online: [], total: 0 },
};
let refuseNext = 0;
let batches: string[][] = [];
let sockets: ServerWebSocket<undefined>[] = [];
let link: Link | undefined;

const server = Bun.serve<undefined>({
  hostname: "127.0.0.1",
  port: 0,
  fetch: (request, self) => (self.upgrade(request) ? undefined : new Response("")),
  websocket: {
    open: (socket) => void sockets.push(socket),
    message(socket, text) {
      const { id, method, params } = JSON.parse(String(text));
      const answer = (body: object) => socket.send(JSON.stringify({ jsonrpc: "2.0", id, ...body }));
      if (method === "hello") return void answer({ result: HELLO });
      if (method !== "report") return void answer({ result: {} });
      if (refuseNext-- > 0)
        return void answer({ error: { code: -32000, message: "full", data: { code: "storage_full" } } });
      batches.push(params.reports.map((entry: { report: { type: string } }) => entry.report.type));
      answer({ result: { acknowledged: params.reports.length } });
    },
  },
});

afterEach(() => {
  link?.close();
  [refuseNext, batches, sockets] = [0, [], []];
});

function connect(): Link {
  link = connectLink({
    locate: async () => ({ url: `ws://127.0.0.1:${server.port}`, token: "t" }),
    session: () => ({ runtime: "memory", process: { pid: 1, started: "1", boot: "b" }, link_pid: 1, path: "/" }),
    client: { name: "test", version: "0" },
    capabilities: [],
    onDeliver: async () => [],
    timing: { reconnectMinMs: 5, reportAgainMs: 5 },
  });
  return link;
}

async function until(look: () => boolean): Promise<void> {
  while (!look()) await Bun.sleep(2);
}

test("reports that a full disk refused are sent again over the same link", async () => {
  refuseNext = 2;
  const own = connect();
  await own.welcomed;
  own.report({ type: "turn_started" });
  await until(() => batches.length > 0);
  expect(batches).toEqual([["turn_started"]]);
  expect(sockets).toHaveLength(1);
});

test("a daemon that starts anew hears that the session is in a turn", async () => {
  const own = connect();
  await own.welcomed;
  own.report({ type: "turn_started" });
  await until(() => batches.length === 1);
  sockets[0]?.close();
  await until(() => batches.length === 2);
  expect(batches[1]).toEqual(["turn_started"]);
});
