import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * What a throw-away HOME must hold so that the real Claude Code starts without asking, and what of it a test reads. The key is no
 * credential; the feature flags are what the service sends to accounts that have channels, put into the CLI's own cache. Test
 * fixtures only: never written for a user.
 */
export const DUMMY_KEY = "sk-ant-test-key-that-opens-nothing-0000";
const CHANNEL_FLAGS = { tengu_harbor: true, tengu_harbor_permissions: true };

export function seedClaudeHome(home: string, projects: string[], options: { channels: boolean }): void {
  mkdirSync(join(home, ".claude"), { recursive: true });
  const file = join(home, ".claude.json");
  const known = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
  const trusted = Object.fromEntries(
    projects.map((path) => [path, { hasTrustDialogAccepted: true, hasCompletedProjectOnboarding: true }]),
  );
  const flags = options.channels ? { cachedGrowthBookFeatures: CHANNEL_FLAGS, cachedFeatureFlags: CHANNEL_FLAGS } : {};
  const content = {
    numStartups: 5,
    theme: "dark",
    hasCompletedOnboarding: true,
    lastOnboardingVersion: "99.0.0",
    customApiKeyResponses: { approved: [DUMMY_KEY.slice(-20)], rejected: [] },
    ...known,
    ...flags,
    projects: { ...known.projects, ...trusted },
  };
  writeFileSync(file, JSON.stringify(content, null, 2));
}

export function claudeEnv(options: { home: string; runtimeDir: string; apiUrl: string }): Record<string, string> {
  return {
    PATH: process.env.PATH ?? "",
    HOME: options.home,
    USER: "tester",
    SHELL: "/bin/sh",
    // Keeps the inbox sockets apart from those of real sessions; the whole path has to stay short.
    XDG_RUNTIME_DIR: options.runtimeDir,
    ANTHROPIC_BASE_URL: options.apiUrl,
    ANTHROPIC_API_KEY: DUMMY_KEY,
    DISABLE_AUTOUPDATER: "1",
    DISABLE_ERROR_REPORTING: "1",
    // Bypass mode refuses to run as root elsewhere than in a sandbox, which CI machines are.
    IS_SANDBOX: "1",
  };
}

export interface ClaudeRecord {
  pid: number;
  sessionId: string;
  status?: "idle" | "busy" | "waiting";
  waitingFor?: string;
  messagingSocketPath?: string;
}

export function claudeRecord(home: string, pid: number): ClaudeRecord | undefined {
  try {
    return JSON.parse(readFileSync(join(home, ".claude", "sessions", `${pid}.json`), "utf8"));
  } catch {
    return undefined;
  }
}

/** Every entry of a session's transcript, read by nobody's code but this: what the product claims is held against it. */
export function transcriptEntries(home: string, sessionId: string): Record<string, unknown>[] {
  const root = join(home, ".claude", "projects");
  if (!existsSync(root)) return [];
  const file = readdirSync(root)
    .map((project) => join(root, project, `${sessionId}.jsonl`))
    .find(existsSync);
  if (!file) return [];
  return readFileSync(file, "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}
