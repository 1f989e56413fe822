import { expect, test } from "bun:test";
import { parseLook } from "./look.ts";

const FACTS = ["4242", "0", "0", "0", "0", "1", "19", "6", "140", "◇  Ready\tx   "].join("\t");

test("facts, clients and screen of one round", () => {
  const printed = [
    FACTS,
    "1764098534\t%3",
    "1764098599\t%4",
    "1764098530\t%3",
    "=== screen ===",
    "\x1b[2mdim\x1b[0m   ",
    " > text",
    "=== screen ===",
    "",
  ];
  const seen = parseLook("%3", printed.join("\n"));
  expect(seen).toMatchObject({
    rootPid: 4242,
    isDead: false,
    isInMode: false,
    isShared: false,
    cursor: { isShown: true, x: 19, y: 6 },
    width: 140,
    title: "◇  Ready\tx",
    lines: ["dim", " > text", "=== screen ===", ""],
  });
  expect(seen.clientActiveAt).toBe(1_764_098_534_000);
  expect(seen.styled[0]).toContain("\x1b[2m");
});

test("no client shows the pane; copy mode; shared keys; a dead pane", () => {
  const seen = parseLook("%3", ["1\t1\t2\t1\t0\t0\t0\t0\t80\tt", "=== screen ===", "x"].join("\n"));
  expect(seen).toMatchObject({ clientActiveAt: undefined, isInMode: true, isShared: true, isDead: true });
});
