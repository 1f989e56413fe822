import { expect, test } from "bun:test";
import { Handle, MessageId, PeerId } from "../../src/protocol/index.ts";
import { countedIds } from "./counted-ids.ts";
import { virtualClock } from "./virtual-clock.ts";

/** The tests' own tools, where all others trust them. */

test("timers fire in the order of their instants, each at its own, and those of one instant as they were made", () => {
  const clock = virtualClock({ wall: 0, awake: 100 });
  const fired: [string, number][] = [];
  const note = (name: string) => () => fired.push([name, clock.now().awake]);
  clock.after(30, note("c"));
  clock.after(10, note("a"));
  clock.after(30, note("d"));
  clock.after(20, () => {
    note("b")();
    clock.after(5, note("b+5"));
  });
  clock.after(31, note("later"));
  clock.advance(30);
  expect(fired).toEqual([
    ["a", 110],
    ["b", 120],
    ["b+5", 125],
    ["c", 130],
    ["d", 130],
  ]);
  expect([clock.now(), clock.pending]).toEqual([{ wall: 30, awake: 130 }, 1]);
});

test("a timer that was called off never fires", () => {
  const clock = virtualClock();
  let fired = 0;
  const callOff = clock.after(10, () => fired++);
  clock.after(5, callOff);
  clock.advance(20);
  expect([fired, clock.pending]).toEqual([0, 0]);
});

test("while the machine sleeps, people's clocks go on and timers stand still", () => {
  const clock = virtualClock({ wall: 0, awake: 0 });
  let fired = false;
  clock.after(10, () => {
    fired = true;
  });
  clock.sleepMachine(1_000);
  expect([fired, clock.now()]).toEqual([false, { wall: 1_000, awake: 0 }]);
  clock.advance(10);
  expect([fired, clock.now()]).toEqual([true, { wall: 1_010, awake: 10 }]);
});

test("counted ids are valid, all different, and the same in every run", () => {
  const [one, two] = [countedIds(), countedIds()];
  const handles = Array.from({ length: 5_000 }, () => one.handle());
  expect(new Set(handles).size).toBe(handles.length);
  for (const handle of handles) expect(Handle.parse(handle)).toBe(handle);
  expect(two.handle()).toBe(handles[0] ?? "");
  expect(PeerId.parse(one.peer())).toBe(two.peer());
  expect(MessageId.parse(one.message())).toBe(two.message());
  expect(one.peer()).not.toBe(one.peer());
  expect(one.secret()).not.toBe(one.secret());
});
