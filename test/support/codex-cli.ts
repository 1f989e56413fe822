import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { processArgs, processInfo } from "../../src/platform/process.ts";
import { CODEX_HOOK_TIMEOUTS } from "../../src/setup/codex.ts";

/** What a throw-away CODEX_HOME must hold so that the real Codex starts without asking, and what of it a test reads. */

export interface CodexSeed {
  codexHome: string;
  apiUrl: string;
  /** What setup writes; absent: nothing of ours is there. */
  ours?: {
    /** The address of our tools and the header that opens them. */
    mcpUrl: string;
    authorization: string;
    /** Words of a shell command; the event follows. */
    hook: string;
  };
  /** Without Codex's shared server, each terminal runs its own agent. */
  embedded?: boolean;
}

const OUR_TOOLS = ["ask_peer", "reply", "notify_peer", "broadcast", "list_peers", "set_description", "whoami", "inbox"];

export function seedCodexHome(seed: CodexSeed): void {
  mkdirSync(seed.codexHome, { recursive: true });
  writeFileSync(
    join(seed.codexHome, "config.toml"),
    `model = "gpt-5.1-codex"
model_provider = "scripted"
check_for_update_on_startup = false
[model_providers.scripted]
name = "scripted"
base_url = "${seed.apiUrl}/v1"
wire_api = "responses"
env_key = "SCRIPTED_KEY"
[features]
daemon_auto_start = ${seed.embedded ? "false" : "true"}
[analytics]
enabled = false
${seed.ours ? toolsTable(seed.ours) : ""}`,
  );
  if (!seed.ours) return;
  const { hook } = seed.ours;
  const hooks = Object.fromEntries(
    Object.entries(CODEX_HOOK_TIMEOUTS).map(([event, timeout]) => [
      event,
      [{ hooks: [{ type: "command", command: `${hook} codex ${event}`, timeout }] }],
    ]),
  );
  writeFileSync(join(seed.codexHome, "hooks.json"), JSON.stringify({ hooks }, null, 2));
}

const toolsTable = ({ mcpUrl, authorization }: NonNullable<CodexSeed["ours"]>): string => `[mcp_servers.repowire]
url = "${mcpUrl}"
http_headers = { Authorization = "${authorization}" }
default_tools_approval_mode = "prompt"
${OUR_TOOLS.map((tool) => `[mcp_servers.repowire.tools.${tool}]\napproval_mode = "approve"`).join("\n")}
`;

/** Adds what Codex would ask for at its first start in a folder. */
export function trustFolder(codexHome: string, folder: string): void {
  const file = join(codexHome, "config.toml");
  const text = readFileSync(file, "utf8");
  const table = `[projects.${JSON.stringify(folder)}]`;
  if (!text.includes(table)) writeFileSync(file, `${text}\n${table}\ntrust_level = "trusted"\n`);
}

export function codexEnv(home: string): Record<string, string> {
  return {
    PATH: process.env.PATH ?? "",
    HOME: home,
    USER: "tester",
    SHELL: "/bin/sh",
    SCRIPTED_KEY: "dummy",
    NO_PROXY: "127.0.0.1,localhost",
  };
}

/** The lines of every rollout of this folder, oldest file first, read by nobody's code but this. */
export function rolloutLines(codexHome: string, folder: string): Record<string, unknown>[][] {
  return rolloutFiles(join(codexHome, "sessions"))
    .sort()
    .map((file) =>
      readFileSync(file, "utf8")
        .split("\n")
        .filter(Boolean)
        .flatMap((line) => parse(line)),
    )
    .filter((lines) => (lines[0]?.payload as { cwd?: string } | undefined)?.cwd === folder);
}

function parse(line: string): Record<string, unknown>[] {
  try {
    return [JSON.parse(line)];
  } catch {
    // The last line may be half written.
    return [];
  }
}

function rolloutFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => /rollout-.*\.jsonl$/.test(name))
    .map((name) => join(folder, name));
}

/** Codex's shared server and its updater outlive every terminal: ends both, by the pids that Codex wrote down for them. */
export async function endCodexServer(codexHome: string): Promise<void> {
  const folder = join(codexHome, "app-server-daemon");
  const socket = join(codexHome, "app-server-control", "app-server-control.sock");
  for (const name of ["daemon-updater.pid", "daemon.pid"]) {
    const pid = pidIn(join(folder, name));
    if (pid === undefined || !processArgs(pid).some((arg) => arg.startsWith(`${codexHome}/`))) continue;
    process.kill(pid, "SIGTERM");
    for (let tries = 0; tries < 50 && processInfo(pid); tries++) await Bun.sleep(100);
    if (processInfo(pid)) process.kill(pid, "SIGKILL");
  }
  try {
    rmSync(readlinkSync(socket), { force: true });
  } catch {
    // No server ever ran here.
  }
}

function pidIn(file: string): number | undefined {
  if (!existsSync(file)) return undefined;
  const pid = Number(readFileSync(file, "utf8").match(/\d+/)?.[0]);
  return pid > 1 ? pid : undefined;
}
