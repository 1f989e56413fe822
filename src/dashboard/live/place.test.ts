import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Column, heightOf, rowsBetween, setHeight } from "./place.ts";

const column = (...heights: number[]): Column => ({ heights, total: heights.reduce((sum, height) => sum + height, 0) });

test("only the rows that touch the stretch are placed, each where those above it end", () => {
  const columns = [column(100, 50), column(10, 20, 30)];
  expect(rowsBetween(columns, 120, 165)).toEqual([
    { page: 0, row: 1, top: 100 },
    { page: 1, row: 0, top: 150 },
    { page: 1, row: 1, top: 160 },
  ]);
  expect(heightOf(columns)).toBe(210);
});

test("however many rows there are, no more are placed than fit", () => {
  const columns = Array.from({ length: 1_000 }, () => column(...Array(100).fill(90)));
  expect(rowsBetween(columns, 4_000_000, 4_001_000).length).toBeLessThan(15);
});

test("a measured height moves what stands below it, and half a pixel nothing", () => {
  const one = column(100, 100);
  expect(setHeight(one, 0, 130)).toBe(30);
  expect(setHeight(one, 0, 130.2)).toBe(0);
  expect(one).toEqual({ heights: [130, 100], total: 230 });
});

test("the rows between two heights are exactly those that a full walk finds", () => {
  const heights = fc.array(fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 8 }), { maxLength: 8 });
  fc.assert(
    fc.property(heights, fc.integer({ min: -100, max: 4_000 }), fc.nat(1_000), (pages, from, length) => {
      const columns = pages.map((page) => column(...page));
      const expected = [];
      let top = 0;
      for (const [page, { heights: own }] of columns.entries())
        for (const [row, height] of own.entries()) {
          if (top + height >= from && top <= from + length) expected.push({ page, row, top });
          top += height;
        }
      expect(rowsBetween(columns, from, from + length)).toEqual(expected);
    }),
  );
});
