import { expect, test } from "bun:test";
import { virtualClock } from "../../test/support/virtual-clock.ts";
import type { Engine } from "../core/index.ts";
import { RepowireError } from "../protocol/index.ts";
import { record } from "./record.ts";

function engineThatFails(...errors: unknown[]): Engine {
  return {
    run: (decide: (ctx: never) => unknown) => {
      const error = errors.shift();
      return error ? Promise.reject(error) : Promise.resolve(decide(undefined as never));
    },
  } as unknown as Engine; // only `run` is called
}
const turn = () => new Promise((resolve) => setImmediate(resolve));

test("what happened already is recorded as soon as the disk has room again", async () => {
  const clock = virtualClock();
  const full = () => new RepowireError("storage_full", "full");
  const recorded = record(
    engineThatFails(full(), full(), new RepowireError("overloaded", "much")),
    clock,
    () => "stored",
  );
  for (let tries = 0; tries < 3; tries++) {
    await turn();
    clock.advance(1_000);
  }
  expect(await recorded).toBe("stored");
});

test("it is not tried again where trying again cannot help", async () => {
  expect(record(engineThatFails(new Error("a bug")), virtualClock(), () => "stored")).rejects.toThrow("a bug");
});
