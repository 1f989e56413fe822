import { basename, dirname, join } from "node:path";
import { z } from "zod";
import type { HomePaths } from "../platform/paths.ts";
import { shellWord } from "../platform/shell.ts";
import { GeminiHookEvent, VERSION } from "../protocol/index.ts";
import { findCli, readSettings, userHome } from "./find-cli.ts";
import { launcherPath } from "./launchers.ts";
import type { OwnFile } from "./own-file.ts";
import type { Environment, OpenSession, RuntimeSetup, SetupContext, SetupNotice, WantedFile } from "./runtime-setup.ts";
import { sessionsByProcess, wordsOf } from "./sessions.ts";
import { SERVER_NAME, TOOL_NAMES } from "./tools.ts";
import type { Edit } from "./values.ts";

/** What there is of Gemini CLI on this machine, and what setup adds to its configuration (seen with 0.61.0). */

const configDir = (env: Environment): string => join(env.GEMINI_CLI_HOME || userHome(env), ".gemini");
const settingsFile = (env: Environment): string => join(configDir(env), "settings.json");

/** A call that waits for an answer must outlast it; progress does not extend the limit. Milliseconds. */
const CALL_MS = 600_000;
/** Gemini waits for each hook, and a dialog for the one before it. Milliseconds. */
const HOOK_MS = 10_000;

function files({ paths, env, allowTools }: SetupContext): WantedFile[] {
  const command = launcherPath(paths, "mcp");
  const server: Edit = {
    kind: "key",
    part: "server",
    label: SERVER_NAME,
    path: ["mcpServers", SERVER_NAME],
    value: { command, args: ["gemini"], timeout: CALL_MS },
    mark: command,
  };
  const hooks = GeminiHookEvent.options.map((event): Edit => {
    const command = `${shellWord(launcherPath(paths, "hook"))} gemini ${event}`;
    return {
      kind: "hook",
      part: "hooks",
      label: event,
      path: ["hooks", event],
      value: { hooks: [{ type: "command", name: SERVER_NAME, command, timeout: HOOK_MS }] },
      mark: command,
    };
  });
  const policy: OwnFile = {
    file: join(configDir(env), "policies", "repowire.toml"),
    runtime: "gemini",
    part: "tools",
    what: `permission for ${TOOL_NAMES.length} tools`,
    content: policyText(paths),
    homeOf: policyHome,
    isDeclined: !allowTools,
  };
  return [{ file: settingsFile(env), runtime: "gemini", edits: [server, ...hooks] }, policy];
}

/** Bare names beside `mcpName` make Gemini warn at every start where one is close to a tool of its own (0.61.0). */
const policyText = (
  paths: HomePaths,
): string => `# repowire ${VERSION}: written by \`repowire setup\`, removed by \`repowire uninstall\`
# home: ${JSON.stringify(paths.home)}
# These tools of repowire's run without a question each time. Its others (spawn, kill, approve) always ask.
[[rule]]
toolName = ${JSON.stringify(TOOL_NAMES.map((tool) => `mcp_${SERVER_NAME}_${tool}`))}
decision = "allow"
priority = 200
`;

function policyHome(text: string): string | undefined {
  const home = text.match(/^# repowire \S+: written by `repowire setup`.*\n# home: (".*")\n/)?.[1];
  return home === undefined ? undefined : z.string().parse(JSON.parse(home));
}

const words = z.array(z.string()).optional().catch(undefined);
const Settings = z.object({
  hooksConfig: z.object({ enabled: z.boolean().optional(), disabled: words }).optional().catch(undefined),
  mcp: z.object({ allowed: words, excluded: words }).optional().catch(undefined),
  security: z
    .object({ folderTrust: z.object({ enabled: z.boolean().optional() }).optional() })
    .optional()
    .catch(undefined),
});

const settingsOf = (env: Environment) => Settings.catch({}).parse(readSettings(settingsFile(env)));

function notices(env: Environment): SetupNotice[] {
  const { hooksConfig, mcp } = settingsOf(env);
  const file = settingsFile(env);
  const found: SetupNotice[] = [];
  if (hooksConfig?.enabled === false || hooksConfig?.disabled?.includes(SERVER_NAME)) {
    found.push({
      found: `${file} switches hooks off ("hooksConfig"), so Gemini sessions do not become peers`,
      next: "switch them on again there",
    });
  }
  const isShutOut = mcp?.excluded?.includes(SERVER_NAME) || (mcp?.allowed && !mcp.allowed.includes(SERVER_NAME));
  if (isShutOut) {
    found.push({
      found: `${file} keeps Gemini from starting the MCP server "${SERVER_NAME}" ("mcp"), so its sessions cannot ask`,
      next: `name "${SERVER_NAME}" among those that are allowed there`,
    });
  }
  if (trustsAllFolders(env)) return found;
  const general = {
    found:
      "In a folder that you have not trusted, Gemini runs neither hooks nor MCP servers: sessions there stay invisible",
    next: "trust the folders that you work in when Gemini asks; setup never does that for you",
    isGeneral: true,
  };
  return [...found, general];
}

const trustsAllFolders = (env: Environment): boolean => settingsOf(env).security?.folderTrust?.enabled === false;

const Trusted = z.record(z.string(), z.unknown()).catch({});

/** By Gemini's own list; a decision about a folder counts for those inside it. */
function isTrusted(env: Environment, folder: string): boolean {
  if (trustsAllFolders(env)) return true;
  const list = Trusted.parse(readSettings(join(configDir(env), "trustedFolders.json")));
  for (let at = folder; ; at = dirname(at)) {
    if (list[at] !== undefined) return list[at] !== "DO_NOT_TRUST";
    // "Trust parent" is kept under the name of the folder below.
    if (at === dirname(at))
      return Object.entries(list).some(
        ([path, how]) => how === "TRUST_PARENT" && `${folder}/`.startsWith(`${dirname(path)}/`),
      );
  }
}

function whyNoPeer(env: Environment, { cwd }: OpenSession): SetupNotice | undefined {
  if (cwd === undefined || isTrusted(env, cwd)) return undefined;
  return {
    found: `Gemini does not trust ${cwd}, so it runs neither hooks nor MCP servers there`,
    next: "trust that folder in Gemini (/permissions), if you do",
  };
}

const OTHER_COMMANDS = new Set(["mcp", "extensions", "extension", "hooks", "hook", "skills", "skill", "gemma"]);

/** `-p` and ACP have no user at a terminal. */
const HEADLESS =
  /^(-p|--prompt(=.*)?|--acp|--experimental-acp|-h|--help|-v|--version|--list-sessions|-l|--list-extensions)$/;

function isSession(args: readonly string[]): boolean {
  const rest = wordsOf(args, isGemini);
  return rest !== undefined && !rest.some((word) => HEADLESS.test(word)) && !OTHER_COMMANDS.has(rest[0] ?? "");
}

const isGemini = (path: string): boolean => basename(path) === "gemini" || /\/gemini-cli\/.*\.(js|mjs)$/.test(path);

export const gemini: RuntimeSetup = {
  runtime: "gemini",
  label: "Gemini CLI",
  command: "gemini",
  howToGet:
    "Gemini CLI was not found: there is no `gemini` on the PATH. Install it (npm install -g @google/gemini-cli), start it once, then run `repowire setup gemini` again.",
  removeServer: `gemini mcp remove --scope user ${SERVER_NAME}`,
  find: (env) => findCli("gemini", env, []),
  configDir,
  launchers: () => ["hook", "mcp"],
  files,
  notices,
  sessions: (env) => sessionsByProcess(env, configDir, isSession),
  whyNoPeer,
};
