import { beforeEach, describe, expect, test } from "bun:test";
import { createMesh, type MeshHarness } from "../../test/support/mesh-harness.ts";
import { LIMITS, type PeerId } from "../protocol/index.ts";
import { memoryStore } from "../store/memory.ts";
import { resultText, scheduleText } from "../words/index.ts";

let mesh: MeshHarness;
let frontend: PeerId;
let backend: PeerId;

beforeEach(async () => {
  mesh = createMesh();
  frontend = await mesh.join("frontend");
  backend = await mesh.join("backend");
});

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const CONTEXT = { tools: { reply: "reply", inbox: "inbox" } as never, now: 0 };

const later = (
  by: PeerId,
  when: string,
  more: Partial<Parameters<typeof mesh.call<"schedule">>[2]> = {},
): Promise<string> =>
  mesh
    .call(by, "schedule", { peer: "backend", text: "run the tests", when, zone: "UTC", ...more })
    .then(({ schedule }) => schedule.id);
/** What waits in a peer's mailbox: sender, words. */
const mailOf = (peer: PeerId, at = mesh) =>
  at.read(({ tx }) =>
    tx.deliveries.inStates(peer, ["queued", "held"]).map((delivery) => {
      const message = tx.messages.get(delivery.message);
      return `${message?.kind} from ${message?.from_name}: ${message?.body}`;
    }),
  );
const events = (type: string) => mesh.read(({ tx }) => tx.events.after(0, 10_000)).filter((one) => one.type === type);

