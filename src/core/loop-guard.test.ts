import { beforeEach, describe, expect, test } from "bun:test";
import { createMesh, type HarnessOptions, type MeshHarness } from "../../test/support/mesh-harness.ts";
import type { PeerId } from "../protocol/index.ts";
import { recover } from "./recovery.ts";

/** Budgets of agents: what stops a storm, whom it stops, who hears of it, and who lifts it. */

let mesh: MeshHarness;
let frontend: PeerId;
let backend: PeerId;
let infra: PeerId;
let anna: PeerId;
let boss: PeerId;

async function begin(options: HarnessOptions): Promise<void> {
  mesh = createMesh(options);
  frontend = await mesh.join("frontend");
  backend = await mesh.join("backend");
  infra = await mesh.join("infra");
  anna = await mesh.join("anna", { role: "human", path: undefined, name: "anna" });
  boss = await mesh.join("boss", { role: "orchestrator" });
}
beforeEach(() => begin({ budgets: { pairPerMinute: 4, pairPerNight: 12, circlePerMinute: 0 } }));

let count = 0;
const tell = (from: PeerId, peer: string) => mesh.call(from, "notify", { peer, text: `hello ${++count}` });
async function times(n: number, send: () => Promise<unknown>): Promise<void> {
  for (let i = 0; i < n; i++) await send();
}
const paused = async () => (await mesh.call(anna, "pauses", {})).pauses;
const resume = (what: string) => mesh.call(anna, "resume", { what });
const told = (type: string) => mesh.read(({ tx }) => tx.events.after(0, 10_000)).filter((event) => event.type === type);
const refused = (sent: Promise<unknown>) =>
  sent.then(
    () => undefined,
    (error: { code: string; message: string }) => error,
  );

describe("two agents", () => {
  // @req guard.budgets
  test("have one budget a minute for both ways, which fills again by itself", async () => {
    await times(2, () => tell(frontend, "backend"));
    await times(2, () => tell(backend, "frontend"));
    await mesh.advance(15_000);
    await tell(frontend, "backend");
    expect(await paused()).toEqual([]);
    expect(await refused(tell(backend, "frontend"))).toMatchObject({ code: "thread_paused" });
  });

  // @req guard.told
  test("that use it up are paused; each is told why and what to do, and a person once", async () => {
    await times(4, () => tell(frontend, "backend"));
    const first = await refused(tell(frontend, "backend"));
    const [pause] = await paused();
    expect(pause).toMatchObject({ scope: "pair", peers: [{ name: "frontend" }, { name: "backend" }] });
    expect(first?.message).toBe(
      `Messages between you and backend are paused: frontend and backend sent each other 4 messages within a minute. Answers still pass. Do not try again or go around it: go on with other work, or tell your user, who lifts it with \`repowire resume ${pause?.id}\`.`,
    );
    await mesh.advance(60_000);
    const other = await refused(tell(backend, "frontend"));
    expect(other?.message).toContain("Messages between you and frontend are paused");
    expect(other?.message).toContain(`repowire resume ${pause?.id}`);
    expect(told("guard.paused")).toHaveLength(1);
  });

  test("that use it up in one batch get one pause, and both refusals name it", async () => {
    await times(4, () => tell(frontend, "backend"));
    const both = await Promise.all([refused(tell(frontend, "backend")), refused(tell(backend, "frontend"))]);
    const [pause, second] = await paused();
    expect(second).toBeUndefined();
    for (const error of both) expect(error?.message).toContain(`resume ${pause?.id}\``);
  });

  test("have a budget for the night beside that of the minute", async () => {
    for (let minute = 0; minute < 12; minute++) {
      await tell(frontend, "backend");
      await mesh.advance(20_000);
    }
    expect((await refused(tell(frontend, "backend")))?.message).toContain("12 messages within 12 h");
  });

  // @req guard.people-lift
  test("write again, with a full budget, once a person has lifted it by its id, a peer or a message", async () => {
    for (const name of [async () => (await paused())[0]?.id ?? "", async () => "backend"]) {
      await times(4, () => tell(frontend, "backend"));
      await refused(tell(frontend, "backend"));
      expect((await resume(await name())).resumed).toHaveLength(1);
    }
    await times(4, () => tell(frontend, "backend"));
    expect(told("guard.resumed")).toHaveLength(2);
    await expect(resume("backend")).rejects.toMatchObject({ code: "not_found" });
    await expect(resume("backnd")).rejects.toMatchObject({ code: "peer_not_found" });
  });

  // @req guard.people-lift
  test("cannot lift it themselves", async () => {
    await times(4, () => tell(frontend, "backend"));
    await refused(tell(frontend, "backend"));
    for (const who of [frontend, boss])
      await expect(mesh.call(who, "resume", { what: "backend" })).rejects.toMatchObject({ code: "human_required" });
    await expect(mesh.call(frontend, "pauses", {})).rejects.toMatchObject({ code: "forbidden" });
  });

  test("are asked and answer no more questions than the budget allows; a repeated question is none", async () => {
    const ask = (question: string) => mesh.call(frontend, "ask", { peer: "backend", question, wait_seconds: 0 });
    for (const question of ["a", "b", "c", "d", "d", "d"]) await ask(question);
    expect(await refused(ask("e"))).toMatchObject({ code: "thread_paused" });
  });

  test("still answer each other while they are paused", async () => {
    const asked = await mesh.call(frontend, "ask", { peer: "backend", question: "which?", wait_seconds: 0 });
    await times(3, () => tell(frontend, "backend"));
    await refused(tell(frontend, "backend"));
    await mesh.call(backend, "reply", { id: asked.id, text: "v2" });
    expect(mesh.ask(asked.message).state).toBe("answered");
  });

  test("cannot go around it by a broadcast: the other is left out, and whoever else is there is not", async () => {
    await times(4, () => tell(frontend, "backend"));
    await refused(tell(frontend, "backend"));
    const sent = await mesh.call(frontend, "broadcast", { text: "all" });
    expect(sent.recipients.map((recipient) => recipient.peer)).not.toContain("backend");
    expect(sent.recipients.map((recipient) => recipient.peer)).toContain("infra");
    expect(sent.left_out).toContainEqual({ peer: "backend", reason: "is paused with you" });
  });

  test("take nothing from the budgets of others", async () => {
    await times(4, () => tell(frontend, "backend"));
    await refused(tell(frontend, "backend"));
    await times(4, () => tell(frontend, "infra"));
  });
});

