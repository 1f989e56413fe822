import { expect, test } from "bun:test";
import { dayEnd, dayStart } from "./days.ts";

test("a day begins at its midnight here, and ends at the next one", () => {
  expect(dayStart("2026-01-31")).toBe(new Date(2026, 0, 31).getTime());
  expect(dayEnd("2026-01-31")).toBe(new Date(2026, 1, 1).getTime());
  expect(dayEnd("2026-01-31")).toBe(dayStart("2026-02-01") ?? 0);
});

test("what is no day, or one that is still being typed, is none", () => {
  for (const text of [undefined, "", "yesterday", "0002-01-01", "2026-1-1", "2026-01-31T10:00"])
    expect([text, dayStart(text), dayEnd(text)]).toEqual([text, undefined, undefined]);
});
