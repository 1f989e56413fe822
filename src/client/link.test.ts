import { expect, test } from "bun:test";
import { virtualClock } from "../../test/support/virtual-clock.ts";
import { connectLink } from "./link.ts";
import type { LinkSocketOptions } from "./socket.ts";

/** A link whose other end is this test: it sees the requests and answers them as it likes. */
async function setUp(options: { isWelcomed?: boolean } = {}) {
  const clock = virtualClock();
  const sent: { id: number; method: string }[] = [];
  let side: LinkSocketOptions | undefined;
  const link = connectLink({
    locate: async () => ({ url: "ws://nowhere", token: "t" }),
    session: () => ({ runtime: "memory", process: { pid: 1, started: "s", boot: "b" }, link_pid: 1, path: "/work" }),
    client: { name: "test", version: "1" },
    capabilities: [],
    onDeliver: async () => [],
    time: { now: () => clock.now().awake, after: clock.after, random: () => 0 },
    openSocket(options) {
      side = options;
      return { send: (text) => void sent.push(JSON.parse(text)), reconnect() {}, close() {} };
    },
  });
  const quiet = () => new Promise((resolve) => setImmediate(resolve));
  const answer = async (method: string, body: Record<string, unknown>) => {
    const request = sent.splice(
      sent.findIndex((frame) => frame.method === method),
      1,
    )[0];
    side?.onMessage(JSON.stringify({ jsonrpc: "2.0", id: request?.id, ...body }));
    await quiet();
  };
  side?.onOpen();
  await quiet();
  const welcome = () =>
    answer("hello", {
      result: {
        protocol: 1,
        peer: PEER,
        epoch: "e",
        cursor: 0,
        resume: "r",
        daemon: { version: "1", instance: "i" },
        mesh: { online: [], total: 0 },
      },
    });
  if (options.isWelcomed !== false) await welcome();
  return { clock, link, answer, quiet, welcome, methods: () => sent.map((frame) => frame.method) };
}

const PEER = {
  id: "peer_00000000-0000-7000-8000-000000000001",
  name: "backend",
  circle: "default",
  role: "agent",
  runtime: "memory",
  machine: "laptop",
  presence: { state: "online", since: 1 },
  capabilities: [],
  identity: "proven",
  inbound: "accept",
  unread: 0,
  last_seen_at: 1,
  joined_at: 1,
};
const FULL = { error: { code: -32000, message: "full", data: { code: "storage_full", retryable: true } } };

test("that pushes can be received is said until the daemon could store it", async () => {
  const { clock, link, answer, methods } = await setUp();
  link.ready();
  await answer("ready", FULL);
  expect(methods()).not.toContain("ready");
  clock.advance(1_000);
  expect(methods()).toContain("ready");
});

test("reports that the disk could not take are sent again on the same link", async () => {
  const { clock, link, answer, methods } = await setUp();
  link.report({ type: "turn_ended" });
  await answer("report", FULL);
  clock.advance(1_000);
  expect(methods()).toContain("report");
});

test("a question to several that is interrupted is taken back by its one id", async () => {
  const { link, quiet, methods } = await setUp();
  const esc = new AbortController();
  link.mesh.ask_several({ peers: ["infra", "api"], question: "which?" }, { signal: esc.signal }).catch(() => {});
  await quiet();
  esc.abort();
  await quiet();
  expect(methods().filter((method) => method !== "report")).toEqual(expect.arrayContaining(["ask_several", "abandon"]));
});

test("a call that is interrupted before the link is welcomed is told after that, and not in place of hello", async () => {
  const { link, quiet, welcome, methods } = await setUp({ isWelcomed: false });
  const esc = new AbortController();
  link.mesh.ask({ peer: "infra", question: "which?" }, { signal: esc.signal }).catch(() => {});
  esc.abort();
  await quiet();
  expect(methods()).toEqual(["hello"]);
  await welcome();
  expect(methods().filter((method) => method !== "report")).toEqual(["abandon"]);
});
