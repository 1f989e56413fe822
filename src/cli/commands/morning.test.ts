import { expect, test } from "bun:test";
import { since } from "./morning.ts";

test("--since takes the last such time of day", () => {
  const at = (text: string) => new Date(text).getTime();
  const now = at("2026-03-05T07:30:00");
  expect(since("22:00", now)).toBe(at("2026-03-04T22:00:00"));
  expect(since("07:00", now)).toBe(at("2026-03-05T07:00:00"));
  expect(since("10h", now)).toBe(now - 10 * 3_600_000);
});
