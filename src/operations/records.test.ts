import { beforeEach, describe, expect, test } from "bun:test";
import { createMesh, type MeshHarness } from "../../test/support/mesh-harness.ts";
import { noteTurnInput } from "../core/index.ts";
import type { PeerId } from "../protocol/index.ts";

let mesh: MeshHarness;
let frontend: PeerId;
let backend: PeerId;
let anna: PeerId;

beforeEach(async () => {
  mesh = createMesh();
  frontend = await mesh.join("frontend");
  backend = await mesh.join("backend");
  anna = await mesh.join("anna", { role: "human", path: undefined, name: "anna" });
});

describe("a trace", () => {
  // @req trace.every-step
  test("is every step of a question and of its answer, with its time and its proof", async () => {
    await mesh.openPush(backend);
    const asked = await mesh.call(frontend, "ask", { peer: "backend", question: "which\nversion?", wait_seconds: 0 });
    mesh.clock.advance(4);
    await mesh.present(backend);
    mesh.clock.advance(1_196);
    await mesh.decide((ctx) =>
      noteTurnInput(ctx, backend, { type: "delivery", message: asked.message }, "prompt hook"),
    );
    mesh.clock.advance(12_800);
    await mesh.call(backend, "reply", { id: asked.id, text: "v2" });

    const trace = await mesh.call(frontend, "trace", { id: asked.id });
    expect(trace).toMatchObject({
      id: asked.id,
      message: asked.message,
      kind: "ask",
      from: "frontend",
      to: ["backend"],
      excerpt: "which version?",
      ask: { state: "answered", by: "reply" },
    });
    expect(trace.steps.map((step) => [step.state, step.at, step.detail])).toEqual([
      ["queued", 0, undefined],
      ["leased", 0, "push"],
      ["presented", 4, "push"],
      ["entered", 1_200, "prompt hook"],
      ["seen", 14_000, "reply"],
      ["answered", 14_000, "reply"],
      ["answer queued", 14_000, undefined],
    ]);
    expect(JSON.stringify(trace.deliveries)).not.toMatch(/lease_route|dead_rungs|expires_awake/);
  });

  test("shows repeats as such, with why", async () => {
    await mesh.openPush(backend);
    await mesh.openPush(backend, { rung: "inbox_socket", serves: { idle: 9 } });
    const asked = await mesh.call(frontend, "ask", { peer: "backend", question: "v?", wait_seconds: 0 });
    await mesh.settle(backend, asked.message, "unreachable", "the pipe broke");
    const { steps } = await mesh.call(frontend, "trace", { id: asked.message });
    expect(steps.slice(-2).map((step) => [step.state, step.detail])).toEqual([
      ["queued", "the pipe broke"],
      ["leased", "inbox_socket, attempt 2"],
    ]);
  });

  test("is found by handle, by message id, or as the last", async () => {
    const first = await mesh.call(frontend, "notify", { peer: "backend", text: "first" });
    const last = await mesh.call(frontend, "notify", { peer: "backend", text: "last" });
    for (const id of [first.id, first.message])
      expect((await mesh.call(frontend, "trace", { id })).excerpt).toBe("first");
    expect((await mesh.call(frontend, "trace", { id: "last" })).id).toBe(last.id);
  });

  test("is for who sent or got the message, and for people and orchestrators", async () => {
    const sent = await mesh.call(frontend, "notify", { peer: "backend", text: "hello" });
    const infra = await mesh.join("infra");
    const boss = await mesh.join("boss", { role: "orchestrator" });
    for (const peer of [frontend, backend, anna, boss])
      expect((await mesh.call(peer, "trace", { id: sent.id })).excerpt).toBe("hello");
    for (const id of [sent.id, "last"] as const)
      await expect(mesh.call(infra, "trace", { id })).rejects.toMatchObject({ code: "not_found" });
  });

  test("of nothing says so", async () => {
    await expect(mesh.call(anna, "trace", { id: "last" })).rejects.toMatchObject({ code: "not_found" });
    await expect(mesh.call(anna, "trace", { id: "zzzzz" })).rejects.toMatchObject({ code: "not_found" });
  });
});

describe("the event log", () => {
  test("is read in pages from a cursor, which stays where it is at the end", async () => {
    await mesh.call(frontend, "notify", { peer: "backend", text: "hello" });
    const first = await mesh.call(anna, "events", { limit: 2 });
    expect(first.events.map((event) => event.seq)).toEqual([1, 2]);
    expect(first).toMatchObject({ cursor: 2, epoch: mesh.store.epoch });
    const rest = await mesh.call(anna, "events", { after: first.cursor });
    expect(rest.events[0]?.seq).toBe(3);
    const end = await mesh.call(anna, "events", { after: rest.cursor });
    expect(end).toMatchObject({ events: [], cursor: rest.cursor });
  });

  // @req private.log
  test("never holds a body", async () => {
    await mesh.openPush(backend);
    const asked = await mesh.call(frontend, "ask", { peer: "backend", question: "secret-question", wait_seconds: 0 });
    await mesh.call(backend, "reply", { id: asked.id, text: "secret-progress", outcome: "progress" });
    await mesh.call(backend, "reply", { id: asked.id, text: "secret-answer" });
    const { events } = await mesh.call(anna, "events", {});
    expect(events.length).toBeGreaterThan(8);
    expect(JSON.stringify(events)).not.toContain("secret-");
  });
});

describe("purging", () => {
  test("removes what is closed and older than a person says, and is an event", async () => {
    await mesh.openPush(backend);
    const asked = await mesh.call(frontend, "ask", { peer: "backend", question: "v?", wait_seconds: 0 });
    await mesh.call(backend, "reply", { id: asked.id, text: "v2" });
    const kept = await mesh.call(frontend, "ask", { peer: "backend", question: "open?", wait_seconds: 0 });
    mesh.clock.advance(86_400_000);
    const gone = await mesh.call(anna, "purge", { older_than_days: 0.5 });
    // The answer is still on its way to its asker.
    expect(gone.messages).toBe(1);
    expect(mesh.read(({ tx }) => tx.messages.get(asked.message))).toBeUndefined();
    expect(mesh.ask(kept.message).state).toBe("open");
    const { events } = await mesh.call(anna, "events", {});
    expect(events.at(-1)).toMatchObject({ type: "store.purged", data: gone });
  });

  test("that finds nothing is no event", async () => {
    const last = mesh.read(({ tx }) => tx.events.last());
    expect(await mesh.call(anna, "purge", {})).toEqual({ messages: 0, events: 0, peers: 0 });
    expect(mesh.read(({ tx }) => tx.events.last())).toBe(last);
  });
});
