import { expect, test } from "bun:test";
import { join } from "node:path";
import { citations } from "./citations.ts";
import { REQUIREMENTS } from "./requirements.ts";

const cited = citations(join(import.meta.dir, "..", ".."));

test("every promise is cited by a test", () => {
  expect(REQUIREMENTS.filter(({ id }) => !cited.has(id)).map(({ id }) => id)).toEqual([]);
});

test("no test cites a promise that does not exist", () => {
  const known = new Set(REQUIREMENTS.map(({ id }) => id));
  expect([...cited].filter(([id]) => !known.has(id)).map(([id, places]) => `${id} in ${places.join(", ")}`)).toEqual(
    [],
  );
});

test("every promise stands once", () => {
  expect(new Set(REQUIREMENTS.map(({ id }) => id)).size).toBe(REQUIREMENTS.length);
});
