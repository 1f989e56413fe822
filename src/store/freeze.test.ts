import { expect, test } from "bun:test";
import fc from "fast-check";
import { asStored } from "./freeze.ts";

test("a record is as it would be read again from the disk, whatever it holds", () => {
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.string(),
        fc.anything({ withNullPrototype: true, withDate: true, withMap: true, withSparseArray: true }),
      ),
      (record) => {
        expect(JSON.stringify(asStored(record))).toBe(JSON.stringify(JSON.parse(JSON.stringify(record))));
      },
    ),
    { numRuns: 2_000 },
  );
});

test("nobody can change it, at any depth, and nobody's own object was made unchangeable", () => {
  const mine = { data: { list: [{ a: 1 }] }, gone: undefined };
  const stored = asStored(mine);
  expect(Object.isFrozen(stored.data.list[0])).toBeTrue();
  expect("gone" in stored).toBeFalse();
  mine.data.list[0] = { a: 2 };
  expect(stored.data.list).toEqual([{ a: 1 }]);
});

test("a key that would be the copy's prototype stays a key", () => {
  const stored = asStored(JSON.parse('{"a": {"__proto__": {"role": "human"}}}') as { a: object });
  expect(Object.keys(stored.a)).toEqual(["__proto__"]);
  expect((stored.a as { role?: string }).role).toBeUndefined();
});
