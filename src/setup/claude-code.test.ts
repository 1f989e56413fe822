import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, realpathSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type TempHome, tempHome } from "../../test/support/temp-home.ts";
import { type HomePaths, homePaths } from "../platform/paths.ts";
import { type ClaudeFiles, claudeCode, claudeEdits, claudeFiles, claudeNotices } from "./claude-code.ts";
import { runningSessions as sessionsOf } from "./sessions.ts";
import { TOOL_NAMES } from "./tools.ts";
import { applyWanted, planWanted } from "./wanted.ts";

let temp: TempHome;
let root: string;
let paths: HomePaths;
let files: ClaudeFiles;

beforeEach(() => {
  temp = tempHome();
  root = realpathSync(temp.path);
  paths = homePaths(join(root, ".repowire"));
  mkdirSync(paths.home);
  files = claudeFiles({ HOME: root });
  mkdirSync(files.configDir);
});
afterEach(() => temp[Symbol.dispose]());

const runningSessions = () => sessionsOf(paths, claudeCode, { HOME: root });
const wanted = (home: HomePaths = paths) => claudeEdits(home, files, { allowTools: true });

describe("Claude Code is found", () => {
  const put = (file: string, script: string) => {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return file;
  };

  test("on the PATH, with its version", async () => {
    const path = put(join(root, "bin", "claude"), "echo '2.1.330 (Claude Code)'");
    expect(await claudeCode.find({ HOME: root, PATH: `/nowhere:${join(root, "bin")}` })).toEqual({
      path,
      version: "2.1.330",
    });
  });

  test("where its own installer puts it, when the PATH does not say so", async () => {
    const path = put(join(root, ".local", "bin", "claude"), "echo 2.1.330");
    expect(await claudeCode.find({ HOME: root, PATH: "/nowhere" })).toMatchObject({ path });
  });

  test("but not in the current folder, and not as a folder or a file that is no program", async () => {
    mkdirSync(join(root, "a", "claude"), { recursive: true });
    mkdirSync(join(root, "b"));
    writeFileSync(join(root, "b", "claude"), "");
    put(join(root, "bin", "claude"), "exit 0");
    const before = process.cwd();
    try {
      process.chdir(root);
      const PATH = `.::bin:${join(root, "a")}:${join(root, "b")}`;
      expect(await claudeCode.find({ HOME: root, PATH })).toBeUndefined();
    } finally {
      process.chdir(before);
    }
  });

  test("without a version when it gives none", async () => {
    put(join(root, "bin", "claude"), "exit 1");
    expect(await claudeCode.find({ HOME: root, PATH: join(root, "bin") })).toMatchObject({ version: undefined });
  });
});

test("Its files are where CLAUDE_CONFIG_DIR says, the state file among them", () => {
  expect(claudeFiles({ HOME: "/u" })).toEqual({
    configDir: "/u/.claude",
    state: "/u/.claude.json",
    settings: "/u/.claude/settings.json",
  });
  expect(claudeFiles({ HOME: "/u", CLAUDE_CONFIG_DIR: "/c" })).toEqual({
    configDir: "/c",
    state: "/c/.claude.json",
    settings: "/c/settings.json",
  });
});

const ALLOWED_TOOLS = TOOL_NAMES.map((tool) => `mcp__repowire__${tool}`);

describe("What setup adds", () => {
  test("is one server, eight hooks and the eight tools by name", () => {
    for (const edits of wanted()) applyWanted(paths, claudeCode, edits);
    expect(JSON.parse(readFileSync(files.state, "utf8"))).toEqual({
      mcpServers: { repowire: { type: "stdio", command: `${paths.bin}/repowire-channel`, args: [], env: {} } },
    });
    const hook = (event: string, timeout = 10) => [
      { hooks: [{ type: "command", command: `${paths.bin}/repowire-hook ${event}`, timeout }] },
    ];
    expect(JSON.parse(readFileSync(files.settings, "utf8"))).toEqual({
      hooks: {
        SessionStart: hook("SessionStart"),
        UserPromptSubmit: hook("UserPromptSubmit"),
        PreToolUse: [{ matcher: "Edit|Write|MultiEdit|NotebookEdit", ...hook("PreToolUse")[0] }],
        PostToolUse: hook("PostToolUse"),
        PermissionRequest: hook("PermissionRequest", 86_400),
        Stop: hook("Stop"),
        StopFailure: hook("StopFailure"),
        SessionEnd: hook("SessionEnd"),
      },
      permissions: { allow: ALLOWED_TOOLS },
    });
  });

  // @req setup.tools-by-name
  test("allows no tool that starts, ends or approves anything, and none by a pattern", () => {
    expect(ALLOWED_TOOLS.toSorted()).toEqual(
      ["ask_peer", "broadcast", "inbox", "list_peers", "notify_peer", "reply", "set_description", "whoami"].map(
        (tool) => `mcp__repowire__${tool}`,
      ),
    );
  });

  test("allows no tool without consent", () => {
    for (const edits of claudeEdits(paths, files, { allowTools: false })) applyWanted(paths, claudeCode, edits);
    expect(JSON.parse(readFileSync(files.settings, "utf8")).permissions).toBeUndefined();
  });

  test("quotes the hook's command for a shell where the home's path needs it", () => {
    const odd = homePaths("/home/o'neil/my home");
    const [, settings] = wanted(odd);
    expect(settings?.edits.find((edit) => edit.path[1] === "Stop")?.mark).toBe(
      "'/home/o'\\''neil/my home/bin/repowire-hook' Stop",
    );
  });
});

