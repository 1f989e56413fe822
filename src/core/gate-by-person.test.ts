import { beforeEach, describe, expect, test } from "bun:test";
import { createMesh, type MeshHarness } from "../../test/support/mesh-harness.ts";
import { LIMITS, type PeerId } from "../protocol/index.ts";

/** What a person keeps back by hand: a circle, a while, single messages. */

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

const notify = (text: string, peer = "backend") => mesh.call(frontend, "notify", { peer, text, urgency: "urgent" });
const bodies = () => mesh.delivered(backend).map((item) => item.body);
const held = async () => (await mesh.call(anna, "held", {})).held;
const decide = (id: string, verdict: "release" | "refuse", reason?: string) =>
  mesh.call(anna, "decide_held", { id, verdict, reason });

describe("one held message", () => {
  beforeEach(() => mesh.call(anna, "set_inbound", { peer: "backend", policy: "hold" }));

  // @req gate.by-person
  test("is listed with who, whom, what and why; released it goes through alone, and the next one is held again", async () => {
    await notify("first");
    await notify("second");
    expect(await held()).toMatchObject([
      { from: "frontend", to: "backend", kind: "notify", excerpt: "first", can_decide: true },
      { excerpt: "second" },
    ]);
    const [first] = await held();
    expect(await decide(first?.id ?? "", "release")).toMatchObject({ to: "backend", state: "queued" });
    expect(bodies()).toEqual(["first"]);
    await notify("third");
    expect((await held()).map((one) => one.excerpt)).toEqual(["second", "third"]);
  });

  // @req gate.by-person
  test("decided already, the second verdict is refused with what became of it", async () => {
    await notify("first");
    const id = (await held())[0]?.id ?? "";
    await decide(id, "refuse", "not tonight");
    await expect(decide(id, "release")).rejects.toMatchObject({
      code: "already_decided",
      message: expect.stringMatching(/for backend it is refused \(not tonight\)/),
    });
    await expect(decide("aaaaa", "release")).rejects.toMatchObject({ code: "not_found" });
  });

  test("is listed with the beginning of its text, and how much is left out; beyond a page it is counted", async () => {
    await notify(`**long** ${"x".repeat(LIMITS.findTextCharsMax)}`);
    const [one] = await held();
    expect(one?.text).toHaveLength(LIMITS.findTextCharsMax);
    expect(one?.rest_chars).toBe("**long** ".length);
    for (let n = 0; n < LIMITS.findPageMax; n++) await notify(`m${n}`);
    const all = await mesh.call(anna, "held", {});
    expect([all.held.length, all.more, all.held[0]?.id]).toEqual([LIMITS.findPageMax, 1, one?.id]);
  });

  // @req gate.by-person
  test("stays through when its hand-over has to be repeated", async () => {
    const { message } = await notify("first");
    await decide((await held())[0]?.id ?? "", "release");
    expect(bodies()).toEqual(["first"]);
    await mesh.settle(backend, message, "unreachable", "gone for a moment");
    expect(await held()).toEqual([]);
  });

  // @req gate.by-person
  test("refused, its sender reads why; a question fails with it", async () => {
    const asked = await mesh.call(frontend, "ask", { peer: "backend", question: "which version?", wait_seconds: 0 });
    const [one] = await held();
    expect(await decide(one?.id ?? "", "refuse", "not tonight")).toMatchObject({ state: "refused" });
    if (asked.state !== "pending") throw new Error("it was not held");
    expect(mesh.ask(asked.message)).toMatchObject({ state: "failed", reason: "refused" });
    expect(await mesh.call(frontend, "inbox", { id: asked.id })).toMatchObject({
      outcome: { state: "failed", detail: expect.stringContaining("not tonight") },
    });
    await expect(decide(one?.id ?? "", "release")).rejects.toMatchObject({ code: "already_decided" });
  });

  // @req gate.by-person
  test("is decided by nobody but a person, and not where its runtime holds it", async () => {
    await notify("first");
    const [one] = await held();
    for (const name of ["held", "decide_held", "quiet", "circle_inbound"] as const)
      await expect(mesh.call(backend, name, { id: one?.id, verdict: "release" } as never)).rejects.toMatchObject({
        code: "human_required",
      });
    await mesh.call(anna, "set_inbound", { peer: "backend", policy: "accept" });
    const [item] = mesh.delivered(backend);
    await mesh.settle(backend, item?.message ?? "", "held", "its user is typing");
    const [byRuntime] = await held();
    expect(byRuntime).toMatchObject({ can_decide: false, reason: "its user is typing" });
    await expect(decide(byRuntime?.id ?? "", "release")).rejects.toMatchObject({ code: "invalid_input" });
  });
});

describe("quiet", () => {
  // @req gate.quiet
  test("holds for a while, says so to senders, and then hands over in order by itself", async () => {
    await mesh.call(anna, "quiet", { peer: "backend", seconds: 1_800 });
    const { recipient } = await notify("first");
    expect(recipient).toMatchObject({
      delivery: "held",
      reason: "gate: its user wants quiet for 30 min more; fix: repowire quiet backend off",
    });
    await notify("second");
    await mesh.advance(1_799_000);
    expect(bodies()).toEqual([]);
    await mesh.advance(2_000);
    expect(bodies()).toEqual(["first", "second"]);
    expect(mesh.peer(backend).quiet_until).toBeUndefined();
  });

  // @req gate.quiet
  test("lets answers through, ends on a word, and does not open what refuses", async () => {
    await mesh.openPush(frontend);
    await mesh.call(backend, "ask", { peer: "frontend", question: "v?", wait_seconds: 0 });
    const [question] = mesh.delivered(frontend);
    await mesh.call(anna, "quiet", { peer: "backend", seconds: 600 });
    await mesh.call(frontend, "reply", { id: question?.handle ?? "", text: "v2" });
    expect(bodies()).toEqual(["v2"]);
    await notify("news");
    await mesh.call(anna, "quiet", { peer: "backend", seconds: 0 });
    expect(bodies()).toEqual(["news"]);
    await mesh.call(anna, "set_inbound", { peer: "backend", policy: "refuse" });
    await mesh.call(anna, "quiet", { peer: "backend", seconds: 600 });
    await expect(notify("more")).rejects.toMatchObject({ code: "refused_by_peer" });
  });
});

describe("a circle's gate", () => {
  // @req gate.by-circle
  test("is for all in it who have no policy of their own, and for who comes later; people are left out", async () => {
    const output = await mesh.call(anna, "circle_inbound", { circle: "default", policy: "hold" });
    expect(output.members).toEqual(["frontend", "backend"]);
    expect((await notify("first")).recipient).toMatchObject({
      delivery: "held",
      reason: "gate: circle default is on hold; fix: repowire circle inbound default accept",
    });
    const late = await mesh.join("late");
    await mesh.openPush(late);
    expect((await notify("second", "late")).recipient.delivery).toBe("held");
    await mesh.call(anna, "set_inbound", { peer: "backend", policy: "accept" });
    expect(bodies()).toEqual(["first"]);
    expect((await notify("to her", "anna")).recipient.delivery).not.toBe("held");
    await mesh.call(anna, "circle_inbound", { circle: "default", policy: "accept" });
    expect(mesh.delivered(late).map((item) => item.body)).toEqual(["second"]);
  });
});