describe("a message for later", () => {
  // @req schedule.once
  test("is sent when its time has come, once, as a message of its maker", async () => {
    await later(frontend, "30m");
    await mesh.advance(29 * MINUTE);
    expect(mailOf(backend)).toEqual([]);
    await mesh.advance(MINUTE);
    await mesh.advance(MINUTE);
    expect(mailOf(backend)).toEqual(["notify from frontend: run the tests"]);
    expect((await mesh.call(frontend, "schedules", {})).schedules).toEqual([]);
  });

  test("to oneself says why it comes", async () => {
    await later(frontend, "1h30m", { peer: "self" });
    await mesh.advance(90 * MINUTE);
    expect(mailOf(frontend)).toEqual(["notify from frontend: You asked to be told: run the tests"]);
  });

  test("may be a question, whose answer comes by itself", async () => {
    await later(frontend, "2026-01-05 10:00", { kind: "ask" });
    await mesh.openPush(backend);
    await mesh.advance(HOUR);
    const [question] = await mesh.present(backend);
    expect(question).toMatchObject({ kind: "ask", body: "run the tests" });
    await mesh.call(backend, "reply", { id: question?.handle ?? "", text: "all green" });
    expect(mailOf(frontend)).toEqual(["answer from backend: all green"]);
  });

  test("is withdrawn by its id, which inbox knows too", async () => {
    const first = await later(frontend, "30m");
    expect(await mesh.call(frontend, "unschedule", { id: first })).toMatchObject({ schedule: { id: first } });
    const second = await later(frontend, "30m");
    expect(await mesh.call(frontend, "inbox", { id: second })).toMatchObject({ type: "schedule", removed: false });
    const output = await mesh.call(frontend, "inbox", { id: second, cancel: true });
    expect(resultText("inbox", output, CONTEXT)).toBe(`withdrawn: ${second} will not be sent.`);
    await mesh.advance(HOUR);
    expect(mailOf(backend)).toEqual([]);
  });

  test("is told to a model in words that say how it is taken back", async () => {
    const { schedule } = await mesh.call(frontend, "schedule", { peer: "self", text: "look", when: "backend waits" });
    expect(scheduleText(schedule, CONTEXT)).toBe(
      `scheduled ${schedule.id}: it goes to you when backend waits for its human, within a day. inbox(id="${schedule.id}", cancel=true) withdraws it.`,
    );
  });

  // @req schedule.own-only
  test("is seen and removed by its maker, people and orchestrators", async () => {
    const id = await later(frontend, "30m");
    const by = (change: object) => mesh.operations.call("schedules", {}, mesh.caller(backend, change));
    expect((await by({})).schedules).toEqual([]);
    expect((await by({ role: "orchestrator" })).schedules.map((one) => one.id)).toEqual([id]);
    expect((await by({ role: "human", isHuman: true })).schedules).toHaveLength(1);
    await expect(mesh.call(backend, "unschedule", { id })).rejects.toMatchObject({ code: "handle_unknown" });
  });

  // @req schedule.guarded
  test("stays in the chain in which it was made, so that it is no way round the guard", async () => {
    await mesh.openPush(backend);
    const asked = await mesh.call(frontend, "ask", { peer: "backend", question: "go on?", wait_seconds: 0 });
    await mesh.present(backend);
    await later(backend, "5m", { peer: "frontend" });
    await mesh.call(backend, "reply", { id: asked.id, text: "yes" });
    await mesh.advance(5 * MINUTE);
    const [message] = mesh.read(({ tx }) => tx.messages.ofThread(asked.message)).filter((one) => one.kind === "notify");
    expect(message).toMatchObject({ hops: 1, from_name: "backend" });
  });

  test("is refused beyond so many of one peer, and beyond so many days", async () => {
    await expect(later(frontend, "500d")).rejects.toMatchObject({ code: "invalid_input" });
    for (let n = 0; n < LIMITS.schedulesPerPeerMax; n++) await later(frontend, "30m");
    await expect(later(frontend, "30m")).rejects.toMatchObject({ code: "too_many_schedules" });
    await later(backend, "30m", { peer: "self" });
  });

  // @req schedule.refusal-told
  test("that cannot be sent is told to its maker, once in a row", async () => {
    await later(frontend, "cron */10 * * * *");
    await mesh.decide((ctx) => {
      const peer = ctx.tx.peers.get(backend);
      if (peer) ctx.tx.peers.put({ ...peer, circle: "elsewhere" });
    });
    for (let n = 0; n < 3; n++) await mesh.advance(10 * MINUTE);
    expect(mailOf(backend)).toEqual([]);
    const told = mailOf(frontend);
    expect(told).toHaveLength(1);
    expect(told[0]).toContain("was not sent: backend is in circle");
    expect(events("schedule.refused")).toHaveLength(3);
    expect((await mesh.call(frontend, "schedules", {})).schedules[0]?.last).toMatchObject({ outcome: "refused" });
  });

  test("whose recipient has left for good comes to an end, also a repeated one", async () => {
    await later(frontend, "cron */10 * * * *");
    await mesh.decide((ctx) => ctx.tx.peers.remove(backend));
    for (let n = 0; n < 3; n++) await mesh.advance(10 * MINUTE);
    expect(mailOf(frontend)).toEqual([expect.stringContaining("was not sent: its recipient has left the mesh")]);
    expect((await mesh.call(frontend, "schedules", {})).schedules).toMatchObject([{ state: "refused" }]);
  });

  // @req schedule.failed-shown
  test("that came to nothing is shown with the reason for a week, or until it is put away", async () => {
    const [first, second] = [await later(frontend, "30m"), await later(frontend, "31m")];
    await mesh.decide((ctx) => {
      const peer = ctx.tx.peers.get(backend);
      if (peer) ctx.tx.peers.put({ ...peer, circle: "elsewhere" });
    });
    await mesh.advance(HOUR);
    const list = async () =>
      (await mesh.call(frontend, "schedules", {})).schedules.map(({ id, state, last }) => [id, state, last?.reason]);
    const reason = expect.stringContaining("out of your reach");
    expect(await list()).toEqual([
      [first, "refused", reason],
      [second, "refused", reason],
    ]);
    expect(resultText("inbox", await mesh.call(frontend, "inbox", { id: first }), CONTEXT)).toStartWith(
      `not sent: ${first} to backend: `,
    );
    await mesh.call(frontend, "unschedule", { id: first });
    await mesh.advance(LIMITS.scheduleKeptMs - MINUTE);
    expect(await list()).toEqual([[second, "refused", reason]]);
    await mesh.advance(MINUTE);
    expect(await list()).toEqual([]);
    expect(events("schedule.refused")).toHaveLength(2);
  });

  test("that came to nothing takes no room from new ones, and the oldest of them makes room", async () => {
    await mesh.decide((ctx) => {
      const peer = ctx.tx.peers.get(frontend);
      if (peer) ctx.tx.peers.put({ ...peer, role: "orchestrator" });
    });
    for (let round = 0; round < 2; round++) {
      for (let n = 0; n < LIMITS.schedulesPerPeerMax; n++) await later(frontend, "30m", { missed: "skip" });
      mesh.clock.sleepMachine(HOUR);
      await mesh.advance(1_000);
    }
    expect((await mesh.call(frontend, "schedules", {})).schedules).toHaveLength(LIMITS.schedulesPerPeerMax);
    await later(frontend, "30m");
  });

  test("of all peers there are only so many", async () => {
    const each = LIMITS.schedulesPerPeerMax;
    for (let made = 0; made < LIMITS.schedulesMax; made += each) {
      const peer = await mesh.join(`peer-${made}`);
      const count = Math.min(each, LIMITS.schedulesMax - made);
      await Promise.all(Array.from({ length: count }, () => later(peer, "30m")));
    }
    await expect(later(frontend, "30m")).rejects.toMatchObject({ code: "too_many_schedules" });
  });

  test("may be as long as an instruction, not as a document", async () => {
    const text = "x".repeat(LIMITS.scheduleTextBytesMax + 1);
    await expect(later(frontend, "30m", { text })).rejects.toMatchObject({ code: "body_too_large" });
    await later(frontend, "30m", { text: text.slice(1) });
  });

  // @req schedule.no-flood
  test("that was missed comes at a pace, so that nothing is paused and nobody is flooded", async () => {
    mesh = createMesh({ budgets: { pairPerMinute: LIMITS.pairPerMinuteMax } });
    [frontend, backend] = [await mesh.join("frontend"), await mesh.join("backend")];
    await mesh.openPush(backend);
    for (let n = 0; n < LIMITS.schedulesPerPeerMax; n++) await later(frontend, `${n + 1}m`);
    mesh.clock.sleepMachine(2 * HOUR);
    const perMinute: number[] = [];
    for (let minute = 0; minute < 10; minute++) {
      let got = 0;
      for (let look = 0; look < 60; look++) {
        await mesh.advance(1_000);
        got += (await mesh.present(backend)).length;
      }
      perMinute.push(got);
    }
    // A full bucket at first, then its rate.
    expect(Math.max(...perMinute)).toBeLessThanOrEqual(2 * LIMITS.lateSchedulesPerMinuteMax);
    expect(perMinute.reduce((sum, got) => sum + got)).toBe(LIMITS.schedulesPerPeerMax);
    expect((await mesh.call(frontend, "schedules", {})).schedules).toEqual([]);
  });
});

