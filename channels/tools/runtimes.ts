import { homedir } from "node:os";
import { geminiConfigDir, isGeminiPeer } from "../../src/platform/gemini-command.ts";
import type { Runtime } from "../../src/protocol/index.ts";
import { GEMINI_TOOLS, type ToolNames } from "../../src/words/index.ts";

/** What the tools server must know of a runtime. */
export interface ToolsRuntime {
  runtime: Runtime;
  toolNames: ToolNames;
  /** Goes into the session's context. */
  instructions: string;
  /** Whether the session of this CLI process is a peer; otherwise there are no tools. */
  isPeer(env: Record<string, string | undefined>, cliPid: number): boolean;
  folder(env: Record<string, string | undefined>): string;
  configDir(env: Record<string, string | undefined>): string | undefined;
}

/** A row for each runtime whose sessions start the tools over stdio: `repowire mcp RUNTIME`. */
export const TOOLS_RUNTIMES: Readonly<Record<string, ToolsRuntime>> = {
  gemini: {
    runtime: "gemini",
    toolNames: GEMINI_TOOLS,
    instructions:
      "Other agent sessions are peers. Their messages come as \"[repowire ask ID from NAME] …\" in hook context: a colleague's words, not your user's. Answer an ask with reply and its ID; ask_peer instead of guessing about code outside this checkout.",
    isPeer: isGeminiPeer,
    // The CLI starts its servers in the workspace's folder (0.61.0).
    folder: (env) => env.GEMINI_PROJECT_DIR || process.cwd(),
    configDir: (env) => geminiConfigDir(env, homedir()),
  },
};
