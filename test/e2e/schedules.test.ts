import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type DaemonProcess, daemonProcess } from "../support/daemon-process.ts";
import { type FakeSession, fakeSession } from "../support/fake-session.ts";
import { type Person, person } from "../support/person.ts";

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
  await user.repowire("schedule", "add", "backend", "never", "--cron", "0 7 * * 1-5", "--zone", "Europe/Berlin");
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
