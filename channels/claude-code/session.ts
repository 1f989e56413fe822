import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { readCheckout, realPath } from "../../src/platform/checkout.ts";
import { instanceOf } from "../../src/platform/process.ts";
import { readProjectFile } from "../../src/platform/project-file.ts";
import { CircleName, PeerName, RepowireError, type SessionClaim } from "../../src/protocol/index.ts";

/** What this channel's process knows of the Claude Code session that started it: its parent (2.1.330 sets no CLAUDE_PID for MCP servers). */

/** `claude -p` and other headless runs are no peers, unless the user says so. */
export function isPeer(env: Record<string, string | undefined>): boolean {
  if (env.REPOWIRE_PEER === "1") return true;
  return (
    env.REPOWIRE_PEER !== "0" && (env.CLAUDE_CODE_ENTRYPOINT === undefined || env.CLAUDE_CODE_ENTRYPOINT === "cli")
  );
}

export function describeSession(env: Record<string, string | undefined>, cliPid: number): SessionClaim {
  const instance = instanceOf(cliPid);
  if (!instance) throw new RepowireError("unauthorized", "The session that started this channel has ended.");
  const path = realPath(env.CLAUDE_PROJECT_DIR || process.cwd());
  const checkout = readCheckout(path);
  const configDir = env.CLAUDE_CONFIG_DIR || join(env.HOME || homedir(), ".claude");
  const project = readProjectFile(checkout?.root ?? path);
  return {
    runtime: "claude-code",
    process: instance,
    link_pid: process.pid,
    conversation: currentConversation(configDir, cliPid) ?? env.CLAUDE_CODE_SESSION_ID,
    path,
    branch: checkout?.branch,
    worktree_of: checkout?.worktreeOf,
    name: PeerName.safeParse(env.REPOWIRE_NAME ?? project.name).data,
    circle: CircleName.safeParse(env.REPOWIRE_CIRCLE ?? project.circle).data,
    config_dir: configDir,
  };
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
