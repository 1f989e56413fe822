import { describe, expect, test } from "bun:test";
import type { MessageId, PeerId } from "../protocol/index.ts";
import { memoryStore } from "../store/memory.ts";
import {
  acceptMessage,
  askOutcome,
  claimSeat,
  createEngine,
  createLive,
  type Engine,
  endSession,
  keepDeadlines,
  mustGet,
  openAsk,
  recover,
  replyToAsk,
  type SessionStart,
} from "./index.ts";

/** An engine over the store in memory, with counted ids and a clock that stands still. */
function mesh(): Engine {
  let count = 0;
  const next = () => String(++count).padStart(5, "0");
  return createEngine({
    store: memoryStore(),
    clock: { now: () => ({ wall: 1_000, awake: 1_000 }), after: () => () => {} },
    ids: { peer: () => `peer_${next()}`, message: () => `msg_${next()}`, handle: next, secret: next },
    live: createLive(),
    config: { machine: "here", inboundWithoutPrompts: "hold" },
    schedule: (run) => queueMicrotask(run),
    perform: () => {},
    onFault: (error) => {
      throw error;
    },
  });
}

let started = 0;

function start(engine: Engine, change: Partial<SessionStart>): Promise<PeerId> {
  const instance = { pid: 100, started: String(++started), boot: "boot" };
  const session: SessionStart = {
    runtime: "script",
    role: "agent",
    instance,
    path: "/work",
    capabilities: [],
    identity: "proven",
  };
  return engine.run((ctx) => claimSeat(ctx, { ...session, ...change }).id);
}

const seats = (engine: Engine) => engine.read((ctx) => ctx.tx.peers.all().map((peer) => peer.name));
const ask = (engine: Engine, asker: PeerId, askee: PeerId): Promise<MessageId> =>
  engine.run((ctx) => {
    const request = {
      asker: mustGet(ctx, asker),
      askee: mustGet(ctx, askee),
      question: "?",
      urgency: "normal" as const,
    };
    return openAsk(ctx, request).ask.message;
  });

describe("A temporary seat", () => {
  test("is gone when its session ends, and says so in the log", async () => {
    const engine = mesh();
    const probe = await start(engine, { name: "probe", temporary: true });
    await engine.run((ctx) => endSession(ctx, probe, "its process ended"));
    expect(seats(engine)).toEqual([]);
    expect(engine.read((ctx) => ctx.tx.events.after(0, 100)).at(-1)).toMatchObject({
      type: "peer.left",
      data: { name: "probe" },
    });
  });

  test("is gone after a restart of the daemon that outlived its session", async () => {
    const engine = mesh();
    await start(engine, { name: "probe", temporary: true });
    await engine.run((ctx) => recover(ctx, () => false));
    expect(seats(engine)).toEqual([]);
  });

  test("stays, offline, while a question to it is open, and goes when that is over", async () => {
    const engine = mesh();
    const asker = await start(engine, { name: "asker", path: "/other" });
    const probe = await start(engine, { name: "probe", temporary: true });
    const message = await ask(engine, asker, probe);
    await engine.run((ctx) => endSession(ctx, probe, "its process ended"));
    expect(engine.read((ctx) => mustGet(ctx, probe).presence.state)).toBe("offline");

    await engine.run((ctx) => {
      const open = ctx.tx.asks.get(message);
      if (open) replyToAsk(ctx, { ask: open, text: "late", outcome: "answer", by: "reply" });
    });
    await engine.run((ctx) => keepDeadlines(ctx));
    expect(seats(engine)).toEqual(["asker"]);
  });

  test("stays while it has unread mail", async () => {
    const engine = mesh();
    const sender = await start(engine, { name: "sender", path: "/other" });
    const probe = await start(engine, { name: "probe", temporary: true });
    await engine.run((ctx) => {
      acceptMessage(ctx, {
        id: ctx.ids.message(),
        kind: "notify",
        from: mustGet(ctx, sender),
        to: [mustGet(ctx, probe)],
        body: "news",
        urgency: "normal",
        hops: 0,
        expiryMs: 1_000,
      });
      endSession(ctx, probe, "its process ended");
    });
    expect(seats(engine)).toEqual(["sender", "probe"]);
  });

  test("takes no seat that waits for its next session, and no session takes its seat", async () => {
    const engine = mesh();
    const asker = await start(engine, { name: "asker", path: "/other" });
    const resident = await start(engine, { name: "backend" });
    await engine.run((ctx) => endSession(ctx, resident, "its process ended"));
    const probe = await start(engine, { name: "backend", temporary: true });
    expect(probe).not.toBe(resident);
    await ask(engine, asker, probe);
    await engine.run((ctx) => endSession(ctx, probe, "its process ended"));
    expect(await start(engine, { name: "backend-2" })).not.toBe(probe);
    expect(await start(engine, {})).toBe(resident);
  });

  test("leaves the answer that it gave readable after it is gone", async () => {
    const engine = mesh();
    const asker = await start(engine, { name: "asker", path: "/other" });
    const probe = await start(engine, { name: "probe", temporary: true });
    const message = await ask(engine, asker, probe);
    await engine.run((ctx) => {
      const open = ctx.tx.asks.get(message);
      if (open) replyToAsk(ctx, { ask: open, text: "pong", outcome: "answer", by: "reply" });
    });
    await engine.run((ctx) => endSession(ctx, probe, "its process ended"));
    expect(seats(engine)).toEqual(["asker"]);
    const outcome = engine.read((ctx) => {
      const closed = ctx.tx.asks.get(message);
      return closed && askOutcome(ctx, closed);
    });
    expect(outcome).toMatchObject({ state: "answered", peer: "probe", text: "pong" });
  });
});

test("An ordinary seat waits for its next session", async () => {
  const engine = mesh();
  const peer = await start(engine, { name: "backend" });
  await engine.run((ctx) => endSession(ctx, peer, "its process ended"));
  expect(seats(engine)).toEqual(["backend"]);
});
