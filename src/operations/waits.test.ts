import { expect, test } from "bun:test";
import { virtualClock } from "../../test/support/virtual-clock.ts";
import type { AskOutcome } from "../protocol/index.ts";
import { createWaits } from "./waits.ts";

const outcome: AskOutcome = { state: "cancelled", id: "aaaaa", message: "msg_1", peer: "backend" };

test("a wait ends with the outcome it is settled with, and leaves no timer behind", async () => {
  const clock = virtualClock();
  const waits = createWaits();
  const wait = waits.open("w1");
  const ended = wait.outcome(clock, 1_000);
  waits.settle("w1", outcome);
  expect(await ended).toEqual(outcome);
  expect([waits.size, clock.pending]).toEqual([0, 0]);
});

test("an outcome that comes before anybody listens is not lost", async () => {
  const waits = createWaits();
  const wait = waits.open("w1");
  waits.settle("w1", outcome);
  expect(await wait.outcome(virtualClock(), 1_000)).toEqual(outcome);
});

// @req waits.end
test("a wait ends by itself when its time is over", async () => {
  const clock = virtualClock();
  const waits = createWaits();
  const ended = waits.open("w1").outcome(clock, 1_000);
  clock.advance(1_000);
  expect(await ended).toBe("timeout");
  expect(waits.size).toBe(0);
});

test("a wait ends when its caller gives up, also if it did so before", async () => {
  const clock = virtualClock();
  const waits = createWaits();
  const controller = new AbortController();
  const ended = waits.open("w1").outcome(clock, 1_000, controller.signal);
  controller.abort();
  expect(await ended).toBe("aborted");
  expect(await waits.open("w2").outcome(clock, 1_000, controller.signal)).toBe("aborted");
  expect([waits.size, clock.pending]).toEqual([0, 0]);
});

test("what comes after the end of a wait is without effect", async () => {
  const clock = virtualClock();
  const waits = createWaits();
  const lines: string[] = [];
  const ended = waits.open("w1", (line) => lines.push(line)).outcome(clock, 1_000);
  waits.progress("w1", "half");
  clock.advance(1_000);
  waits.settle("w1", outcome);
  await ended;
  waits.progress("w1", "late");
  waits.settle("unknown", outcome);
  expect(await ended).toBe("timeout");
  expect(lines).toEqual(["half"]);
});

test("a wait that is closed without having waited is forgotten", () => {
  const waits = createWaits();
  waits.open("w1").close();
  expect(waits.size).toBe(0);
});
