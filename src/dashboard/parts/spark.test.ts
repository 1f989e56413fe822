import { expect, test } from "bun:test";
import { linesOf } from "./spark.tsx";

test("the newest stands at the right edge, the largest at the top, and a gap stays a gap", () => {
  expect(linesOf([0, 4, undefined, 2], 4, 4)).toEqual([["0.0,41.0", "80.0,3.0"], ["240.0,22.0"]]);
  expect(linesOf([], 4, 1)).toEqual([]);
});
