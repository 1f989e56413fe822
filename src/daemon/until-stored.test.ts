import { describe, expect, test } from "bun:test";
import type { Engine } from "../core/index.ts";
import { RepowireError } from "../protocol/index.ts";
import { untilStored } from "./until-stored.ts";

function engineThatFails(...errors: unknown[]): Engine {
  return {
    run: (decide: (ctx: never) => unknown) => {
      const error = errors.shift();
      return error ? Promise.reject(error) : Promise.resolve(decide(undefined as never));
    },
  } as unknown as Engine; // only `run` is called
}

describe("what happened already", () => {
  test("is recorded as soon as the disk has room again", async () => {
    const pauses: number[] = [];
    const full = () => new RepowireError("storage_full", "full");
    const engine = engineThatFails(full(), full(), new RepowireError("overloaded", "much"));
    const sleep = async (ms: number) => void pauses.push(ms);
    expect(await untilStored(engine, () => "stored", sleep as typeof Bun.sleep)).toBe("stored");
    expect(pauses).toEqual([250, 500, 1_000]);
  });

  test("is not tried again where trying again cannot help", async () => {
    const engine = engineThatFails(new Error("a bug"));
    expect(untilStored(engine, () => "stored")).rejects.toThrow("a bug");
  });
});
