import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { type TempHome, tempHome } from "../../../test/support/temp-home.ts";
import { isGeminiCommand, isTrusted } from "./discover.ts";
import { type HandleState, hasGate, judgePrompt } from "./gate.ts";

const states: Record<string, HandleState> = { aaaaa: "waiting", bbbbb: "past", ccccc: "held" };
const judge = (prompt: string) => judgePrompt(prompt, (handle) => states[handle] ?? "foreign");

test.each([
  ["[repowire aaaaa]", { type: "tag", handle: "aaaaa" }],
  [" [repowire aaaaa]\n", { type: "tag", handle: "aaaaa" }],
  ["[repowire aaaaa] x", { type: "deny", why: "mixed", handle: "aaaaa" }],
  ["x[repowire aaaaa]", { type: "deny", why: "mixed", handle: "aaaaa" }],
  ["[repowire aaaaa]\n\n[repowire aaaaa]", { type: "deny", why: "mixed", handle: "aaaaa" }],
  ["left over [repowire bbbbb]", { type: "deny", why: "mixed", handle: "bbbbb" }],
  ["[repowire bbbbb]", { type: "deny", why: "notWaiting", handle: "bbbbb" }],
  ["[repowire zzzzz]", { type: "deny", why: "notWaiting", handle: "zzzzz" }],
  ["[repowire ccccc]", { type: "deny", why: "held", handle: "ccccc" }],
  ["what is [repowire zzzzz]?", { type: "user" }],
  ["hello", { type: "user" }],
])("%j", (prompt, verdict) => {
  expect(judge(prompt)).toEqual(verdict as ReturnType<typeof judge>);
});

describe("on disk", () => {
  let home: TempHome;
  beforeEach(() => {
    home = tempHome();
    mkdirSync(home.file("c"));
  });
  afterEach(() => home[Symbol.dispose]());

  const settings = (value: unknown) =>
    writeFileSync(home.file("c/settings.json"), typeof value === "string" ? value : JSON.stringify(value));
  const hook = (command: string, name = "repowire") => ({
    BeforeAgent: [{ hooks: [{ type: "command", name, command }] }],
  });
  const OURS = "/home/me/.repowire/bin/repowire-hook gemini BeforeAgent";

  test("the gate is there, also in settings with comments", () => {
    settings({ hooks: hook(OURS) });
    expect(hasGate(home.file("c"))).toBe(true);
    settings(`{ // mine\n "hooks": ${JSON.stringify(hook(OURS.replace("-hook", "-hook'")))}, }`);
    expect(hasGate(home.file("c"))).toBe(true);
  });

  test("it is not: no file, another hook, another event, turned off, unreadable", () => {
    expect(hasGate(home.file("c"))).toBe(false);
    for (const value of [
      { hooks: hook("/usr/bin/other") },
      { hooks: { AfterAgent: hook(OURS).BeforeAgent } },
      { hooks: hook(OURS), hooksConfig: { enabled: false } },
      { hooks: hook(OURS), hooksConfig: { disabled: ["repowire"] } },
      { hooks: hook(OURS), hooksConfig: { disabled: [OURS] } },
      "{ broken",
    ]) {
      settings(value);
      expect(hasGate(home.file("c"))).toBe(false);
    }
  });

  test("trusted folders", () => {
    const trust = (rules: object) => writeFileSync(home.file("c/trustedFolders.json"), JSON.stringify(rules));
    expect(isTrusted(home.file("c"), "/w/a")).toBe(false);
    trust({ "/w/a": "TRUST_FOLDER", "/w/b/x": "TRUST_PARENT", "/w/a/no": "DO_NOT_TRUST" });
    for (const path of ["/w/a", "/w/a/deep", "/w/b", "/w/b/y"]) expect(isTrusted(home.file("c"), path)).toBe(true);
    for (const path of ["/w", "/w/ab", "/w/a/no", "/w/c"]) expect(isTrusted(home.file("c"), path)).toBe(false);
  });
});

test("which processes are the CLI", () => {
  for (const args of [
    ["node", "/usr/lib/node_modules/.bin/gemini"],
    ["/usr/bin/node", "--max-old-space-size=12052", "/x/bin/gemini", "--yolo"],
    ["node", "/x/@google/gemini-cli/bundle/gemini.js"],
  ])
    expect(isGeminiCommand(args)).toBe(true);
  for (const args of [["vim", "/x/gemini"], ["node", "/x/server.js", "gemini"], ["/x/bin/gemini-helper"], []])
    expect(isGeminiCommand(args)).toBe(false);
});