describe("A server of that name", () => {
  test("that somebody else put there is named with its command", () => {
    writeFileSync(files.state, JSON.stringify({ mcpServers: { repowire: { command: "npx", args: ["other"] } } }));
    expect(() => planWanted(paths, claudeCode, wanted())).toThrow(
      `${files.state} already has an MCP server named "repowire" that is not this one: it starts \`npx other\`. Rename or remove it`,
    );
  });

  test("that belongs to another home says how to get rid of that one", () => {
    const other = homePaths(join(root, "other home"));
    mkdirSync(other.home);
    for (const edits of wanted(other)) applyWanted(other, claudeCode, edits);
    expect(() => planWanted(paths, claudeCode, wanted())).toThrow(`REPOWIRE_HOME='${other.home}' repowire uninstall`);
  });
});

describe("What keeps parts from working is told", () => {
  const settings = (content: unknown) => writeFileSync(files.settings, JSON.stringify(content));
  const found = (env: Record<string, string> = {}, version = "2.1.330") =>
    claudeNotices(env, files, { path: "/claude", version }).map((notice) => notice.found);

  test("nothing, when there is nothing", () => {
    expect(found()).toEqual([]);
    settings({ env: { DISABLE_TELEMETRY: "0" }, disableAllHooks: false });
    expect(found({ DISABLE_TELEMETRY: "" })).toEqual([]);
  });

  test("hooks that are switched off", () => {
    settings({ disableAllHooks: true });
    expect(found()).toEqual([expect.stringContaining('"disableAllHooks": true')]);
  });

  test("switches that turn channels off, in the environment and in the settings", () => {
    expect(found({ DISABLE_TELEMETRY: "1" })).toEqual([
      "DISABLE_TELEMETRY is set in this environment, which turns channels off in Claude Code",
    ]);
    settings({ env: { CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: 1 } });
    expect(found()).toEqual([expect.stringContaining(`is set in ${files.settings}`)]);
  });

  test("versions without an inbox socket, and without channels", () => {
    expect(found({}, "2.1.197")).toEqual([expect.stringContaining("no inbox socket")]);
    expect(found({}, "2.0.9")).toEqual([
      expect.stringContaining("no inbox socket"),
      expect.stringContaining("knows no channels"),
    ]);
  });
});

describe("Running sessions", () => {
  const record = (pid: number, more: Record<string, unknown> = {}) => {
    const file = join(files.configDir, "sessions", `${pid}.json`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify({ pid, cwd: "/work/frontend", version: "2.1.330", entrypoint: "cli", ...more }));
    return file;
  };

  test("are those whose process lives; before the first setup none needs a restart", () => {
    record(process.pid);
    // No process has this pid: the kernel's limit is far below.
    record(99_999_999);
    expect(runningSessions()).toMatchObject([{ pid: process.pid, cwd: "/work/frontend", needs_restart: false }]);
  });

  test("need a restart when they began before setup's last edit", () => {
    record(process.pid);
    for (const edits of wanted()) applyWanted(paths, claudeCode, edits);
    expect(runningSessions()).toMatchObject([{ pid: process.pid, needs_restart: true }]);
  });

  test("are no headless runs, and no other program that got the pid of one that crashed", () => {
    record(process.pid, { entrypoint: "sdk-cli" });
    expect(runningSessions()).toEqual([]);
    const file = record(process.pid);
    utimesSync(file, 1_000, 1_000);
    expect(runningSessions()).toEqual([]);
  });

  test("may be half written in the moment of the look", () => {
    writeFileSync(record(process.pid), '{ "pid":');
    expect(runningSessions()).toEqual([]);
  });
});
