import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { readToken, scopedToken } from "../../src/platform/token.ts";
import { installProgram } from "../../src/setup/install.ts";
import { parseTomlText, removeToml } from "../../src/setup/toml-text.ts";
import { fromInstalled, type Ran, type SetupSandbox, setupSandbox } from "../support/setup-sandbox.ts";

// Real processes, on machines that have other work too.
setDefaultTimeout(60_000);

/** Made once: bundling takes seconds. */
let template: SetupSandbox;
/** A machine with all four CLIs, each with a configuration that its user wrote. */
let sandbox: SetupSandbox;

const OTHERS = { opencode: "1.18.33", codex: "0.169.0", gemini: "0.61.0" };
const FILES = {
  claude: [".claude/settings.json", '{\n\t"theme": "dark", // mine\n}'],
  opencode: [".config/opencode/opencode.json", '{ "model": "x/y", }\n'],
  tui: [
    ".config/opencode/tui.json",
    '{\n  // colours\n  "theme": "nord",\n  "plugin": [\n    "./mine.ts", // own\n  ],\n}\n',
  ],
  codex: [
    ".codex/config.toml",
    'model = "gpt-5" # mine\n\n# servers\n[mcp_servers.other]\ncommand = "npx"\n\n[projects."/work/a"]\ntrust_level = "trusted"\n',
  ],
  hooks: [
    ".codex/hooks.json",
    '{ "hooks": { "Stop": [ { "hooks": [ { "type": "command", "command": "/usr/bin/true", "timeout": 5 } ] } ] } }',
  ],
  gemini: [".gemini/settings.json", '{\n  "general": { "vimMode": true }\n}\n'],
} as const;
const PLUGIN = ".config/opencode/plugins/repowire.js";
const SCREEN = ".config/opencode/repowire/tui.js";
const POLICY = ".gemini/policies/repowire.toml";

beforeAll(async () => {
  template = await setupSandbox();
  await installProgram(template.paths);
});
beforeEach(async () => {
  sandbox = await setupSandbox({ program: fromInstalled(template.paths), others: OTHERS });
  // Codex is told the port: it has to be a fixed one.
  using free = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() });
  sandbox.env.REPOWIRE_PORT = String(free.port);
  for (const [file, text] of Object.values(FILES)) sandbox.write(file, text);
});
afterEach(() => sandbox[Symbol.asyncDispose]());
afterAll(() => template[Symbol.asyncDispose]());

const json = ({ out }: Ran) => JSON.parse(out);
const setup = (...args: string[]) => sandbox.repowire("setup", "--yes", ...args);
const runtime = (report: { runtimes: { runtime: string }[] }, name: string) =>
  report.runtimes.find((one) => one.runtime === name);

/** Every file in the person's home but the fake CLIs. */
const allFiles = () =>
  readdirSync(sandbox.root, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(sandbox.root.length + 1))
    .filter((file) => !file.startsWith("bin/"))
    .sort();

