import { beforeEach, describe, expect, test } from "bun:test";
import { createMesh, type MeshHarness } from "../../test/support/mesh-harness.ts";
import { endSession } from "../core/index.ts";
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
    await later(frontend, "cron 45 * * * *", { text: "hourly, also late", missed: "run" });
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
      expect.stringContaining("was missed: repowire did not run, or the machine slept"),
    ]);
  });
});

describe("waiting for a peer", () => {
  const watch = (moment: string) => later(frontend, `backend ${moment}`, { peer: "self", text: "go on" });
  const told = () => mailOf(frontend).map((line) => line.replace("notify from frontend: ", ""));

  // @req watch.told-once
  test("tells once when it has been idle for a while", async () => {
    await mesh.activity(backend, "busy");
    await watch("idle");
    await mesh.advance(MINUTE);
    expect(told()).toEqual([]);
    await mesh.activity(backend, "idle");
    await mesh.advance(1_000);
    expect(told()).toEqual([]);
    await mesh.advance(LIMITS.watchIdleMs);
    expect(told()).toEqual(["backend is idle. You asked to be told: go on"]);
    await mesh.activity(backend, "busy");
    await mesh.advance(MINUTE);
    await mesh.activity(backend, "idle");
    await mesh.advance(MINUTE);
    expect(told()).toHaveLength(1);
  });

  test("does not take a peer for done that has not begun yet", async () => {
    await mesh.activity(backend, "idle");
    await mesh.call(frontend, "notify", { peer: "backend", text: "a task" });
    await watch("idle");
    await mesh.advance(LIMITS.watchIdleMs + 1_000);
    expect(told()).toEqual([]);
  });

  test("tells that it waits for its human, and for what", async () => {
    await watch("waits");
    await mesh.activity(backend, "waiting", "Bash");
    await mesh.advance(1_000);
    expect(told()).toEqual(["backend waits for its human (Bash). You asked to be told: go on"]);
  });

  test.each([
    ["ends", "backend has ended."],
    ["idle", "backend has ended before it was idle."],
  ])("tells of its end to who waits for: %s", async (moment, words) => {
    await mesh.activity(backend, "busy");
    await watch(moment);
    await mesh.decide((ctx) => endSession(ctx, backend, "its process ended"));
    await mesh.advance(1_000);
    expect(told()).toEqual([`${words} You asked to be told: go on`]);
  });

  test("is given up after a day, and that is told", async () => {
    await watch("waits");
    await mesh.advance(LIMITS.watchExpiryMs);
    expect(mailOf(frontend)).toEqual([expect.stringContaining("was given up: backend did not come to that")]);
    expect((await mesh.call(frontend, "schedules", {})).schedules).toEqual([]);
  });

  test("may have somebody else told", async () => {
    const infra = await mesh.join("infra");
    await later(frontend, "backend ends", { peer: "infra", text: "take its port back" });
    await mesh.decide((ctx) => endSession(ctx, backend, "its process ended"));
    await mesh.advance(1_000);
    expect(mailOf(infra)).toEqual(["notify from frontend: backend has ended. take its port back"]);
  });
});

describe("when", () => {
  const next = async (when: string, zone = "UTC") => {
    const { schedule } = await mesh.call(frontend, "schedule", { peer: "backend", text: "x", when, zone });
    return schedule.next_at === undefined ? schedule.trigger : new Date(schedule.next_at).toISOString();
  };

  // 2026-01-05, a Monday, 09:00 UTC.
  test.each([
    ["90s", "2026-01-05T09:01:30.000Z"],
    ["in 2 h", "2026-01-05T11:00:00.000Z"],
    ["1d12h", "2026-01-06T21:00:00.000Z"],
    ["10:30", "2026-01-05T10:30:00.000Z"],
    ["08:30", "2026-01-06T08:30:00.000Z"],
    ["2026-02-01 07:05", "2026-02-01T07:05:00.000Z"],
    ["2026-02-01T07:05:30Z", "2026-02-01T07:05:30.000Z"],
    ["2026-02-01T07:05+02:00", "2026-02-01T05:05:00.000Z"],
    ["cron 0 9 * * 1-5", "2026-01-06T09:00:00.000Z"],
    ["cron: @daily", "2026-01-06T00:00:00.000Z"],
  ])("%s", async (when, at) => {
    expect(await next(when)).toBe(at);
  });

  test("is read in the zone that is given, with its summer time", async () => {
    expect(await next("2026-01-06 09:00", "Europe/Berlin")).toBe("2026-01-06T08:00:00.000Z");
    expect(await next("2026-07-06 09:00", "Europe/Berlin")).toBe("2026-07-06T07:00:00.000Z");
    expect(await next("cron 0 9 * * *", "America/New_York")).toBe("2026-01-05T14:00:00.000Z");
  });

  test.each([
    "",
    "soon",
    "25:00",
    "10:61",
    "2026-02-30 09:00",
    "2025-01-01 09:00",
    "cron * * * *",
    "cron 61 * * * *",
    "cron * * * * * *",
    "cron 0 0 30 2 *",
    "frontend idle",
    "-5m",
    "99999999999h",
  ])("%p is refused with a sentence", async (when) => {
    await expect(next(when)).rejects.toMatchObject({ code: expect.stringMatching(/invalid_input|self_ask/) });
  });

  test("of a peer that is not there is refused with who is", async () => {
    await expect(next("backnd idle")).rejects.toMatchObject({ code: "peer_not_found" });
  });

  test("in a zone that is none is refused", async () => {
    await expect(next("09:00", "Mars/Olympus")).rejects.toMatchObject({ code: "invalid_input" });
  });
});