// @req guard.people-free
test("people are neither counted nor paused", async () => {
  await times(20, () => tell(anna, "backend"));
  expect(await paused()).toEqual([]);
});

test("who writes to a person is counted", async () => {
  await times(4, () => tell(frontend, "anna"));
  expect(await refused(tell(frontend, "anna"))).toMatchObject({ code: "thread_paused" });
});

describe("a circle", () => {
  beforeEach(() => begin({ budgets: { circlePerMinute: 10 } }));

  // @req guard.fair-share
  test("pauses the one that used most of its budget, and the others go on with what that one used", async () => {
    await times(8, () => tell(frontend, "infra"));
    await times(2, () => tell(backend, "infra"));
    await times(4, () => tell(backend, "infra"));
    expect(await paused()).toMatchObject([{ scope: "sender", peers: [{ name: "frontend" }] }]);
    expect((await refused(tell(frontend, "infra")))?.message).toStartWith(
      "Your messages are paused: frontend sent most",
    );
  });

  test("refuses the message itself where its sender is the one", async () => {
    await times(10, () => tell(frontend, "infra"));
    expect(await refused(tell(frontend, "infra"))).toMatchObject({ code: "thread_paused" });
    await tell(backend, "infra");
  });

  test("does not count an orchestrator, whose work is to write to many", async () => {
    await times(30, () => tell(boss, "infra"));
    expect(await paused()).toEqual([]);
  });
});

describe("a chain of messages that cause messages", () => {
  beforeEach(() => begin({ budgets: { threadDepth: 3 } }));

  /** A turn of `peer` that this message began. */
  const turn = (peer: PeerId, message: string) =>
    mesh.decide((ctx) =>
      ctx.tx.peers.put({ ...mesh.peer(peer), turn: { started_at: 0, inputs: [{ type: "delivery", message }] } }),
    );
  async function pingPong(rounds: number): Promise<{ id: string; message: string }> {
    let last = await tell(frontend, "backend");
    for (let n = 1; n <= rounds; n++) {
      const [me, other] = n % 2 === 1 ? [backend, "frontend"] : [frontend, "backend"];
      await turn(me, last.message);
      last = await tell(me, other);
    }
    return last;
  }

  // @req guard.depth
  test("grows by each message that a turn began by another sends, and is paused at its depth", async () => {
    const last = await pingPong(3);
    expect(mesh.read(({ tx }) => tx.messages.get(last.message))).toMatchObject({ hops: 3 });
    await turn(frontend, last.message);
    expect(await refused(tell(frontend, "backend"))).toMatchObject({ code: "thread_paused" });
    expect(await paused()).toMatchObject([{ scope: "thread" }]);
    // Another chain of the same two is another matter.
    await mesh.decide((ctx) => ctx.tx.peers.put({ ...mesh.peer(frontend), turn: undefined }));
    await tell(frontend, "backend");
  });

  test("begins anew where the user of the session writes, and from an orchestrator", async () => {
    const last = await pingPong(3);
    const inputs = [{ type: "delivery" as const, message: last.message }, { type: "user" as const }];
    await mesh.decide((ctx) => ctx.tx.peers.put({ ...mesh.peer(frontend), turn: { started_at: 0, inputs } }));
    const sent = await tell(frontend, "backend");
    await turn(boss, sent.message);
    const fromBoss = await tell(boss, "backend");
    for (const { message } of [sent, fromBoss])
      expect(mesh.read(({ tx }) => tx.messages.get(message))).toMatchObject({ hops: 0 });
  });

  test("may go on as deep again when a person has lifted it", async () => {
    let last = await pingPong(3);
    await turn(frontend, last.message);
    await refused(tell(frontend, "backend"));
    await resume(last.id);
    await turn(frontend, last.message);
    last = await tell(frontend, "backend");
    expect(mesh.read(({ tx }) => tx.messages.get(last.message))).toMatchObject({ hops: 4 });
  });
});

// @req guard.restart
test("after a restart pauses stand, and what was sent just before still counts", async () => {
  await times(4, () => tell(frontend, "backend"));
  await times(3, () => tell(frontend, "infra"));
  await refused(tell(frontend, "backend"));
  const { store, clock, ids } = mesh;
  mesh = createMesh({ store, clock, ids, budgets: { pairPerMinute: 4 } });
  await mesh.decide((ctx) => recover(ctx, () => true));
  expect(await refused(tell(backend, "frontend"))).toMatchObject({ code: "thread_paused" });
  await tell(frontend, "infra");
  expect(await refused(tell(infra, "frontend"))).toMatchObject({ code: "thread_paused" });
});
