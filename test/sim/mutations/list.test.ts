import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { MUTATIONS } from "./list.ts";

const root = join(import.meta.dir, "..", "..", "..");

test.each(MUTATIONS.map((mutation) => [mutation.name, mutation] as const))(
  'the deliberate fault "%s" fits the code, once',
  (_name, { file, from, to, caughtBy }) => {
    expect(readFileSync(join(root, file), "utf8").split(from)).toHaveLength(2);
    expect(to).not.toBe(from);
    if (caughtBy !== "simulation")
      for (const test of caughtBy) expect([test, existsSync(join(root, test))]).toEqual([test, true]);
  },
);

test("no two of them have one name", () => {
  const names = MUTATIONS.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});
