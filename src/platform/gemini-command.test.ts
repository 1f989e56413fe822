import { expect, test } from "bun:test";
import { geminiConfigDir, isHeadlessCommand, isYoloCommand } from "./gemini-command.ts";

const run = (...args: string[]) => ["/usr/bin/node", "--max-old-space-size=12052", "/x/bin/gemini", ...args];

test.each([[["-p", "hi"]], [["--prompt=hi"]], [["--acp"]], [["--yolo", "--prompt", "hi"]]])(
  "%p is headless",
  (args) => {
    expect(isHeadlessCommand(run(...args))).toBe(true);
  },
);

test.each([[[]], [["--resume", "latest"]], [["-i", "hi"]], [["--", "-p"]]])("%p is a session", (args) => {
  expect(isHeadlessCommand(run(...(args as string[])))).toBe(false);
});

test("yolo, in each way to say it", () => {
  for (const args of [["--yolo"], ["-y"], ["--approval-mode", "yolo"], ["--approval-mode=yolo"]])
    expect(isYoloCommand(run(...args))).toBe(true);
  for (const args of [[], ["--approval-mode", "auto_edit"], ["--approval-mode=plan"]])
    expect(isYoloCommand(run(...args))).toBe(false);
});

test("the configuration folder", () => {
  expect(geminiConfigDir({ HOME: "/h" }, "/x")).toBe("/h/.gemini");
  expect(geminiConfigDir({ HOME: "/h", GEMINI_CLI_HOME: "/g" }, "/x")).toBe("/g/.gemini");
});
