import { Database } from "bun:sqlite";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PLUGINS } from "../../src/platform/program.ts";
import { VERSION } from "../../src/protocol/index.ts";
import { pluginText } from "../../src/setup/opencode-plugin.ts";
import type { ToolNames } from "./model-script.ts";

/** What a throw-away HOME must hold so that the real OpenCode starts on a scripted model, and what of it a test reads. */

export const OPENCODE_TOOL_NAMES: ToolNames = {
  ours: (tool) => `repowire_${tool}`,
  shell: (command) => ({ call: "bash", input: { command, description: "scripted" } }),
};

export interface OpenCodeHome {
  home: string;
  apiUrl: string;
  /** Where the built plugins are; absent: OpenCode without repowire. */
  bundles?: string;
  repowireHome: string;
  permission: Record<string, unknown>;
  /** Without it nothing tells which session is on the screen. */
  withScreen: boolean;
}

export function seedOpenCodeHome(options: OpenCodeHome): void {
  const config = join(options.home, ".config", "opencode");
  mkdirSync(join(config, "plugins"), { recursive: true });
  const model = { tool_call: true, limit: { context: 100_000, output: 8_000 } };
  writeFileSync(
    join(config, "opencode.json"),
    JSON.stringify({
      autoupdate: false,
      share: "disabled",
      model: "lab/one",
      small_model: "lab/small",
      enabled_providers: ["lab"],
      permission: options.permission,
      provider: {
        lab: {
          npm: "@ai-sdk/openai-compatible",
          options: { baseURL: options.apiUrl, apiKey: "opens-nothing" },
          models: { one: model, two: model, small: {} },
        },
      },
    }),
  );
  if (!options.bundles) return;
  const bundle = readFileSync(join(options.bundles, PLUGINS["plugin-opencode"].bundle), "utf8");
  writeFileSync(join(config, "plugins", "repowire.js"), pluginText(bundle, options.repowireHome, VERSION));
  const screen = options.withScreen ? [join(options.bundles, PLUGINS["plugin-opencode-tui"].bundle)] : [];
  writeFileSync(join(config, "tui.json"), JSON.stringify({ plugin: screen }));
}

export function openCodeEnv(home: string): Record<string, string> {
  return {
    PATH: process.env.PATH ?? "",
    HOME: home,
    USER: "tester",
    SHELL: "/bin/sh",
    XDG_CONFIG_HOME: join(home, ".config"),
    XDG_DATA_HOME: join(home, ".local", "share"),
    XDG_STATE_HOME: join(home, ".local", "state"),
    XDG_CACHE_HOME: join(home, ".cache"),
    OPENCODE_DISABLE_MODELS_FETCH: "1",
    OPENCODE_DISABLE_AUTOUPDATE: "1",
    OPENCODE_DISABLE_LSP_DOWNLOAD: "1",
    OPENCODE_DISABLE_TERMINAL_TITLE: "1",
    // A first start would install what no plugin here needs, and wait for it.
    npm_config_offline: "true",
    npm_config_fetch_retries: "0",
  };
}

/** One message of OpenCode's own store, with its parts. */
export interface OpenCodeMessage {
  session: string;
  info: {
    role: string;
    agent?: string;
    finish?: string;
    error?: unknown;
    model?: { providerID: string; modelID: string; variant?: string };
    time: { created: number; completed?: number };
  };
  parts: {
    type: string;
    text?: string;
    synthetic?: boolean;
    ignored?: boolean;
    metadata?: Record<string, unknown>;
    state?: { status: string; output?: string };
  }[];
}

/** Everything that is stored, oldest first; read from outside while OpenCode runs (1.18.33). */
export function openCodeMessages(home: string): OpenCodeMessage[] {
  const file = join(home, ".local", "share", "opencode", "opencode.db");
  if (!existsSync(file)) return [];
  const database = new Database(file, { readonly: true });
  try {
    const parts = database.query<{ message_id: string; data: string }, []>(
      "select message_id, data from part order by time_created, rowid",
    );
    const ofMessage = Map.groupBy(parts.all(), (row) => row.message_id);
    return database
      .query<{ id: string; session_id: string; data: string }, []>(
        "select id, session_id, data from message order by time_created, rowid",
      )
      .all()
      .map((row) => ({
        session: row.session_id,
        info: JSON.parse(row.data),
        parts: (ofMessage.get(row.id) ?? []).map((part) => JSON.parse(part.data)),
      }));
  } catch (error) {
    // It is being made at this moment.
    if (/no such table|locked|unable to open/.test(String(error))) return [];
    throw error;
  } finally {
    database.close();
  }
}
