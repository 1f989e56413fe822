import { accessSync, constants, existsSync, readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, isAbsolute, join } from "node:path";
import { z } from "zod";
import type { HomePaths } from "../platform/paths.ts";
import { runBriefly } from "../platform/run.ts";
import { shellWord } from "../platform/shell.ts";
import { ClaudeHookEvent, OPERATIONS, RepowireError, TOOL_OPERATIONS } from "../protocol/index.ts";
import { applyEdits, type FileEdits, type FilePlan, planEdits } from "./edits.ts";
import { launcherPath } from "./launchers.ts";
import { type Edit, EditConflict } from "./values.ts";

/** What there is of Claude Code on this machine, and what setup adds to its configuration. */

type Environment = Record<string, string | undefined>;

export interface ClaudeCli {
  path: string;
  /** Undefined when it did not say one. */
  version?: string;
}

export interface ClaudeFiles {
  configDir: string;
  /** Holds the MCP servers, among much that Claude Code itself keeps there. */
  state: string;
  settings: string;
}

const userHome = (env: Environment): string => env.HOME || homedir();

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

const VERSION_MS = 10_000;

/** Finds `claude` as the user's shell would, and where its own installers put it. Relative parts of PATH are not looked at. */
export async function findClaude(env: Environment): Promise<ClaudeCli | undefined> {
  const folders = (env.PATH ?? "").split(delimiter).filter((folder) => isAbsolute(folder));
  const known = [join(userHome(env), ".local", "bin"), join(claudeFiles(env).configDir, "local")];
  const path = [...folders, ...known].map((folder) => join(folder, "claude")).find(isProgram);
  return path === undefined ? undefined : { path, version: await versionOf(path, env) };
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    // Not there, or not to be run.
    return false;
  }
}

async function versionOf(path: string, env: Environment): Promise<string | undefined> {
  try {
    // Not in the current folder, whose settings Claude Code would read.
    const result = await runBriefly([path, "--version"], { cwd: "/", env, timeoutMs: VERSION_MS });
    return result?.code === 0 ? result.out.match(/\d+\.\d+\.\d+/)?.[0] : undefined;
  } catch {
    // It cannot be started; the caller says that it gave no version.
    return undefined;
  }
}

export const HOW_TO_GET_CLAUDE =
  "Claude Code was not found: there is no `claude` on the PATH. Install it (npm install -g @anthropic-ai/claude-code), start it once, then run `repowire setup` again.";

export const SERVER_NAME = "repowire";
const HOOK_SECONDS = 10;
/** A permission request waits for a person, wherever that person is. */
const PERMISSION_SECONDS = 86_400;

/** The tools by name, as Claude Code writes them in permission rules. Never a wildcard: what is added later is not allowed yet. */
export const ALLOWED_TOOLS: readonly string[] = TOOL_OPERATIONS.map(
  (operation) => `mcp__${SERVER_NAME}__${OPERATIONS[operation].tool.name}`,
);

/** Everything that setup wants in Claude Code's files. `allowTools`: whether its user agreed that the tools need no prompt. */
export function claudeEdits(paths: HomePaths, files: ClaudeFiles, options: { allowTools: boolean }): FileEdits[] {
  const channel = launcherPath(paths, "channel");
  const server: Edit = {
    kind: "key",
    path: ["mcpServers", SERVER_NAME],
    value: { type: "stdio", command: channel, args: [], env: {} },
    mark: channel,
  };
  const hooks = ClaudeHookEvent.options.map((event): Edit => {
    const command = `${shellWord(launcherPath(paths, "hook"))} ${event}`;
    const timeout = event === "PermissionRequest" ? PERMISSION_SECONDS : HOOK_SECONDS;
    return {
      kind: "hook",
      path: ["hooks", event],
      value: { hooks: [{ type: "command", command, timeout }] },
      mark: command,
    };
  });
  const tools = ALLOWED_TOOLS.map(
    (tool): Edit => ({
      kind: "item",
      path: ["permissions", "allow"],
      value: tool,
      isDeclined: !options.allowTools,
    }),
  );
  return [
    { file: files.state, edits: [server] },
    { file: files.settings, edits: [...hooks, ...tools] },
  ];
}

/** Plans the edits of all files, or refuses with what stands in the way of one of them. Writes nothing. */
export function planClaude(paths: HomePaths, wanted: readonly FileEdits[]): FilePlan[] {
  return wanted.map((edits) => inWords(edits.file, () => planEdits(paths, edits)));
}

export function applyClaude(paths: HomePaths, edits: FileEdits): FilePlan {
  return inWords(edits.file, () => applyEdits(paths, edits));
}

function inWords(file: string, work: () => FilePlan): FilePlan {
  try {
    return work();
  } catch (error) {
    if (error instanceof EditConflict) throw conflict(file, error.value);
    throw error;
  }
}

const StartsCommand = z.object({ command: z.string(), args: z.array(z.string()).catch([]) });
const OTHER_HOME = /^(.+)\/bin\/repowire-channel$/;

function conflict(file: string, value: unknown): RepowireError {
  const found = StartsCommand.safeParse(value).data;
  const home = found?.command.match(OTHER_HOME)?.[1];
  const what = found ? `it starts \`${[found.command, ...found.args].join(" ")}\`` : "it starts no command";
  const next = home
    ? `That is the repowire of another home: run \`REPOWIRE_HOME=${shellWord(home)} repowire uninstall\` first`
    : `Rename or remove it (claude mcp remove ${SERVER_NAME} --scope user)`;
  return new RepowireError(
    "name_taken",
    `${file} already has an MCP server named "${SERVER_NAME}" that is not this one: ${what}. ${next}, then run \`repowire setup\` again. Nothing was changed.`,
  );
}

export interface ClaudeNotice {
  /** What was found. */
  found: string;
  /** What to do about it. */
  next: string;
  /** Matters only for sessions with channels. */
  isAboutChannels: boolean;
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
export function claudeNotices(env: Environment, files: ClaudeFiles, cli: ClaudeCli | undefined): ClaudeNotice[] {
  const settings = readSettings(files.settings);
  const notices: ClaudeNotice[] = [];
  if (settings.disableAllHooks) {
    notices.push({
      found: `${files.settings} has "disableAllHooks": true, so no hook runs: no receipts from hooks, no approvals from outside`,
      next: "remove that line",
      isAboutChannels: false,
    });
  }
  if (cli?.version && Bun.semver.order(cli.version, INBOX_SINCE) < 0) {
    notices.push({
      found: `Claude Code ${cli.version} gives its sessions no inbox socket, so without a channel messages wait for the next turn`,
      next: `update it to ${INBOX_SINCE} or later (claude update)`,
      isAboutChannels: false,
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

const isOn = (value: unknown): boolean => !["", "0", "false", "no", "off", undefined].includes(readSwitch(value));

const readSwitch = (value: unknown): string | undefined =>
  value === undefined || value === null ? undefined : String(value).toLowerCase();

/** The two settings that matter here; a file that cannot be read has none, and planning the edits says why. */
function readSettings(file: string): z.infer<typeof Settings> {
  if (!existsSync(file)) return {};
  try {
    return Settings.catch({}).parse(Bun.JSONC.parse(readFileSync(file, "utf8")));
  } catch {
    return {};
  }
}
