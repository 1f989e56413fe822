import { expect, test } from "bun:test";
import { lookOf } from "./look-alikes.ts";

test.each([
  ["Cyrillic letters", "b\u0430\u0441k\u0435nd"],
  ["full-width letters", "\uff42ackend"],
  ["capitals", "BackEnd"],
  ["capitals of another script", "B\u0410\u0421\u041aEND"],
])("%s look like the name they stand for", (_what, name) => {
  expect(name).not.toBe("backend");
  expect(lookOf(name)).toBe("backend");
});

test("names that differ to the eye stay apart", () => {
  expect(lookOf("backend")).not.toBe(lookOf("backend-2"));
  expect(lookOf("größe")).not.toBe(lookOf("grosse"));
});
