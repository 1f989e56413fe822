import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * What a throw-away home must hold so that the real Gemini CLI starts without asking, and what of it a test reads. The key is no
 * credential. Test fixtures only: never written for a user, whose folders are trusted by themselves alone.
 */
export interface GeminiHome {
  home: string;
  /** The folders that its user trusts. */
  trusted: string[];
  /** The hook's command, to which the runtime and the event are added. */
  hook?: string;
  hookEvents?: readonly string[];
  /** The command of the tools server. */
  mcp?: string;
  /** Shell commands run without asking. */
  allowShell?: boolean;
  /** Asks its user when a model repeats itself, as the CLI does by default. */
  detectsLoops?: boolean;
}

const OUR_TOOLS = ["ask_peer", "reply", "notify_peer", "broadcast", "list_peers", "set_description", "whoami", "inbox"];

export function seedGeminiHome(options: GeminiHome): void {
  const folder = join(options.home, ".gemini");
  mkdirSync(join(folder, "policies"), { recursive: true });
  const write = (name: string, value: unknown) => writeFileSync(join(folder, name), JSON.stringify(value, null, 1));
  write("settings.json", {
    security: { auth: { selectedType: "gemini-api-key" } },
    general: { enableAutoUpdate: false, enableAutoUpdateNotification: false },
    privacy: { usageStatisticsEnabled: false },
    telemetry: { enabled: false },
    ui: { hideBanner: true, hideTips: true },
    // A scripted model that repeats itself would be taken for a broken one, and a dialog would open.
    model: { disableLoopDetection: !options.detectsLoops },
    ...(options.mcp ? { mcpServers: { repowire: { command: options.mcp, args: ["gemini"], timeout: 600_000 } } } : {}),
    ...(options.hook
      ? {
          hooks: Object.fromEntries(
            (options.hookEvents ?? []).map((event) => [
              event,
              [
                {
                  hooks: [
                    { type: "command", name: "repowire", command: `${options.hook} gemini ${event}`, timeout: 10_000 },
                  ],
                },
              ],
            ]),
          ),
        }
      : {}),
  });
  write("trustedFolders.json", Object.fromEntries(options.trusted.map((path) => [path, "TRUST_FOLDER"])));
  const rules: string[] = [];
  if (options.mcp)
    rules.push(
      `[[rule]]\ntoolName = ${JSON.stringify(OUR_TOOLS.map((tool) => `mcp_repowire_${tool}`))}\ndecision = "allow"\npriority = 200\n`,
    );
  if (options.allowShell) rules.push('[[rule]]\ntoolName = "run_shell_command"\ndecision = "allow"\npriority = 200\n');
  writeFileSync(join(folder, "policies", "test.toml"), rules.join("\n"));
}

export function geminiEnv(options: { home: string; apiUrl: string }): Record<string, string> {
  return {
    PATH: process.env.PATH ?? "",
    HOME: options.home,
    SHELL: "/bin/sh",
    GEMINI_CLI_HOME: options.home,
    GEMINI_API_KEY: "key-that-opens-nothing",
    GOOGLE_GEMINI_BASE_URL: options.apiUrl,
    NO_PROXY: "127.0.0.1,localhost",
    TERM: "tmux-256color",
    COLORTERM: "truecolor",
  };
}

/** Every message that was ever appended to a home's transcripts, in order, each at its newest state; read by nobody's code but this. */
export function geminiMessages(home: string): Record<string, unknown>[] {
  const root = join(home, ".gemini", "tmp");
  if (!existsSync(root)) return [];
  const files = readdirSync(root)
    .map((project) => join(root, project, "chats"))
    .filter((chats) => existsSync(chats))
    .flatMap((chats) => readdirSync(chats).map((name) => join(chats, name)))
    .filter((file) => file.endsWith(".jsonl"))
    .sort();
  const messages = new Map<string, Record<string, unknown>>();
  for (const line of files.flatMap((file) => readFileSync(file, "utf8").split("\n"))) {
    if (line === "") continue;
    try {
      const entry = JSON.parse(line);
      if (entry.type && entry.id) messages.set(entry.id, entry);
    } catch {
      // A line that is just being written.
    }
  }
  return [...messages.values()];
}
