import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { z } from "zod";
import { isBinary, PLUGINS, type Plugin, programRoot } from "../platform/program.ts";
import { RUNTIMES, VERSION } from "../protocol/index.ts";
import { findCli, isOn, readSettings, userHome } from "./find-cli.ts";
import { pluginText, pluginVersion } from "./opencode-plugin.ts";
import type { OwnFile } from "./own-file.ts";
import type { Environment, FoundCli, RuntimeSetup, SetupContext, SetupNotice, WantedFile } from "./runtime-setup.ts";
import { sessionsByProcess, wordsOf } from "./sessions.ts";

/**
 * What there is of OpenCode on this machine, and what setup adds: one plugin as a file of its own, which needs no entry anywhere
 * (OpenCode 1.18.33), and one for its terminal, which has to be named in `tui.json`. `opencode.json` is never touched.
 */

const configDir = (env: Environment): string => join(env.XDG_CONFIG_HOME || join(userHome(env), ".config"), "opencode");

const pluginFile = (env: Environment): string => join(configDir(env), "plugins", "repowire.js");
/** Not in `plugins`: OpenCode would load it there as a plugin of its server. */
const screenFile = (env: Environment): string => join(configDir(env), "repowire", "tui.js");

const SCREEN = "plugin that tells which session is on the screen";

function files({ paths, env, program }: SetupContext): WantedFile[] {
  const own = (part: OwnFile["part"], what: string, file: string, bundle: Plugin): OwnFile => ({
    file,
    runtime: "opencode",
    part,
    what,
    content: textOf(program, bundle, paths.home),
    homeOf: pluginHome,
  });
  const screen = screenFile(env);
  return [
    own("plugin", "plugin", pluginFile(env), "plugin-opencode"),
    own("screen", SCREEN, screen, "plugin-opencode-tui"),
    {
      file: tuiConfig(env),
      runtime: "opencode",
      edits: [
        {
          kind: "item",
          part: "screen",
          label: SCREEN,
          path: ["plugin"],
          value: screen,
          mark: screen,
        },
      ],
    },
  ];
}

/** The file that the user has, whichever of the two it is. */
function tuiConfig(env: Environment): string {
  const withComments = join(configDir(env), "tui.jsonc");
  return existsSync(withComments) ? withComments : join(configDir(env), "tui.json");
}

function textOf(program: string | undefined, plugin: Plugin, home: string): string | undefined {
  const file = program && join(isBinary ? programRoot() : program, PLUGINS[plugin].bundle);
  return file && existsSync(file) ? pluginText(readFileSync(file, "utf8"), home, VERSION) : undefined;
}

/** The home that an installed plugin carries in its second line. */
function pluginHome(text: string): string | undefined {
  if (pluginVersion(text) === undefined) return undefined;
  const literal = text.split("\n", 2)[1]?.match(/ = (".*");$/)?.[1];
  return literal === undefined ? undefined : z.string().parse(JSON.parse(literal));
}

const Plugins = z.object({ plugin: z.array(z.unknown()).catch([]).default([]) });

function notices(env: Environment, _paths: unknown, cli: FoundCli | undefined): SetupNotice[] {
  const found: SetupNotice[] = [];
  if (cli?.version && Bun.semver.order(cli.version, "2.0.0") >= 0) {
    found.push({
      found: `OpenCode ${cli.version} does not run plugins that were written for 1.x, so its sessions do not become peers`,
      next: "use OpenCode 1.18 for sessions that are to be asked (npm install -g opencode-ai@1)",
    });
  }
  for (const name of ["opencode.json", "opencode.jsonc"]) {
    const file = join(configDir(env), name);
    const { plugin } = Plugins.catch({ plugin: [] }).parse(readSettings(file));
    const entry = plugin.map(String).find((listed) => /(^|[/\\])repowire(\.js)?(,|$)/.test(listed));
    if (entry === undefined) continue;
    found.push({
      found: `${file} lists "${entry.split(",")[0]}" under "plugin"; OpenCode loads the file in its plugins folder anyway, and would load it twice`,
      next: "remove that entry",
    });
  }
  if (isOn(env.OPENCODE_PURE)) {
    found.push({ found: "OPENCODE_PURE is set in this environment, so OpenCode loads no plugins", next: "unset it" });
  }
  return found;
}

/** Side commands and servers without a terminal's user; everything else is the terminal's program. */
const OTHER_COMMANDS = new Set(
  "run serve web acp mcp attach debug auth providers agent upgrade uninstall models stats export import github pr session db plugin completion".split(
    " ",
  ),
);

function isSession(args: readonly string[]): boolean {
  const words = wordsOf(args, (path) => /^\.?opencode(\.exe)?$/.test(basename(path)));
  if (!words || words.some((word) => /^(-h|--help|-v|--version)$/.test(word))) return false;
  return !OTHER_COMMANDS.has(words.find((word) => !word.startsWith("-")) ?? "");
}

export const opencode: RuntimeSetup = {
  runtime: "opencode",
  label: RUNTIMES.opencode.label,
  command: "opencode",
  howToGet:
    "OpenCode was not found: there is no `opencode` on the PATH. Install it (npm install -g opencode-ai), start it once, then run `repowire setup opencode` again.",
  removeServer: "remove it from opencode.json",
  find: (env) => findCli("opencode", env, [join(userHome(env), ".opencode", "bin")]),
  configDir,
  launchers: () => [],
  files,
  notices,
  sessions: (env) => sessionsByProcess(env, configDir, isSession),
};
