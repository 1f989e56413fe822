import { describe, expect, test } from "bun:test";
import { basename } from "node:path";
import { wordsOf } from "./sessions.ts";

const isTool = (path: string) => basename(path) === "tool";

describe("The words behind a program's name", () => {
  test.each([
    [["tool"], []],
    [
      ["/usr/bin/tool", "run", "-x"],
      ["run", "-x"],
    ],
    [["node", "/opt/bin/tool", "resume"], ["resume"]],
    [["/usr/bin/node", "--max-old-space-size=1", "/opt/bin/tool"], []],
  ])("are found in %j", (args, words) => expect(wordsOf(args, isTool)).toEqual(words));

  test.each([[["vim", "/opt/bin/tool"]], [["node", "other.js", "tool"]], [[]], [["node", "-e"]]])(
    "are none where another program runs: %j",
    (args) => expect(wordsOf(args, isTool)).toBeUndefined(),
  );
});
