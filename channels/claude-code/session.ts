import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { claimOf } from "../../src/client/index.ts";
import type { SessionClaim } from "../../src/protocol/index.ts";

/** What this channel's process knows of the Claude Code session that started it: its parent (2.1.330 sets no CLAUDE_PID for MCP servers). */

/** `claude -p` and other headless runs are no peers, unless the user says so. */
export function isPeer(env: Record<string, string | undefined>): boolean {
  if (env.REPOWIRE_PEER === "1") return true;
  return (
    env.REPOWIRE_PEER !== "0" && (env.CLAUDE_CODE_ENTRYPOINT === undefined || env.CLAUDE_CODE_ENTRYPOINT === "cli")
  );
}

export function describeSession(env: Record<string, string | undefined>, cliPid: number): SessionClaim {
  const configDir = env.CLAUDE_CONFIG_DIR || join(env.HOME || homedir(), ".claude");
  return claimOf({
    runtime: "claude-code",
    env,
    cliPid,
    folder: env.CLAUDE_PROJECT_DIR || process.cwd(),
    configDir,
    conversation: currentConversation(configDir, cliPid) ?? env.CLAUDE_CODE_SESSION_ID,
  });
}

/**
 * The session id of this moment: `/clear` and `/resume` change it while the environment of this process keeps the first one. The
 * CLI's own record of the session follows at once (2.1.197, 2.1.330).
 */
function currentConversation(configDir: string, cliPid: number): string | undefined {
  try {
    const record: unknown = JSON.parse(readFileSync(join(configDir, "sessions", `${cliPid}.json`), "utf8"));
    return typeof record === "object" && record && "sessionId" in record && typeof record.sessionId === "string"
      ? record.sessionId
      : undefined;
  } catch {
    // Older versions keep no such record, and a session that just starts has none yet.
    return undefined;
  }
}