describe("Setup of all four CLIs", () => {
  test("shows one plan for what it found, and --dry-run does nothing", async () => {
    const before = allFiles();
    const { out, code } = await sandbox.repowire("setup", "--dry-run");
    expect(code).toBe(0);
    for (const part of [
      "Claude Code 2.1.330, ~/bin/claude",
      "OpenCode 1.18.33, ~/bin/opencode",
      "new file: add plugin",
      "Codex 0.169.0, ~/bin/codex",
      "trust for these 6 hooks, through Codex's own program",
      "Gemini CLI 0.61.0, ~/bin/gemini",
      "new file: add permission for 8 tools",
      "! In a folder that you have not trusted, Gemini runs neither hooks nor MCP servers",
      "Nothing was changed.",
    ])
      expect(out).toContain(part);
    expect(allFiles()).toEqual(before);
  });

  test("writes what each of them reads, and uninstall gives every byte back", async () => {
    const before = allFiles();
    const report = json(await setup("--json"));
    expect(report).toMatchObject({ ok: true, not_found: [], selftest: { ok: true } });

    const plugin = sandbox.text(PLUGIN);
    expect(plugin).toStartWith("// repowire plugin for OpenCode ");
    expect(plugin.split("\n")[1]).toContain(JSON.stringify(sandbox.paths.home));
    expect(Bun.JSONC.parse(sandbox.text(FILES.tui[0]))).toEqual({
      theme: "nord",
      plugin: ["./mine.ts", sandbox.file(SCREEN)],
    });
    expect(sandbox.text(FILES.opencode[0])).toBe(FILES.opencode[1]);

    const config = parseTomlText(sandbox.text(FILES.codex[0])).root;
    const scoped = scopedToken(readToken(sandbox.paths.home) ?? "", "codex-mcp");
    expect(config.mcp_servers).toMatchObject({
      other: { command: "npx" },
      repowire: {
        url: `http://127.0.0.1:${sandbox.env.REPOWIRE_PORT}/mcp`,
        http_headers: { Authorization: expect.stringMatching(/^Bearer \S{20,}$/) },
        default_tools_approval_mode: "prompt",
        tools: { ask_peer: { approval_mode: "approve" } },
      },
    });
    expect(sandbox.text(FILES.codex[0])).not.toContain(readToken(sandbox.paths.home) ?? "");
    expect(scoped).not.toBe("");
    expect(JSON.stringify(config)).not.toContain("spawn");
    expect(Object.keys((config.hooks as { state: object }).state)).toHaveLength(6);
    expect(runtime(report, "codex")).toMatchObject({ step: "taken" });

    const gemini = JSON.parse(sandbox.text(FILES.gemini[0]));
    expect(gemini.mcpServers.repowire).toEqual({
      command: join(sandbox.paths.bin, "repowire-mcp"),
      args: ["gemini"],
      timeout: 600_000,
    });
    expect(Object.keys(gemini.hooks)).toEqual([
      "SessionStart",
      "SessionEnd",
      "BeforeAgent",
      "AfterAgent",
      "Notification",
    ]);
    expect(parseTomlText(sandbox.text(POLICY)).root).toMatchObject({
      rule: [{ toolName: expect.arrayContaining(["mcp_repowire_ask_peer", "mcp_repowire_reply"]), decision: "allow" }],
    });
    expect(existsSync(sandbox.file(".gemini/trustedFolders.json"))).toBe(false);

    const uninstall = json(await sandbox.repowire("uninstall", "--yes", "--remove-data", "--json"));
    expect(uninstall).toMatchObject({ ok: true, data: "removed", left: [] });
    expect(allFiles()).toEqual(before);
    for (const [file, text] of Object.values(FILES)) expect(sandbox.text(file)).toBe(text);
  });

  test("changes nothing when it runs again", async () => {
    await setup("--json");
    const files = [...Object.values(FILES).map(([file]) => file), PLUGIN, SCREEN, POLICY, ".repowire/setup.json"];
    const before = files.map((file) => sandbox.text(file));
    const again = json(await setup("--json"));
    expect(
      again.runtimes.flatMap((one: { files: { changed: boolean }[] }) => one.files.map((f) => f.changed)),
    ).not.toContain(true);
    expect(runtime(again, "codex")).not.toHaveProperty("step");
    expect(files.map((file) => sandbox.text(file))).toEqual(before);
  });

  test("keeps, at uninstall, what users and CLIs wrote in between", async () => {
    await setup("--json");
    // Codex notes down that another folder is trusted, and that a tool of ours may always run; its user comments.
    const codex = `${sandbox.text(FILES.codex[0]).replace("# servers", "# servers of mine")}
[mcp_servers.repowire.tools.spawn_peer]
approval_mode = "approve"

# a project
[projects."/work/b"]
trust_level = "trusted"
`;
    sandbox.write(FILES.codex[0], codex);
    const gemini = JSON.parse(sandbox.text(FILES.gemini[0]));
    sandbox.write(FILES.gemini[0], JSON.stringify({ ...gemini, ui: { theme: "Ayu" } }, null, 2));
    sandbox.write(FILES.tui[0], sandbox.text(FILES.tui[0]).replace("// colours", "// my colours"));
    const hooks = JSON.parse(sandbox.text(FILES.hooks[0]));
    hooks.hooks.Stop.push({ hooks: [{ type: "command", command: "/usr/bin/false" }] });
    sandbox.write(FILES.hooks[0], JSON.stringify(hooks));

    const uninstall = json(await sandbox.repowire("uninstall", "--yes", "--json"));
    expect(uninstall.ok).toBe(true);
    expect(sandbox.text(FILES.codex[0])).toBe(
      `${FILES.codex[1].replace("# servers", "# servers of mine")}
# a project
[projects."/work/b"]
trust_level = "trusted"
`,
    );
    expect(JSON.parse(sandbox.text(FILES.gemini[0]))).toEqual({ general: { vimMode: true }, ui: { theme: "Ayu" } });
    expect(sandbox.text(FILES.tui[0])).toBe(FILES.tui[1].replace("// colours", "// my colours"));
    expect(JSON.parse(sandbox.text(FILES.hooks[0])).hooks.Stop).toHaveLength(2);
    for (const gone of [PLUGIN, SCREEN, POLICY]) expect(existsSync(sandbox.file(gone))).toBe(false);
    expect(existsSync(sandbox.file(".config/opencode/plugins"))).toBe(false);
  });

  test("goes on with the others where one is in the way, and says so", async () => {
    const theirs = "// somebody else's plugin of that name\n";
    sandbox.write(PLUGIN, theirs);
    const ran = await setup();
    expect(ran.code).toBe(65);
    expect(ran.out).toContain(`OpenCode: ${sandbox.file(PLUGIN)} is there already, and repowire did not write it.`);
    expect(ran.out).toContain("self-test: a question was asked and answered");
    expect(sandbox.text(PLUGIN)).toBe(theirs);
    expect(existsSync(sandbox.file(SCREEN))).toBe(false);
    expect(existsSync(sandbox.file(POLICY))).toBe(true);
    await sandbox.repowire("uninstall", "--yes");
    expect(sandbox.text(PLUGIN)).toBe(theirs);
  });

  test("leaves tools to be asked for, and hooks to be trusted in Codex's own dialog, where that is wanted", async () => {
    const report = json(await setup("--json", "--no-allow-tools", "--no-trust-hooks"));
    expect(report.ok).toBe(true);
    expect(runtime(report, "codex")).toMatchObject({ step: "declined" });
    const config = sandbox.text(FILES.codex[0]);
    expect(config).not.toContain("approve");
    expect(config).not.toContain("hooks.state");
    expect(existsSync(sandbox.file(POLICY))).toBe(false);
    const status = JSON.parse((await sandbox.repowire("status", "--json")).out);
    expect(status.advice).toEqual(
      expect.arrayContaining([
        { found: "Codex asks before it uses some of the repowire tools", next: "repowire setup codex" },
        {
          found: "Codex: not yet: trust for these 6 hooks, through Codex's own program",
          next: "repowire setup codex, or start `codex` once and trust them in the dialog that it opens",
          of: "broken",
        },
      ]),
    );
  });

  test("says when Codex does not take the trust, and what to do; the rest is done", async () => {
    sandbox.env.REPOWIRE_TEST_CODEX = "refuse";
    const ran = await setup("codex");
    expect(ran.code).toBe(69);
    expect(ran.out).toContain("Codex did not take the trust for 6 of its hooks");
    expect(ran.out).toContain("start `codex` once and trust them in the dialog that it opens");
    expect(ran.out).toContain("self-test: a question was asked and answered");
  });
});

