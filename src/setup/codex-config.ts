import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { shellWord } from "../platform/shell.ts";
import { RepowireError } from "../protocol/index.ts";
import { codexCredential } from "./codex-credential.ts";
import { codexTrust } from "./codex-trust.ts";
import { findCli, userHome } from "./find-cli.ts";
import { launcherPath } from "./launchers.ts";
import type { Environment, RuntimeSetup, SetupContext, SetupNotice, WantedFile } from "./runtime-setup.ts";
import { sessionsByProcess, wordsOf } from "./sessions.ts";
import { findToml, isTable, parseTomlText } from "./toml-text.ts";
import { SERVER_NAME, TOOL_NAMES } from "./tools.ts";
import type { Edit } from "./values.ts";

/** What there is of Codex on this machine, and what setup adds to its configuration (seen with 0.169.0). */

const configDir = (env: Environment): string => env.CODEX_HOME || join(userHome(env), ".codex");
const configFile = (env: Environment): string => join(configDir(env), "config.toml");
export const codexHooksFile = (env: Environment): string => join(configDir(env), "hooks.json");

/** Codex cuts a call after 300 s unless told otherwise, and nothing extends it. */
const CALL_SECONDS = 3_600;
const HOOK_SECONDS = 10;
/** More than that is clamped, with a warning at every start. */
const LAST_HOOK_SECONDS = 3;

export const CODEX_HOOK_EVENTS = [
  "SessionStart",
  "UserPromptSubmit",
  "PermissionRequest",
  "PostToolUse",
  "Stop",
  "Interrupt",
  "SessionEnd",
] as const;

export const codexHookCommand = ({ paths }: Pick<SetupContext, "paths">, event: string): string =>
  `${shellWord(launcherPath(paths, "hook"))} codex ${event}`;

function files(context: SetupContext): WantedFile[] {
  const { paths, env, allowTools, port } = context;
  if (port === 0) {
    throw new RepowireError(
      "invalid_input",
      "Codex finds repowire by its port, and `port: 0` means another one at every start. Choose a fixed one in config.yaml, then run `repowire setup codex` again.",
    );
  }
  const url = `http://127.0.0.1:${port}/mcp`;
  const server: Edit = {
    kind: "key",
    part: "server",
    label: SERVER_NAME,
    path: ["mcp_servers", SERVER_NAME],
    value: {
      url,
      http_headers: { Authorization: `Bearer ${codexCredential(paths)}` },
      default_tools_approval_mode: "prompt",
      tool_timeout_sec: CALL_SECONDS,
    },
    mark: url,
  };
  const tools = TOOL_NAMES.map(
    (tool): Edit => ({
      kind: "key",
      part: "tools",
      label: tool,
      path: ["mcp_servers", SERVER_NAME, "tools", tool],
      value: { approval_mode: "approve" },
      isDeclined: !allowTools,
    }),
  );
  const hooks = CODEX_HOOK_EVENTS.map((event): Edit => {
    const command = codexHookCommand(context, event);
    const timeout = event === "SessionEnd" || event === "Interrupt" ? LAST_HOOK_SECONDS : HOOK_SECONDS;
    return {
      kind: "hook",
      part: "hooks",
      label: event,
      path: ["hooks", event],
      value: { hooks: [{ type: "command", command, timeout }] },
      mark: command,
    };
  });
  return [
    { file: configFile(env), runtime: "codex", edits: [server, ...tools] },
    { file: codexHooksFile(env), runtime: "codex", edits: hooks },
  ];
}

function notices(env: Environment): SetupNotice[] {
  const file = configFile(env);
  if (readToml(file, ["features", "hooks"]) !== false) return [];
  return [
    {
      found: `${file} has "hooks = false" under [features], so Codex runs no hooks: receipts are incomplete`,
      next: "remove that line",
    },
  ];
}

/** A file that cannot be read has no values; planning the edits says why. */
function readToml(file: string, path: readonly string[]): unknown {
  try {
    return existsSync(file) ? findToml(parseTomlText(readFileSync(file, "utf8")), path) : undefined;
  } catch {
    return undefined;
  }
}

const OTHER_COMMANDS = new Set(
  "exec e review login logout mcp mcp-server app-server app exec-server plugin completion sandbox debug apply a cloud features update queue archive unarchive delete doctor proxy responses-api-proxy stdio-to-uds execpolicy help".split(
    " ",
  ),
);

function isSession(args: readonly string[]): boolean {
  const words = wordsOf(args, (path) => /^codex(\.js)?$/.test(basename(path)));
  if (!words || words.some((word) => /^(-h|--help|-V|--version)$/.test(word))) return false;
  return !words.some((word) => OTHER_COMMANDS.has(word));
}

export const codex: RuntimeSetup = {
  runtime: "codex",
  label: "Codex",
  command: "codex",
  howToGet:
    "Codex was not found: there is no `codex` on the PATH. Install it (npm install -g @openai/codex), start it once, then run `repowire setup codex` again.",
  removeServer: `codex mcp remove ${SERVER_NAME}`,
  find: (env) => findCli("codex", env, []),
  configDir,
  launchers: () => ["hook"],
  files,
  notices,
  sessions: () => sessionsByProcess(isSession),
  step: codexTrust({ configFile, isTrustTable: isTable }),
};
