import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type TempHome, tempHome } from "../../test/support/temp-home.ts";
import { type HomePaths, homePaths } from "../platform/paths.ts";
import { applyEdits, type FileEdits, planEdits } from "./edits.ts";
import { readSetupRecord } from "./record.ts";
import { filesToUndo, type UndoResult, undoFile } from "./undo.ts";
import { type Edit, EditConflict } from "./values.ts";

let temp: TempHome;
let root: string;
let paths: HomePaths;
let file: string;

beforeEach(() => {
  temp = tempHome();
  root = realpathSync(temp.path);
  paths = homePaths(join(root, "home"));
  mkdirSync(paths.home);
  file = join(root, "settings.json");
});
afterEach(() => temp[Symbol.dispose]());

const SERVER: Edit = {
  kind: "key",
  path: ["mcpServers", "repowire"],
  value: { type: "stdio", command: "/home/bin/repowire-channel", args: [], env: {} },
  mark: "/home/bin/repowire-channel",
};
const hook = (event: string, timeout = 10): Edit => {
  const command = `/home/bin/repowire-hook ${event}`;
  return {
    kind: "hook",
    path: ["hooks", event],
    value: { hooks: [{ type: "command", command, timeout }] },
    mark: command,
  };
};
const tool = (name: string): Edit => ({
  kind: "item",
  path: ["permissions", "allow"],
  value: `mcp__repowire__${name}`,
});
const EDITS: Edit[] = [SERVER, hook("Stop"), hook("SessionStart"), tool("ask_peer"), tool("reply")];

const wanted = (edits: Edit[] = EDITS): FileEdits => ({ file, runtime: "claude-code", edits });
const content = (): unknown => Bun.JSONC.parse(readFileSync(file, "utf8"));
const undo = (): UndoResult[] => filesToUndo(paths, []).map((record) => undoFile(paths, record, { isDryRun: false }));
/** Somebody else edits the file as text. */
const rewrite = (change: (text: string) => string) => writeFileSync(file, change(readFileSync(file, "utf8")));

const SHAPES: [name: string, content: string][] = [
  ["empty", ""],
  ["blank lines", "\n\n"],
  ["an empty object", "{}"],
  ["an empty object and a line end", "{}\n"],
  ["two spaces", '{\n  "theme": "dark"\n}\n'],
  ["tabs, no line end", '{\n\t"theme": "dark",\n\t"model": "opus"\n}'],
  ["four spaces and CRLF", '{\r\n    "theme": "dark"\r\n}\r\n'],
  ["one line", '{"theme":"dark","hooks":{}}'],
  ["comments", '// mine\n{\n  "theme": "dark", // at night\n  /* soon */\n  "model": "opus" // for now\n}\n'],
  ["commas behind the last", '{\n  "theme": "dark",\n  "permissions": { "allow": ["Bash(ls)",], },\n}\n'],
  ["a byte order mark", '\uFEFF{\n  "theme": "dark"\n}\n'],
  [
    "hooks for the same events",
    '{\n  "hooks": {\n    "Stop": [\n      {\n        "hooks": [\n          { "type": "command", "command": "say done" }\n        ]\n      }\n    ],\n    "PreToolUse": []\n  }\n}\n',
  ],
  [
    "an allow list",
    '{\n  "permissions": {\n    "allow": [\n      "Bash(ls)", // harmless\n      "Read" // too\n    ],\n    "deny": []\n  }\n}\n',
  ],
  [
    "other servers",
    '{\n  "numStartups": 7,\n  "mcpServers": {\n    "github": {\n      "command": "gh-mcp"\n    }\n  },\n  "projects": {}\n}',
  ],
  ["unusual characters", '{\n  "name": "Zoë \\u00e9 日本 😀",\n  "path": "C:\\\\x"\n}\n'],
];

describe("Setup and undo leave a file byte for byte as it was", () => {
  test.each(SHAPES)("%s", (_name, text) => {
    writeFileSync(file, text);
    const before = readFileSync(file);
    expect(applyEdits(paths, wanted()).hasChanges).toBe(true);
    expect(content()).toMatchObject({ mcpServers: { repowire: SERVER.value } });
    expect(undo()).toMatchObject([{ outcome: "restored" }]);
    expect(readFileSync(file)).toEqual(before);
    expect(existsSync(paths.setupRecord)).toBe(false);
  });

  test("no file, in a folder that is not there either", () => {
    file = join(root, ".claude", "deep", "settings.json");
    applyEdits(paths, wanted());
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(undo()).toMatchObject([{ outcome: "deleted" }]);
    expect(existsSync(join(root, ".claude"))).toBe(false);
  });
});

