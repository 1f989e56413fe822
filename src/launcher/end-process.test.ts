import { expect, test } from "bun:test";
import { type Instance, instanceOf, processInfo } from "../platform/process.ts";
import { endProcess } from "./end-process.ts";

const sleeper = () => Bun.spawn(["sleep", "600"], { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
const options = { graceMs: 1_000, isKept: () => false };

test("a process that now has the pid of one that ended is left alone", async () => {
  await using other = sleeper();
  const now = instanceOf(other.pid) as Instance;
  expect(await endProcess({ ...now, started: `${Number(now.started) - 100}` }, options)).toEqual({
    ended: [],
    left: [],
  });
  expect(await endProcess({ ...now, boot: "another start of the machine" }, options)).toEqual({ ended: [], left: [] });
  expect(processInfo(other.pid)).toBeDefined();
});

test("a process that leads no group is ended alone, not with the group that it is in", async () => {
  await using own = sleeper();
  await using neighbour = sleeper();
  const ended = await endProcess(instanceOf(own.pid) as Instance, options);
  expect(ended).toEqual({ ended: [{ pid: own.pid, command: "sleep", by: "TERM" }], left: [] });
  expect(processInfo(neighbour.pid)).toBeDefined();
});

test("shared servers below it are kept, with what is below them", async () => {
  await using shell = Bun.spawn(["sh", "-c", "sleep 601 & sleep 602 & wait"], { stdin: "ignore", stdout: "ignore" });
  await Bun.sleep(300);
  const ended = await endProcess(instanceOf(shell.pid) as Instance, {
    ...options,
    isKept: (args) => args.includes("601"),
  });
  expect(ended.ended.map(({ command }) => command).sort()).toEqual(["sh", "sleep"]);
  const kept = Bun.spawnSync(["pgrep", "-fx", "sleep 601"]).stdout.toString().trim();
  expect(kept).toMatch(/^\d+$/);
  process.kill(Number(kept));
});
