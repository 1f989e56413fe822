import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { type TempHome, tempHome } from "../../test/support/temp-home.ts";
import { loadConfig } from "../platform/config.ts";
import { type HomePaths, homePaths } from "../platform/paths.ts";
import { setConfigValue } from "./config-file.ts";

let temp: TempHome;
let paths: HomePaths;

beforeEach(() => {
  temp = tempHome();
  paths = homePaths(temp.file("home"));
});
afterEach(() => temp[Symbol.dispose]());

describe("A setting that is written to config.yaml", () => {
  test("makes the file, private, and is what the program reads", () => {
    setConfigValue(paths, "inbound_without_prompts", "accept");
    expect(statSync(paths.config).mode & 0o777).toBe(0o600);
    expect(loadConfig(paths.home, {}, {})).toMatchObject({
      values: { inbound_without_prompts: "accept" },
      origins: { inbound_without_prompts: "file", port: "default" },
    });
  });

  test.each([
    [
      "# mine\nport: 8400 # not the usual one\n\n# me\nhuman: zoe\n",
      "# mine\nport: 8400 # not the usual one\n\n# me\nhuman: zoe\ninbound_without_prompts: hold\n",
    ],
    ["inbound_without_prompts: accept # for now\nport: 1\n", "inbound_without_prompts: hold # for now\nport: 1\n"],
    ["# nothing set\n", "# nothing set\n\ninbound_without_prompts: hold\n"],
    ["port: 1\r\nhuman: zoe\r\n", "port: 1\r\nhuman: zoe\r\ninbound_without_prompts: hold\r\n"],
  ])("leaves everything else as it is: %j", (before, after) => {
    setConfigValue(paths, "port", 1);
    writeFileSync(paths.config, before);
    setConfigValue(paths, "inbound_without_prompts", "hold");
    expect(readFileSync(paths.config, "utf8")).toBe(after);
  });

  test.each(["a: [", "- a list\n"])("is not written into a file that holds no settings: %j", (text) => {
    setConfigValue(paths, "port", 1);
    writeFileSync(paths.config, text);
    expect(() => setConfigValue(paths, "port", 2)).toThrow(paths.config);
    expect(readFileSync(paths.config, "utf8")).toBe(text);
  });
});
