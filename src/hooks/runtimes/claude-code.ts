import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { ancestry } from "../../platform/process.ts";
import type { HookRuntime } from "./runtime.ts";

const configDirOf = (env: Record<string, string | undefined>): string =>
  env.CLAUDE_CONFIG_DIR || join(env.HOME || homedir(), ".claude");

/** Claude Code 2.1.330 names its pid; older ones are found as the nearest ancestor with a session record. */
function sessionPid(env: Record<string, string | undefined>): number {
  const named = Number(env.CLAUDE_PID);
  if (Number.isInteger(named) && named > 0) return named;
  const sessions = join(configDirOf(env), "sessions");
  const recorded = ancestry(process.ppid).find((info) => existsSync(join(sessions, `${info.pid}.json`)));
  return recorded?.pid ?? process.ppid;
}

export const claudeCode: HookRuntime = {
  isPeer(env) {
    // Headless runs (`claude -p`) are no peers, unless the user says so.
    if (env.REPOWIRE_PEER === "1") return true;
    return (
      env.REPOWIRE_PEER !== "0" && (env.CLAUDE_CODE_ENTRYPOINT === undefined || env.CLAUDE_CODE_ENTRYPOINT === "cli")
    );
  },
  describe: (env) => ({
    pid: sessionPid(env),
    config_dir: configDirOf(env),
    project_dir: env.CLAUDE_PROJECT_DIR,
    entrypoint: env.CLAUDE_CODE_ENTRYPOINT,
  }),
  // Tool responses can be megabytes, and nothing reads them.
  unread: ["tool_response", "background_tasks"],
  waitsForVerdict: (event) => event === "PermissionRequest",
};
