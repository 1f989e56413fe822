import { existsSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** The version that the scenes are written for; another one by REPOWIRE_CLAUDE_VERSION. */
export const CLAUDE_VERSION = process.env.REPOWIRE_CLAUDE_VERSION || "2.1.330";

/** Installs the real CLI from npm into a cache outside the repository, once, and returns its binary. */
export function installClaude(): string {
  const cache = process.env.REPOWIRE_AGENT_CACHE || join(homedir(), ".cache", "repowire-agents");
  const folder = join(cache, `claude-code-${CLAUDE_VERSION}`);
  const binary = join(folder, "node_modules", ".bin", "claude");
  if (!existsSync(binary)) {
    mkdirSync(folder, { recursive: true });
    const result = Bun.spawnSync(
      ["npm", "install", "--no-audit", "--no-fund", "--prefix", folder, `@anthropic-ai/claude-code@${CLAUDE_VERSION}`],
      { stdout: "inherit", stderr: "inherit" },
    );
    if (result.exitCode !== 0) throw new Error("Claude Code could not be installed from npm");
  }
  return binary;
}
