import { beforeEach, describe, expect, test } from "bun:test";
import { createMesh, type MeshHarness } from "../../test/support/mesh-harness.ts";
import type { InboundPolicy, PeerId } from "../protocol/index.ts";
import { effectiveInbound } from "./inbound.ts";
import { leaseForHook } from "./router.ts";

/** The receiver's gate: what its user lets in, over all rungs but its own looking. */

let mesh: MeshHarness;
let frontend: PeerId;
let backend: PeerId;
let anna: PeerId;

beforeEach(async () => {
  mesh = createMesh();
  frontend = await mesh.join("frontend");
  backend = await mesh.join("backend");
  anna = await mesh.join("anna", { role: "human", path: undefined, name: "anna" });
  await mesh.openPush(backend);
});

const gate = (policy: InboundPolicy | "auto") => mesh.call(anna, "set_inbound", { peer: "backend", policy });
const mode = (permission_mode: string | undefined) =>
  mesh.decide((ctx) => {
    ctx.tx.peers.put({ ...mesh.peer(backend), permission_mode });
    ctx.stirred.add(backend);
  });
const notify = (text: string) => mesh.call(frontend, "notify", { peer: "backend", text, urgency: "urgent" });
const bodies = () => mesh.delivered(backend).map((item) => item.body);

describe("hold", () => {
  // @req gate.all-rungs
  test("keeps mail back from every push and from hooks, and tells the sender why and what to do", async () => {
    await gate("hold");
    const sent = await notify("hello");
    expect(sent.recipient).toMatchObject({
      delivery: "held",
      reason: "gate: its user decided so; fix: repowire peer inbound backend accept",
    });
    expect(bodies()).toEqual([]);
    const byHook = await mesh.decide((ctx) => leaseForHook(ctx, mesh.peer(backend), "prompt", "lease", 100_000));
    expect(byHook).toEqual([]);
  });

  // @req gate.all-rungs
  test("lets the session itself look into its mailbox", async () => {
    await gate("hold");
    await notify("hello");
    expect(await mesh.call(backend, "inbox", {})).toMatchObject({ type: "mail", items: [{ body: "hello" }] });
  });

  test("ends the wait of a question at once: a person must act first", async () => {
    await gate("hold");
    const asked = await mesh.call(frontend, "ask", { peer: "backend", question: "which version?" });
    expect(asked).toMatchObject({ state: "pending", recipient: { delivery: "held" } });
    expect(mesh.waits.size).toBe(0);
    expect(mesh.live.waitsOf(frontend)).toEqual([]);
  });

  test("that begins while a call waits ends that wait", async () => {
    await mesh.activity(backend, "busy");
    const waiting = mesh.call(frontend, "ask", { peer: "backend", question: "which version?" });
    await mesh.quiet();
    await gate("hold");
    expect(await waiting).toMatchObject({ state: "pending", recipient: { delivery: "held" } });
  });

  test("lets through what the session itself asked for", async () => {
    await mesh.call(backend, "ask", { peer: "frontend", question: "which version?", wait_seconds: 0 });
    await gate("hold");
    const open = mesh.read(({ tx }) => tx.asks.openTo(frontend));
    await mesh.call(frontend, "reply", { id: open[0]?.handle ?? "", text: "v2" });
    expect(bodies()).toEqual(["v2"]);
  });

  test("when it is lifted hands over what waited, in acceptance order, and says how many", async () => {
    await gate("hold");
    await notify("one");
    await notify("two");
    expect(await gate("accept")).toMatchObject({ released: 2, peer: { inbound: "accept" } });
    expect(bodies()).toEqual(["one", "two"]);
  });

  test("when it is lifted does not count or release what the recipient's own runtime holds", async () => {
    void notify("for its user");
    await mesh.quiet();
    const [item] = mesh.delivered(backend);
    await mesh.settle(backend, item?.message ?? "", "held", "waits for its user's OK");
    await gate("hold");
    await notify("two");
    expect(await gate("accept")).toMatchObject({ released: 1 });
    expect(bodies()).toEqual(["two"]);
    expect(mesh.delivery(item?.message ?? "", backend).state).toBe("held");
  });
});

describe("refuse", () => {
  test("turns a sender away before anything is stored, with the reason", async () => {
    await gate("refuse");
    const last = mesh.read(({ tx }) => tx.events.last());
    await expect(notify("hello")).rejects.toMatchObject({ code: "refused_by_peer" });
    expect(mesh.read(({ tx }) => tx.events.last())).toBe(last);
  });

  test("ends what was held so far, and the questions among it fail as refused", async () => {
    await gate("hold");
    const asked = await mesh.call(frontend, "ask", { peer: "backend", question: "which version?", wait_seconds: 0 });
    await gate("refuse");
    expect(mesh.delivery(asked.message, backend).state).toBe("refused");
    expect(mesh.ask(asked.message)).toMatchObject({
      state: "failed",
      reason: "refused",
      detail: expect.stringContaining("backend takes no messages"),
    });
  });

  test("leaves a broadcast to the others", async () => {
    await mesh.join("infra");
    await gate("refuse");
    const sent = await mesh.call(frontend, "broadcast", { text: "staging is down" });
    expect(sent.recipients.map((recipient) => recipient.peer)).toEqual(["infra"]);
  });
});

describe("sessions without permission prompts", () => {
  test.each(["bypassPermissions", "yolo"])("in mode %s are on hold until their user says otherwise", async (name) => {
    await mode(name);
    const sent = await notify("hello");
    expect(sent.recipient).toMatchObject({
      delivery: "held",
      reason: `gate: runs without permission prompts (${name}); fix: repowire peer inbound backend accept`,
    });
    await gate("accept");
    expect(bodies()).toEqual(["hello"]);
  });

  test.each(["default", "acceptEdits", "plan", undefined])("mode %p is open", async (name) => {
    await mode(name);
    expect(mesh.read((ctx) => effectiveInbound(ctx, mesh.peer(backend)))).toEqual({ policy: "accept" });
  });

  test("are released when their mode changes back", async () => {
    await mode("bypassPermissions");
    await notify("hello");
    await mode("default");
    expect(bodies()).toEqual(["hello"]);
  });

  // @req gate.no-prompts
  test("the user's own word counts more than the mode, and auto gives it back to the mode", async () => {
    await mode("bypassPermissions");
    await gate("accept");
    await mode("yolo");
    expect(mesh.read((ctx) => effectiveInbound(ctx, mesh.peer(backend)).policy)).toBe("accept");
    expect(await gate("auto")).toMatchObject({ peer: { inbound: "hold" }, released: 0 });
  });

  test("follow the user's configuration", async () => {
    for (const policy of ["accept", "hold", "refuse"] as const) {
      const other = createMesh({ inboundWithoutPrompts: policy });
      const id = await other.join("backend");
      await other.decide((ctx) => ctx.tx.peers.put({ ...other.peer(id), permission_mode: "yolo" }));
      expect(other.read((ctx) => effectiveInbound(ctx, other.peer(id)).policy)).toBe(policy);
    }
  });
});
