import { describe, expect, test } from "bun:test";
import { againArgs, CONTINUING } from "./continuing.ts";

// @req restart.once
describe("the arguments of another start", () => {
  test.each([
    ["claude-code", ["Fix the bug."], []],
    ["claude-code", ["--model", "opus", "Fix the bug."], ["--model", "opus"]],
    ["claude-code", ["--dangerously-skip-permissions", "Fix the bug."], ["--dangerously-skip-permissions"]],
    ["claude-code", ["--add-dir", "../a", "../b", "--continue"], ["--add-dir", "../a", "../b"]],
    ["claude-code", ["--resume", "11111111-1111-1111-1111-111111111111", "--model=opus"], ["--model=opus"]],
    ["claude-code", ["--resume=x", "-c", "--", "and", "do it"], []],
    ["codex", ["resume", "--last", "-m", "gpt", "-c", "a=1"], ["-m", "gpt", "-c", "a=1"]],
    ["codex", ["-m", "gpt", "Run the tests."], ["-m", "gpt"]],
    ["gemini", ["-i", "Run the tests.", "--yolo"], ["--yolo"]],
    ["opencode", ["--prompt", "Run.", "--session", "ses_1", "--agent", "build"], ["--agent", "build"]],
  ] as const)("%s %j: %j", (runtime, args, kept) => {
    expect(againArgs(runtime, args)).toEqual([...kept]);
  });

  // @attack option-injection
  test.each([
    "--dangerously-skip-permissions",
    "-c",
    "../../etc",
    "x; reboot",
    "$(reboot)",
    "",
    "ses_",
    "ses_a b",
    "latest",
    "1",
  ])("%j is no conversation of any runtime", (id) => {
    for (const { id: pattern } of Object.values(CONTINUING)) expect(pattern.test(id)).toBe(false);
  });

  test("each runtime's own way to go on", () => {
    const id = "0199f2aa-1111-7222-8333-444455556666";
    expect(CONTINUING["claude-code"].args(id, ["--model", "opus"])).toEqual(["--model", "opus", "--resume", id]);
    expect(CONTINUING.codex.args(id, ["-m", "gpt"])).toEqual(["resume", id, "-m", "gpt"]);
    expect(CONTINUING.gemini.args(id, [])).toEqual(["--resume", id]);
    expect(CONTINUING.opencode.args("ses_6a", [])).toEqual(["--session", "ses_6a"]);
  });
});
