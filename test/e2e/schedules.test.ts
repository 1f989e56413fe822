import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type DaemonProcess, daemonProcess } from "../support/daemon-process.ts";
import { type FakeSession, fakeSession } from "../support/fake-session.ts";
import { type Person, person } from "../support/person.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(60_000);

let daemon: DaemonProcess;
let backend: FakeSession;
let user: Person;

beforeAll(async () => {
  daemon = await daemonProcess();
  backend = await fakeSession(daemon.sandbox, "backend");
  user = person(daemon.sandbox);
});
afterAll(async () => {
  user?.[Symbol.dispose]();
  await backend?.[Symbol.asyncDispose]();
  await daemon[Symbol.asyncDispose]();
});

const stateOf = async (name: string) =>
  (await daemon.mesh.peers({})).peers.find((peer) => peer.name === name)?.presence.state;
const schedules = async () => JSON.parse((await user.repowire("schedule", "list", "--json")).out).schedules;

test("a person plans a message, sees it, and it arrives though the daemon died in between", async () => {
  const added = await user.repowire("schedule", "add", "backend", "run the tests", "--in", "4s");
  expect(added.out).toMatch(
    /^scheduled [a-z0-9]{5}: it goes to backend at \d\d:\d\d\. Take it back: repowire schedule remove/,
  );
  expect((await user.repowire("schedule", "list")).out).toContain("run the tests");
  await daemon.crashAndRestart();
  const message = await backend.got("run the tests");
  expect(message).toMatchObject({ kind: "notify", from: { role: "human" } });
  expect(await schedules()).toEqual([]);
  expect(backend.received.filter(({ body }) => body === "run the tests")).toHaveLength(1);
});

test("one is taken back, and then is unknown", async () => {
  await user.repowire("schedule", "add", "backend", "never", "--cron", "0 7 * * 1-5", "--tz", "Europe/Berlin");
  const [planned] = await schedules();
  expect(planned).toMatchObject({ text: "never", trigger: { type: "cron", zone: "Europe/Berlin" }, missed: "skip" });
  expect((await user.repowire("schedule", "remove", planned.id)).out).toContain("it will not be sent");
  const again = await user.repowire("schedule", "remove", planned.id);
  expect([again.code, again.err]).toEqual([66, expect.stringContaining("is no scheduled message of yours")]);
});

test("what is no time is refused with the forms, and nothing is planned", async () => {
  for (const [words, said] of [
    [["--at", "25:00"], /That is no time/],
    [["--cron", "61 * * * *"], /is no cron pattern/],
    [["--when", "nobody idle"], /No peer named/],
    [["--in", "5m", "--at", "22:00"], /Say when, once/],
    [[], /Say when, once/],
  ] as const) {
    const refused = await user.repowire("schedule", "add", "backend", "x", ...words);
    expect([words, refused.code > 0, said.test(refused.err)]).toEqual([words, true, true]);
  }
  expect(await schedules()).toEqual([]);
});

test("an agent is told when its peer has ended, and a person's shell goes on from there", async () => {
  await using worker = await fakeSession(daemon.sandbox, "worker");
  const { schedule } = await backend.call("schedule", { peer: "self", text: "take over", when: "worker ends" });
  expect(schedule).toMatchObject({ from: "backend", to: "backend", trigger: { name: "worker", moment: "ends" } });
  const waiting = user.repowire("watch", "worker", "--ends", "--json");
  await worker[Symbol.asyncDispose]();
  await backend.got("worker has ended. You asked to be told: take over");
  const ended = await waiting;
  expect([ended.code, JSON.parse(ended.out).reached]).toEqual([0, "ends"]);
});

test("watch gives up in time, and names who there is", async () => {
  const late = await user.repowire("watch", "backend", "--waits", "--timeout", "1s");
  expect([late.code, late.err]).toEqual([75, expect.stringContaining("did not come to that within 1s")]);
  const unknown = await user.repowire("watch", "backnd");
  expect([unknown.code, unknown.err]).toEqual([66, expect.stringContaining("backend@default")]);
});

test("who waits for a peer, in a session or in a terminal, is told though the daemon died meanwhile", async () => {
  await using worker = await fakeSession(daemon.sandbox, "worker-two");
  worker.report({ type: "turn_started" });
  await until(async () => (await stateOf("worker-two")) === "busy", "its turn");
  await backend.call("schedule", { peer: "self", text: "merge it", when: "worker-two idle" });
  const waiting = user.repowire("watch", "worker-two", "--idle");
  await daemon.crashAndRestart();
  worker.report({ type: "turn_ended" });
  // Both sides come back by themselves, and then it has to be idle for a while.
  const isTold = () =>
    backend.received.some(({ body }) => body === "worker-two is idle. You asked to be told: merge it");
  await until(isTold, "the news", 45_000);
  expect(await waiting).toMatchObject({ code: 0, out: "worker-two is idle.\n" });
});

test("what could not be sent stays in the list with the reason, and its maker is told", async () => {
  await using worker = await fakeSession(daemon.sandbox, "mover");
  await backend.call("schedule", { peer: "mover", text: "too late", when: "2s" });
  const moved = await user.repowire("circle", "move", "mover", "elsewhere");
  expect([moved.code, moved.err]).toEqual([0, ""]);
  await until(() => backend.received.some(({ body }) => /was not sent: mover is in circle/.test(body)), "the news");
  expect(worker.received.map(({ body }) => body)).not.toContain("too late");
  const listed = await user.repowire("schedule", "list");
  expect(listed.out).toMatch(/no more +refused \d\d:\d\d: mover is in circle/);
  const [failed] = await schedules();
  expect((await user.repowire("schedule", "remove", failed.id)).code).toBe(0);
  expect(await schedules()).toEqual([]);
});

test("an agent's command line sees and removes only what that agent made", async () => {
  await using other = await fakeSession(daemon.sandbox, "other");
  const { schedule } = await backend.call("schedule", { peer: "self", text: "mine", when: "3h" });
  expect(JSON.parse((await other.repowire("schedule", "list", "--json")).out).schedules).toEqual([]);
  expect((await other.repowire("schedule", "remove", schedule.id)).code).toBe(66);
  const made = await other.repowire("schedule", "add", "backend", "hello", "--in", "3h", "--json");
  expect(JSON.parse(made.out).schedule).toMatchObject({ from: "other", to: "backend" });
  expect((await schedules()).map(({ from }: { from: string }) => from).sort()).toEqual(["backend", "other"]);
  for (const { id } of await schedules()) await user.repowire("schedule", "remove", id);
});