describe("With somebody else's edit in between, exactly our values go", () => {
  test.each(SHAPES)("%s", (_name, text) => {
    writeFileSync(file, text);
    applyEdits(paths, wanted());
    const foreign = '"foreign": [1, "two"]';
    rewrite((now) => now.replace(/\{/, `{${foreign},`));
    expect(undo()).toMatchObject([{ outcome: "taken_out" }]);
    const plain = text.replace("\uFEFF", "").trim();
    const before = Object(plain === "" ? {} : Bun.JSONC.parse(plain));
    expect(Bun.JSONC.parse(readFileSync(file, "utf8").replace("\uFEFF", ""))).toEqual({
      ...before,
      foreign: [1, "two"],
    });
  });

  test("comments survive, ours among them or not", () => {
    writeFileSync(file, '{\n  // top\n  "permissions": {\n    "allow": [\n      "Read" // last\n    ]\n  }\n}\n');
    applyEdits(paths, wanted());
    rewrite((now) =>
      now.replace('"mcp__repowire__reply"', '"mcp__repowire__reply" // theirs').replace("// top", "// new top"),
    );
    undo();
    const text = readFileSync(file, "utf8");
    for (const comment of ["// new top", "// last", "// theirs"]) expect(text).toContain(comment);
    expect(text).not.toContain("repowire");
  });

  test("a hook that was put into our group stays", () => {
    applyEdits(paths, wanted([hook("Stop")]));
    const theirs = { type: "command", command: "say done" };
    const group = { hooks: [...(hook("Stop").value as { hooks: [] }).hooks, theirs] };
    writeFileSync(file, JSON.stringify({ hooks: { Stop: [group] } }, null, 2));
    undo();
    expect(content()).toEqual({ hooks: { Stop: [{ hooks: [theirs] }] } });
  });

  test("objects that we made stay when somebody else uses them, and go when not", () => {
    writeFileSync(file, "{}\n");
    applyEdits(paths, wanted());
    const now = content() as { permissions: { allow: string[] } };
    now.permissions.allow.push("Bash(ls)");
    writeFileSync(file, JSON.stringify(now, null, 2));
    undo();
    expect(content()).toEqual({ permissions: { allow: ["Bash(ls)"] } });
  });

  test("a file that was not there and holds nothing else any more is removed", () => {
    applyEdits(paths, wanted());
    writeFileSync(file, JSON.stringify(content()));
    expect(undo()).toMatchObject([{ outcome: "deleted" }]);
    expect(existsSync(file)).toBe(false);
  });

  test("a server entry that somebody extended is still ours, one that starts something else is not", () => {
    applyEdits(paths, wanted([SERVER]));
    rewrite((now) => now.replace('"env": {}', '"env": { "X": "1" }, "timeout": 5'));
    undo();
    expect(existsSync(file)).toBe(false);

    applyEdits(paths, wanted([SERVER]));
    rewrite((now) => now.replace("/home/bin/repowire-channel", "/their/own"));
    expect(undo()).toMatchObject([{ outcome: "gone" }]);
    expect(content()).toMatchObject({ mcpServers: { repowire: { command: "/their/own" } } });
  });

  test("a file that is not valid any more is left alone, said, and still on record", () => {
    applyEdits(paths, wanted());
    rewrite((now) => `${now}oops`);
    const before = readFileSync(file);
    expect(undo()).toMatchObject([{ outcome: "left", detail: expect.stringContaining(`${file}, line `) }]);
    expect(readFileSync(file)).toEqual(before);
    rewrite((now) => now.replace("oops", "\n// mended\n"));
    expect(undo()).toMatchObject([{ outcome: "taken_out" }]);
    expect(readSetupRecord(paths).files).toEqual([]);
  });

  test("a file that is gone is no trouble", () => {
    applyEdits(paths, wanted());
    rmSync(file);
    expect(undo()).toMatchObject([{ outcome: "gone" }]);
  });
});

describe("Setup run again", () => {
  test("changes nothing when all is there", () => {
    writeFileSync(file, '{\n  "theme": "dark"\n}\n');
    applyEdits(paths, wanted());
    const [text, record] = [readFileSync(file), readFileSync(paths.setupRecord)];
    expect(planEdits(paths, wanted())).toMatchObject({ hasChanges: false, obsolete: 0 });
    applyEdits(paths, wanted());
    expect(readFileSync(file)).toEqual(text);
    expect(readFileSync(paths.setupRecord)).toEqual(record);
  });

  test("replaces what an older version added, drops what is not wanted any more, and keeps the first bytes", () => {
    writeFileSync(file, '{ "theme": "dark" }');
    applyEdits(paths, wanted([hook("Stop", 5), hook("Notification"), tool("ask_peer"), tool("old_tool")]));
    const plan = applyEdits(paths, wanted([hook("Stop", 10), tool("ask_peer")]));
    expect(plan).toMatchObject({ hasChanges: true, obsolete: 2 });
    expect(plan.edits.map((edit) => edit.state)).toEqual(["outdated", "there"]);
    expect(content()).toEqual({
      theme: "dark",
      hooks: { Stop: [hook("Stop", 10).value], Notification: [] },
      permissions: { allow: ["mcp__repowire__ask_peer"] },
    });
    expect(undo()).toMatchObject([{ outcome: "restored" }]);
    expect(readFileSync(file, "utf8")).toBe('{ "theme": "dark" }');
  });

  test("loses nothing that somebody wrote between two setups", () => {
    writeFileSync(file, "{}");
    applyEdits(paths, wanted([hook("Stop")]));
    rewrite((now) => now.replace("{", '{\n  "mine": true,'));
    applyEdits(paths, wanted());
    expect(undo()).toMatchObject([{ outcome: "taken_out" }]);
    expect(content()).toEqual({ mine: true });
  });

  test("follows a home that was moved", () => {
    applyEdits(paths, wanted([SERVER]));
    const moved = { ...SERVER, value: { command: "/new/bin/repowire-channel" }, mark: "/new/bin/repowire-channel" };
    expect(applyEdits(paths, wanted([moved])).edits).toMatchObject([{ state: "outdated" }]);
    expect(content()).toEqual({ mcpServers: { repowire: moved.value } });
  });

  test("leaves a value of ours as somebody has changed it", () => {
    applyEdits(paths, wanted([hook("Stop")]));
    rewrite((now) => now.replace('"timeout": 10', '"timeout": 60'));
    expect(planEdits(paths, wanted([hook("Stop")])).hasChanges).toBe(false);
  });

  test("starts anew where the file was removed meanwhile", () => {
    writeFileSync(file, '{ "old": 1 }');
    applyEdits(paths, wanted());
    rmSync(file);
    applyEdits(paths, wanted());
    expect(undo()).toMatchObject([{ outcome: "deleted" }]);
    expect(existsSync(file)).toBe(false);
  });

  test("keeps a permission that was agreed to earlier when it is declined now", () => {
    applyEdits(paths, wanted([tool("reply")]));
    const declined = [{ ...tool("reply"), isDeclined: true }];
    expect(applyEdits(paths, wanted(declined))).toMatchObject({ hasChanges: false, edits: [{ state: "declined" }] });
    undo();
    expect(existsSync(file)).toBe(false);
  });
});

describe("What is not ours", () => {
  test("a value that was there before setup stays after it", () => {
    writeFileSync(file, '{\n  "permissions": { "allow": ["mcp__repowire__reply"] }\n}');
    applyEdits(paths, wanted());
    rewrite((now) => now.replace("{", '{\n  "mine": true,'));
    undo();
    expect(content()).toEqual({ mine: true, permissions: { allow: ["mcp__repowire__reply"] } });
  });

  test("another server of the same name is a conflict, and nothing is written", () => {
    writeFileSync(file, '{ "mcpServers": { "repowire": { "command": "npx", "args": ["other"] } } }');
    const before = readFileSync(file);
    expect(() => planEdits(paths, wanted())).toThrow(EditConflict);
    expect(() => applyEdits(paths, wanted())).toThrow(EditConflict);
    expect(readFileSync(file)).toEqual(before);
    expect(existsSync(paths.setupRecord)).toBe(false);
  });

  test.each([
    ["no JSON", '{\n  "a": 1,\n  "b"\n}', "line 4"],
    ["hooks that are no object", '{\n  "theme": "x",\n  "hooks": []\n}', 'line 3: "hooks" is not an object'],
    ["hooks that are no list", '{\n  "hooks": {\n    "Stop": {}\n  }\n}', 'line 3: "hooks.Stop" is not a list'],
    ["a list", "[]", "line 1"],
  ])("a file that cannot be edited is refused with its line: %s", (_name, text, says) => {
    writeFileSync(file, text);
    expect(() => planEdits(paths, wanted())).toThrow(`${file}, ${says}`);
    expect(readFileSync(file, "utf8")).toBe(text);
  });

  test("bytes that are no text are refused", () => {
    writeFileSync(file, new Uint8Array([0x7b, 0xff, 0xfe, 0x7d]));
    expect(() => planEdits(paths, wanted())).toThrow(`${file} is not UTF-8 text`);
  });

  test("a folder in the file's place is refused", () => {
    mkdirSync(file);
    expect(() => planEdits(paths, wanted())).toThrow(`${file} cannot be read (EISDIR)`);
  });
});

describe("The file itself", () => {
  test("keeps its mode", () => {
    writeFileSync(file, "{}");
    chmodSync(file, 0o664);
    applyEdits(paths, wanted());
    expect(statSync(file).mode & 0o777).toBe(0o664);
    undo();
    expect(statSync(file).mode & 0o777).toBe(0o664);
  });

  test("stays a link, and what it leads to is edited", () => {
    const real = join(root, "dotfiles", "claude.json");
    mkdirSync(join(root, "dotfiles"));
    writeFileSync(real, '{ "theme": "dark" }\n');
    symlinkSync("dotfiles/claude.json", file);
    applyEdits(paths, wanted());
    expect(lstatSync(file).isSymbolicLink()).toBe(true);
    expect(readFileSync(real, "utf8")).toContain("repowire");
    undo();
    expect(lstatSync(file).isSymbolicLink()).toBe(true);
    expect(readFileSync(real, "utf8")).toBe('{ "theme": "dark" }\n');
  });

  test("may be a link that leads nowhere yet", () => {
    symlinkSync(join(root, "dotfiles", "claude.json"), file);
    applyEdits(paths, wanted());
    expect(existsSync(join(root, "dotfiles", "claude.json"))).toBe(true);
    undo();
    expect(lstatSync(file).isSymbolicLink()).toBe(true);
    expect(existsSync(join(root, "dotfiles"))).toBe(false);
  });
});

describe("The record", () => {
  test("is private", () => {
    writeFileSync(file, '{ "env": { "KEY": "secret" } }');
    applyEdits(paths, wanted());
    expect(statSync(paths.setupRecord).mode & 0o777).toBe(0o600);
  });

  test("that was lost is made up for by the marks of our values, on undo and on setup", () => {
    writeFileSync(file, '{\n  "theme": "dark"\n}\n');
    applyEdits(paths, wanted([SERVER, hook("Stop")]));
    rmSync(paths.setupRecord);
    const records = filesToUndo(paths, [wanted()]);
    expect(records).toMatchObject([{ exact: false, added: [{ kind: "key" }, { kind: "hook" }] }]);

    applyEdits(paths, wanted([SERVER, hook("Stop")]));
    expect(undo()).toMatchObject([{ outcome: "taken_out" }]);
    expect(content()).toEqual({ theme: "dark", mcpServers: {}, hooks: { Stop: [] } });
  });

  test("that cannot be read is refused, not thrown away", () => {
    writeFileSync(paths.setupRecord, "{}");
    expect(() => planEdits(paths, wanted())).toThrow("cannot be read as the record");
  });

  test("is written before the file: an edit that did not happen does no harm on undo", () => {
    writeFileSync(file, '{ "theme": "dark" }');
    applyEdits(paths, wanted());
    writeFileSync(file, '{ "theme": "dark" }');
    expect(undo()).toMatchObject([{ outcome: "gone" }]);
    expect(readFileSync(file, "utf8")).toBe('{ "theme": "dark" }');
  });
});
