import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import type { HomePaths } from "../platform/paths.ts";
import { shellWord } from "../platform/shell.ts";
import { readToken } from "../platform/token.ts";
import { RepowireError, RUNTIMES } from "../protocol/index.ts";
import { isRecorded, recordCliEdits } from "./cli-edits.ts";
import { CODEX_HOOK_TIMEOUTS, codexAuthorization, trustHooks } from "./codex.ts";
import { findCli, userHome } from "./find-cli.ts";
import { launcherPath } from "./launchers.ts";
import type {
  CliStep,
  Environment,
  FoundCli,
  RuntimeSetup,
  SetupContext,
  SetupNotice,
  WantedFile,
} from "./runtime-setup.ts";
import { sessionsByProcess, wordsOf } from "./sessions.ts";
import { findToml, parseTomlText } from "./toml-text.ts";
import { SERVER_NAME, TOOL_NAMES } from "./tools.ts";
import type { Edit } from "./values.ts";

/** What there is of Codex on this machine, and what setup adds to its configuration (seen with 0.169.0). */

const configDir = (env: Environment): string => env.CODEX_HOME || join(userHome(env), ".codex");
const configFile = (env: Environment): string => join(configDir(env), "config.toml");
const hooksFile = (env: Environment): string => join(configDir(env), "hooks.json");

/** Codex cuts a call after 300 s unless told otherwise, and nothing extends it. */
const CALL_SECONDS = 3_600;

type HookEvent = keyof typeof CODEX_HOOK_TIMEOUTS;
// Object.keys forgets the keys' type.
const HOOK_EVENTS = Object.keys(CODEX_HOOK_TIMEOUTS) as HookEvent[];

const hookCommand = (paths: HomePaths, event: HookEvent): string =>
  `${shellWord(launcherPath(paths, "hook"))} codex ${event}`;

/** For plans before the first setup, which are never written. */
const NO_TOKEN_YET = "none";

function files({ paths, env, allowTools, port }: SetupContext): WantedFile[] {
  if (port === 0) {
    throw new RepowireError(
      "invalid_input",
      "Codex finds repowire by its port, and `port: 0` means another one at every start. Choose a fixed one in config.yaml, then run `repowire setup codex` again.",
    );
  }
  const authorization = codexAuthorization(readToken(paths.home) ?? NO_TOKEN_YET);
  const url = `http://127.0.0.1:${port}/mcp`;
  const server: Edit = {
    kind: "key",
    part: "server",
    label: SERVER_NAME,
    path: ["mcp_servers", SERVER_NAME],
    value: {
      url,
      http_headers: { Authorization: authorization },
      default_tools_approval_mode: "prompt",
      tool_timeout_sec: CALL_SECONDS,
    },
    mark: authorization,
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
  const hooks = HOOK_EVENTS.map((event): Edit => {
    const command = hookCommand(paths, event);
    return {
      kind: "hook",
      part: "hooks",
      label: event,
      path: ["hooks", event],
      value: { hooks: [{ type: "command", command, timeout: CODEX_HOOK_TIMEOUTS[event] }] },
      mark: command,
    };
  });
  return [
    { file: configFile(env), runtime: "codex", edits: [server, ...tools] },
    { file: hooksFile(env), runtime: "codex", edits: hooks },
  ];
}

/** The first with a queue that others may add to (0.148.0 has none). */
const QUEUE_SINCE = "0.149.0";

function notices(env: Environment, _paths: HomePaths, cli: FoundCli | undefined): SetupNotice[] {
  const file = configFile(env);
  const found: SetupNotice[] = [];
  if (cli?.version && Bun.semver.order(cli.version, QUEUE_SINCE) < 0) {
    found.push({
      found: `Codex ${cli.version} has no queue that others may add to, so nothing can be handed to its sessions`,
      next: `update it to ${QUEUE_SINCE} or later (npm install -g @openai/codex)`,
    });
  }
  if (readToml(file, ["features", "hooks"]) === false) {
    found.push({
      found: `${file} has "hooks = false" under [features], so Codex runs no hooks: receipts are incomplete`,
      next: "remove that line",
    });
  }
  if (existsSync(file) && (statSync(file).mode & 0o077) !== 0) {
    found.push({
      found: `other users of this machine may read ${file}, which holds the key to repowire's tools`,
      next: `chmod 600 ${shellWord(file)}`,
    });
  }
  return found;
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

const STATE = ["hooks", "state"];

/** Codex runs a hook only after its user has agreed to it. Setup has shown these hooks; Codex itself notes down the consent. */
const trust: CliStep = {
  what: `trust for these ${HOOK_EVENTS.length} hooks, through Codex's own program`,
  question: "Have Codex trust these hooks now? It runs none that nobody has agreed to.",
  otherwise: "start `codex` once and trust them in the dialog that it opens",
  isDone: ({ paths, env }) =>
    isRecorded(paths, { file: configFile(env), table: STATE, count: HOOK_EVENTS.length, since: hooksFile(env) }),
  async take({ paths, env }, cli) {
    const commands = new Set(HOOK_EVENTS.map((event) => hookCommand(paths, event)));
    const program = { command: cli.path, codexHome: configDir(env), folder: paths.home, env: { ...env } };
    const { untrusted } = await recordCliEdits(
      paths,
      { file: configFile(env), runtime: "codex", table: STATE },
      async () => {
        const result = await trustHooks({ ...program, isOurs: (command) => commands.has(command) });
        return { keys: result.trusted, result };
      },
    );
    if (untrusted.length === 0) return;
    throw new RepowireError(
      "unavailable",
      `Codex did not take the trust for ${untrusted.length} of its hooks. Next: ${trust.otherwise}.`,
    );
  },
};

export const codex: RuntimeSetup = {
  runtime: "codex",
  label: RUNTIMES.codex.label,
  command: "codex",
  howToGet:
    "Codex was not found: there is no `codex` on the PATH. Install it (npm install -g @openai/codex), start it once, then run `repowire setup codex` again.",
  removeServer: `codex mcp remove ${SERVER_NAME}`,
  find: (env) => findCli("codex", env, []),
  configDir,
  launchers: () => ["hook"],
  files,
  notices,
  sessions: (env) => sessionsByProcess(env, configDir, isSession),
  step: trust,
};