describe("One CLI", () => {
  test("can be set up alone, and taken out alone; the others and the program stay", async () => {
    await setup("--json", "gemini");
    expect(existsSync(sandbox.file(POLICY))).toBe(true);
    expect(existsSync(sandbox.file(PLUGIN))).toBe(false);
    await setup("--json", "opencode");
    const out = json(await sandbox.repowire("uninstall", "gemini", "--yes", "--json"));
    expect(out).toMatchObject({ ok: true, daemon_stopped: false });
    expect(sandbox.text(FILES.gemini[0])).toBe(FILES.gemini[1]);
    expect(existsSync(sandbox.file(POLICY))).toBe(false);
    expect(existsSync(sandbox.file(PLUGIN))).toBe(true);
    expect(existsSync(sandbox.paths.cliLauncher)).toBe(true);
    const refused = await sandbox.repowire("uninstall", "gemini", "--yes", "--remove-data");
    expect([refused.code, refused.err]).toEqual([65, expect.stringContaining("The data is of all agent CLIs")]);
  });

  test("that is not there says how to get it; with none at all setup says which it connects", async () => {
    rmSync(sandbox.file("bin/gemini"));
    const one = await setup("gemini");
    expect([one.code, one.err]).toEqual([66, expect.stringContaining("npm install -g @google/gemini-cli")]);
    for (const name of ["claude", "codex", "opencode"]) rmSync(sandbox.file(`bin/${name}`));
    const none = await setup();
    expect([none.code, none.err]).toEqual([66, expect.stringContaining("No agent CLI was found on the PATH")]);
    expect(existsSync(sandbox.paths.home)).toBe(false);
  });

  test("Codex needs a fixed port, and says so", async () => {
    sandbox.env.REPOWIRE_PORT = "0";
    const ran = await setup("codex");
    expect([ran.code, ran.err]).toEqual([65, expect.stringContaining("Codex finds repowire by its port")]);
  });

  test("an OpenCode 2.x is told to be no peer; a plugin that is listed too is named", async () => {
    await sandbox[Symbol.asyncDispose]();
    sandbox = await setupSandbox({ program: fromInstalled(template.paths), others: { opencode: "2.0.1" } });
    sandbox.write(".config/opencode/opencode.jsonc", '{ "plugin": ["./plugins/repowire.js"] }');
    const { out } = await sandbox.repowire("setup", "opencode", "--dry-run");
    expect(out).toContain("! OpenCode 2.0.1 does not run plugins that were written for 1.x");
    expect(out).toContain('lists "./plugins/repowire.js" under "plugin"');
  });

  test("a Codex without a queue for others is named, with the version that has one", async () => {
    await sandbox[Symbol.asyncDispose]();
    sandbox = await setupSandbox({ program: fromInstalled(template.paths), others: { codex: "0.148.0" } });
    const { out } = await sandbox.run([...fromInstalled(template.paths), "setup", "codex", "--dry-run"], {
      // Nothing listens there: a dry run starts no daemon.
      env: { REPOWIRE_PORT: "4711" },
    });
    expect(out).toContain("! Codex 0.148.0 has no queue that others may add to");
    expect(out).toContain("update it to 0.149.0 or later");
  });

  test("whose record is lost is still known by what its files start", async () => {
    await setup("--json");
    rmSync(sandbox.paths.setupRecord);
    await sandbox.repowire("uninstall", "--yes", "--json");
    for (const gone of [PLUGIN, SCREEN, POLICY]) expect(existsSync(sandbox.file(gone))).toBe(false);
    expect(removeToml(parseTomlText(sandbox.text(FILES.codex[0])), ["hooks"]).text.trimEnd()).toBe(
      FILES.codex[1].trimEnd(),
    );
    expect(sandbox.text(FILES.hooks[0])).not.toContain("repowire");
    expect(sandbox.text(FILES.gemini[0])).not.toContain("repowire");
    expect(sandbox.text(FILES.tui[0])).toBe(FILES.tui[1]);
  });
});
