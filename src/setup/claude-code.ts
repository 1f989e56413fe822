import { join } from "node:path";
import { z } from "zod";
import type { HomePaths } from "../platform/paths.ts";
import { shellWord } from "../platform/shell.ts";
import { ClaudeHookEvent, RUNTIMES } from "../protocol/index.ts";
import { claudeSessions } from "./claude-records.ts";
import type { FileEdits } from "./edits.ts";
import { findCli, isOn, readSettings, userHome } from "./find-cli.ts";
import { launcherPath } from "./launchers.ts";
import type { Environment, FoundCli, RuntimeSetup, SetupNotice } from "./runtime-setup.ts";
import { SERVER_NAME, TOOL_NAMES } from "./tools.ts";
import type { Edit } from "./values.ts";

/** What there is of Claude Code on this machine, and what setup adds to its configuration. */

export interface ClaudeFiles {
  configDir: string;
  /** Holds the MCP servers, among much that Claude Code itself keeps there. */
  state: string;
  settings: string;
}

/** Where Claude Code (2.1.330) keeps its configuration. */
export function claudeFiles(env: Environment): ClaudeFiles {
  const chosen = env.CLAUDE_CONFIG_DIR;
  const configDir = chosen || join(userHome(env), ".claude");
  return {
    configDir,
    state: join(chosen || userHome(env), ".claude.json"),
    settings: join(configDir, "settings.json"),
  };
}

const HOOK_SECONDS = 10;
/** Only before these a hook has something to say; MultiEdit is of older versions. */
const WRITING_TOOLS = "Edit|Write|MultiEdit|NotebookEdit";
/** A permission request waits for a person, wherever that person is. */
const PERMISSION_SECONDS = 86_400;

/** The tools by name, as Claude Code writes them in permission rules. Never a wildcard: what is added later is not allowed yet. */
const ruleOf = (tool: string): string => `mcp__${SERVER_NAME}__${tool}`;

/** Everything that setup wants in Claude Code's files. `allowTools`: whether its user agreed that the tools need no prompt. */
export function claudeEdits(paths: HomePaths, files: ClaudeFiles, options: { allowTools: boolean }): FileEdits[] {
  const channel = launcherPath(paths, "channel");
  const server: Edit = {
    kind: "key",
    part: "server",
    label: SERVER_NAME,
    path: ["mcpServers", SERVER_NAME],
    value: { type: "stdio", command: channel, args: [], env: {} },
    mark: channel,
  };
  const hooks = ClaudeHookEvent.options.map((event): Edit => {
    const command = `${shellWord(launcherPath(paths, "hook"))} ${event}`;
    const timeout = event === "PermissionRequest" ? PERMISSION_SECONDS : HOOK_SECONDS;
    return {
      kind: "hook",
      part: "hooks",
      label: event,
      path: ["hooks", event],
      value: {
        ...(event === "PreToolUse" ? { matcher: WRITING_TOOLS } : {}),
        hooks: [{ type: "command", command, timeout }],
      },
      mark: command,
    };
  });
  const tools = TOOL_NAMES.map(
    (tool): Edit => ({
      kind: "item",
      part: "tools",
      label: tool,
      path: ["permissions", "allow"],
      value: ruleOf(tool),
      isDeclined: !options.allowTools,
    }),
  );
  return [
    { file: files.state, runtime: "claude-code", edits: [server] },
    { file: files.settings, runtime: "claude-code", edits: [...hooks, ...tools] },
  ];
}

const Settings = z.object({
  env: z.record(z.string(), z.unknown()).optional().catch(undefined),
  disableAllHooks: z.boolean().optional().catch(undefined),
});
const TELEMETRY_SWITCHES = ["DISABLE_TELEMETRY", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"] as const;
/** From here on sessions have an inbox socket without any flag from the service. */
const INBOX_SINCE = "2.1.248";
/** Older versions have no channels at all. */
const CHANNELS_SINCE = "2.1.80";

/** What in the environment and the settings keeps parts of repowire from working. */
export function claudeNotices(env: Environment, files: ClaudeFiles, cli: FoundCli | undefined): SetupNotice[] {
  const settings = Settings.catch({}).parse(readSettings(files.settings));
  const notices: SetupNotice[] = [];
  if (settings.disableAllHooks) {
    notices.push({
      found: `${files.settings} has "disableAllHooks": true, so no hook runs: no receipts from hooks, no approvals from outside`,
      next: "remove that line",
    });
  }
  if (cli?.version && Bun.semver.order(cli.version, INBOX_SINCE) < 0) {
    notices.push({
      found: `Claude Code ${cli.version} gives its sessions no inbox socket, so without a channel messages wait for the next turn`,
      next: `update it to ${INBOX_SINCE} or later (claude update)`,
    });
  }
  if (cli?.version && Bun.semver.order(cli.version, CHANNELS_SINCE) < 0) {
    notices.push({
      found: `Claude Code ${cli.version} knows no channels`,
      next: "update it (claude update)",
      isAboutChannels: true,
    });
  }
  for (const name of TELEMETRY_SWITCHES) {
    const place = isOn(env[name]) ? "this environment" : isOn(settings.env?.[name]) ? files.settings : undefined;
    if (place === undefined) continue;
    notices.push({
      found: `${name} is set in ${place}, which turns channels off in Claude Code`,
      next: `unset ${name}, or use repowire without channels`,
      isAboutChannels: true,
    });
  }
  return notices;
}

export const claudeCode: RuntimeSetup = {
  runtime: "claude-code",
  label: RUNTIMES["claude-code"].label,
  command: "claude",
  howToGet:
    "Claude Code was not found: there is no `claude` on the PATH. Install it (npm install -g @anthropic-ai/claude-code), start it once, then run `repowire setup` again.",
  removeServer: `claude mcp remove ${SERVER_NAME} --scope user`,
  find: (env) =>
    findCli("claude", env, [join(userHome(env), ".local", "bin"), join(claudeFiles(env).configDir, "local")]),
  configDir: (env) => claudeFiles(env).configDir,
  launchers: ({ withChannels }) => ["hook", "channel", ...(withChannels ? (["claude"] as const) : [])],
  files: ({ paths, env, allowTools }) => claudeEdits(paths, claudeFiles(env), { allowTools }),
  notices: (env, _paths, cli) => claudeNotices(env, claudeFiles(env), cli),
  sessions: (env) => claudeSessions(claudeFiles(env).configDir),
};
