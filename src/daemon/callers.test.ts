import { expect, test } from "bun:test";
import { peerRecord } from "../../test/support/records.ts";
import { nearestSeat } from "./callers.ts";

/** One OpenCode server has a seat for each folder that its clients use. */
const seats = ["/work/a", "/work/a/inner", "/work/ab"].map((path, n) => peerRecord(n + 1, { path }));
const nearest = (cwd: string | undefined) => nearestSeat(seats, cwd)?.path;

test("of several seats of one process, a caller is that of the folder which it stands in", () => {
  expect(nearest("/work/ab/src")).toBe("/work/ab");
  expect(nearest("/work/a")).toBe("/work/a");
  expect(nearest("/work/a/inner/deep")).toBe("/work/a/inner");
});

test("one that stands in none of them is still that process's", () => {
  expect(nearest("/elsewhere")).toBe("/work/a");
  expect(nearest(undefined)).toBe("/work/a");
});
