import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { geminiProbe, readScreen } from "./screen.ts";

const READY = "◇  Ready (project)";
const WORKING = "✦  Working… (project)";
const ASKS = "✋  Action Required (project)";

/** Screens of the real CLI, as `capture-pane -e` gave them. */
const recorded = (name: string): string[] =>
  readFileSync(join(import.meta.dir, "../../../test/fixtures/gemini-0.61.0", `${name}.txt`), "utf8")
    .split("\n")
    .map((line) => Bun.stripANSI(line).trimEnd());
const read = (name: string, title: string) => readScreen({ title, lines: recorded(name) });

describe("recorded screens of 0.61.0", () => {
  test.each(["empty", "after", "cancelled"])("%s: an empty composer", (name) => {
    expect(read(name, READY)).toMatchObject({ state: "idle", isEmpty: true, isYolo: false });
  });

  test("what is typed", () => {
    expect(read("draft", READY)).toMatchObject({ state: "idle", isEmpty: false, text: "half a thought" });
    expect(read("tag", READY)).toMatchObject({ state: "idle", text: "[repowire k7q2x]" });
    expect(read("tag-more", READY)).toMatchObject({ state: "idle", text: "[repowire k7q2x] and more" });
  });

  test("the composer's sign: yolo, shell mode", () => {
    expect(read("yolo", READY)).toMatchObject({ state: "idle", isEmpty: true, isYolo: true });
    expect(read("shell", READY)).toMatchObject({ state: "unknown", why: expect.stringContaining("shell mode") });
  });

  test("busy, and a permission dialog, whatever the title still says", () => {
    expect(read("busy", WORKING)).toEqual({ state: "working" });
    expect(read("permission", ASKS)).toEqual({ state: "asks" });
    expect(read("permission", READY)).toEqual({ state: "asks" });
  });

  test("a title of the user's own proves nothing", () => {
    expect(read("empty", "zsh").state).toBe("unknown");
  });
});

const dialog = (...inside: string[]) => [...recorded("after").slice(0, 4), "╭──────╮", ...inside, "╰──────╯", ""];

test("dialogs with misleading titles", () => {
  const trust = dialog("│ Do you trust the files in this folder? │", "│ ● 1. Trust folder │");
  expect(readScreen({ title: READY, lines: trust })).toEqual({ state: "trust" });
  const limit = dialog("│ Usage limit reached for gemini-3.8-pro.   │", "│ ● 1. Keep trying │");
  for (const title of [WORKING, READY])
    expect(readScreen({ title, lines: limit })).toEqual({
      state: "limit",
      text: "Usage limit reached for gemini-3.8-pro.",
    });
  const loop = dialog("│ ?  A potential loop was detected │", "│ ● 1. Keep loop detection enabled (esc) │");
  expect(readScreen({ title: READY, lines: loop })).toEqual({ state: "asks" });
});

test("an older prompt with the placeholder's words is no composer", () => {
  const box = ["▄".repeat(20), " >   Type your message or @path/to/file", "▀".repeat(20)];
  expect(readScreen({ title: READY, lines: ["", "", ...box, "✦ an answer"] }).state).toBe("unknown");
});

test("only an idle composer lets anything be pasted", () => {
  const look = (name: string, title: string) =>
    geminiProbe.read({ title, lines: recorded(name) } as Parameters<typeof geminiProbe.read>[0]).state;
  expect([look("empty", READY), look("draft", READY)]).toEqual(["empty", "holds"]);
  expect([look("busy", WORKING), look("permission", ASKS), look("shell", READY)]).toEqual(["none", "none", "none"]);
});
