import { expect, test } from "bun:test";
import { instant } from "./instant.ts";

const NOW = Date.parse("2026-03-10T12:00:00Z");

test.each([
  ["30m", NOW - 1_800_000],
  ["2h", NOW - 7_200_000],
  ["1.5d", NOW - 129_600_000],
  ["1w", NOW - 604_800_000],
  ["2026-03-01T10:30:00Z", Date.parse("2026-03-01T10:30:00Z")],
  ["2026-03-01", new Date(2026, 2, 1).getTime()],
  ["2026-03-01 10:30", new Date(2026, 2, 1, 10, 30).getTime()],
  ["9999999w", 0],
])("%s is an instant", (text, expected) => expect(instant(text, NOW)).toBe(expected));

test.each(["", "yesterday", "5", "2h ago", "-3d", "2026-13-01", "2026", "h"])("%p is none", (text) =>
  expect(() => instant(text, NOW)).toThrow("how long ago"),
);
