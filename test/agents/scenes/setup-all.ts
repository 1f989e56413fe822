import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { processesFrom, processInfo } from "../../../src/platform/process.ts";
import { DRIVERS } from "../drivers/index.ts";
import type { World } from "../world.ts";
import type { Scene } from "./index.ts";

/** A person's own files, in their own way of writing. Without `$schema`, OpenCode itself adds it to its file. */
const FILES: Record<string, string> = {
  ".claude/settings.json": '{\n\t"model": "opus",   \n\t"permissions": { "allow": ["Bash(ls:*)"] }\n}\n',
  ".config/opencode/opencode.json": '{ "$schema": "https://opencode.ai/config.json", "autoupdate": false, }\n',
  ".config/opencode/tui.json": '{\n  // colours\n  "theme": "nord",\n}\n',
  ".codex/config.toml":
    'check_for_update_on_startup = false # mine\n\n# a project\n[projects."/work/a"]\ntrust_level = "trusted"\n',
  ".codex/hooks.json": '{ "hooks": { "Stop": [ { "hooks": [ { "type": "command", "command": "true" } ] } ] } }',
  ".gemini/settings.json": '{\n  "general": { "enableAutoUpdate": false }\n}\n',
};

export const setupAllScenes: Scene[] = [
  {
    name: "setup of all four CLIs: each says itself what it reads, and every byte comes back",
    async run(world, { check, note }) {
      const machine = machineOf(world);
      const { run, cli, text } = machine;
      for (const [file, content] of Object.entries(FILES)) machine.write(file, content);

      const startedAt = Date.now();
      const setup = run("setup", "--yes", "--json");
      note(`setup took ${Date.now() - startedAt} ms`);
      const report = JSON.parse(setup.stdout);
      check(
        "setup finds all four and ends well",
        setup.exitCode === 0 && report.ok && report.not_found.length === 0,
        setup,
      );
      const codex = report.runtimes.find((one: { runtime: string }) => one.runtime === "codex");
      check(
        "Codex itself has noted down the trust",
        codex.step === "taken" && /trusted_hash/.test(text(".codex/config.toml")),
        codex,
      );
      check(
        "status has nothing to add",
        JSON.parse(run("status", "--json").stdout).advice.length === 0,
        run("status", "--json").stdout,
      );

      const codexList = cli("codex", "mcp", "list");
      check("Codex lists the server", /repowire\s+http:\/\/127\.0\.0\.1/.test(codexList), codexList);
      const geminiList = cli("gemini", "mcp", "list");
      check("Gemini lists the server", /repowire: .*repowire-mcp gemini/.test(geminiList), geminiList);
      const plugins = cli("opencode", "debug", "config");
      check("OpenCode has found the plugin by itself", /plugins\/repowire\.js/.test(plugins), plugins.slice(-1_500));

      const again = JSON.parse(run("setup", "--yes", "--json").stdout);
      const changed = again.runtimes
        .flatMap((one: { files: { changed: boolean }[] }) => one.files)
        .filter((file: { changed: boolean }) => file.changed);
      check("a second setup changes nothing", again.ok && changed.length === 0, changed);

      const uninstall = run("uninstall", "--yes", "--remove-data", "--json");
      check(
        "uninstall leaves nothing",
        uninstall.exitCode === 0 && JSON.parse(uninstall.stdout).left.length === 0,
        uninstall,
      );
      for (const [file, content] of Object.entries(FILES))
        check(`${file} is as it was`, text(file) === content, text(file));
      for (const file of [".config/opencode/plugins/repowire.js", ".gemini/policies/repowire.toml", ".repowire"])
        check(`${file} is gone`, !existsSync(machine.path(file)));
    },
  },
  {
    name: "setup of all four CLIs: what they write themselves in between survives uninstall",
    async run(world, { check }) {
      const machine = machineOf(world);
      const { run, cli, text } = machine;
      for (const [file, content] of Object.entries(FILES)) machine.write(file, content);
      check("setup ends well", run("setup", "--yes", "--json").exitCode === 0);
      cli("codex", "mcp", "add", "other", "--", "true");
      cli("gemini", "mcp", "add", "--scope", "user", "other", "true");
      cli("claude", "mcp", "add", "--scope", "user", "other", "--", "true");
      machine.write(
        ".config/opencode/tui.json",
        text(".config/opencode/tui.json").replace("// colours", "// my colours"),
      );
      const uninstall = run("uninstall", "--yes", "--json");
      check("uninstall ends well", uninstall.exitCode === 0, uninstall);
      check(
        "Codex's file has its other server, its comments, and nothing of ours",
        text(".codex/config.toml") === `${FILES[".codex/config.toml"]}\n[mcp_servers.other]\ncommand = "true"\n`,
        text(".codex/config.toml"),
      );
      const gemini = JSON.parse(text(".gemini/settings.json"));
      check(
        "Gemini's file has its other server and nothing of ours",
        gemini.mcpServers?.other && !/repowire/.test(text(".gemini/settings.json")),
        gemini,
      );
      const claude = JSON.parse(text(".claude.json"));
      check(
        "Claude Code's file has its other server and nothing of ours",
        claude.mcpServers?.other && !claude.mcpServers.repowire,
        claude,
      );
      check(
        "OpenCode's file has its user's words and nothing of ours",
        text(".config/opencode/tui.json") ===
          FILES[".config/opencode/tui.json"]?.replace("// colours", "// my colours"),
        text(".config/opencode/tui.json"),
      );
    },
  },
];

/** A person's machine with the four real CLIs on its PATH. */
function machineOf(world: World) {
  const user = join(world.root, "m");
  const bin = join(world.root, "mbin");
  for (const folder of [user, bin]) mkdirSync(folder, { recursive: true });
  const driver = (runtime: string) => DRIVERS.find((one) => one.runtime === runtime)?.install() ?? "";
  const programs = {
    claude: world.claude,
    codex: driver("codex"),
    opencode: driver("opencode"),
    gemini: driver("gemini"),
  };
  for (const [name, program] of Object.entries(programs)) symlinkSync(program, join(bin, name));
  // Codex is told the port: it has to be a fixed one.
  const free = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() });
  const port = String(free.port);
  void free.stop(true);
  const env = {
    HOME: user,
    PATH: `${bin}:${process.env.PATH ?? ""}`,
    REPOWIRE_HOME: join(user, ".repowire"),
    REPOWIRE_PORT: port,
    GEMINI_CLI_TRUST_WORKSPACE: "true",
    GEMINI_API_KEY: "none",
    OPENCODE_DISABLE_AUTOUPDATE: "1",
  };
  world.onClose(async () => {
    for (const { pid } of processesFrom(join(user, ".repowire"))) if (processInfo(pid)) process.kill(pid, "SIGKILL");
  });
  return {
    path: (name: string) => join(user, name),
    text: (name: string) => readFileSync(join(user, name), "utf8"),
    write(name: string, content: string) {
      mkdirSync(dirname(join(user, name)), { recursive: true });
      writeFileSync(join(user, name), content, { mode: 0o600 });
    },
    run: (...args: string[]) => world.run(args, env),
    cli(name: keyof typeof programs, ...args: string[]) {
      const result = Bun.spawnSync([join(bin, name), ...args], {
        cwd: user,
        env: { ...env, NO_COLOR: "1" },
        timeout: 60_000,
      });
      return result.stdout.toString() + result.stderr.toString();
    },
  };
}