describe("a night", () => {
  // @req schedule.missed
  test("of repeated and single messages, with the daemon gone for two hours of it", async () => {
    const store = memoryStore();
    const { clock, ids } = mesh;
    mesh = createMesh({ store, clock, ids });
    [frontend, backend] = [await mesh.join("frontend"), await mesh.join("backend")];
    await mesh.openPush(backend);
    await later(frontend, "cron 30 * * * *", { text: "hourly" });
    await later(frontend, "cron 45 * * * *", { text: "hourly, also late", missed: "run_once" });
    await later(frontend, "2026-01-05 13:15", { text: "single" });
    await later(frontend, "2026-01-05 13:20", { text: "single, not late", missed: "skip" });
    const read: string[] = [];
    const live = async (at: MeshHarness, minutes: number) => {
      for (let n = 0; n < minutes; n++) {
        await at.advance(MINUTE);
        read.push(...(await at.present(backend)).map((item) => item.body));
      }
    };
    await live(mesh, 4 * 60);
    // 13:00: the daemon dies, and is back at 15:00.
    clock.sleepMachine(2 * HOUR);
    const back = createMesh({ store, clock, ids });
    await back.openPush(backend);
    await live(back, 4 * 60);
    const count = (text: string) => read.filter((body) => body === text).length;
    // 09:30 to 12:30, then 15:30 to 18:30.
    expect(count("hourly")).toBe(8);
    // The two that were missed are one.
    expect(count("hourly, also late")).toBe(9);
    expect(count("single")).toBe(1);
    expect(count("single, not late")).toBe(0);
    expect(mailOf(frontend, back)).toEqual([
      expect.stringContaining(
        "was not sent: at its time repowire did not run, the machine slept, or the disk took nothing",
      ),
    ]);
  });
});
