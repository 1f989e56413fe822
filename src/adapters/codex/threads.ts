import type { Thread } from "./wire.ts";

/**
 * Whether a thread is a person's session, as far as the thread itself says. Left out are the helper threads that name a session
 * (`ephemeral`), sub-agents and forks that work for another thread, and headless runs (`codex exec`).
 */
export function isSession(thread: Thread): boolean {
  if (thread.ephemeral || thread.parentThreadId) return false;
  if (thread.threadSource && thread.threadSource !== "user") return false;
  if (typeof thread.source !== "string" || thread.source === "exec") return false;
  return thread.originator !== "codex_exec";
}

/** The program's words that begin something else than a TUI. */
const OTHER_COMMANDS = new Set([
  "exec",
  "e",
  "app-server",
  "mcp",
  "mcp-server",
  "queue",
  "login",
  "logout",
  "review",
  "proto",
  "sandbox",
  "debug",
  "apply",
  "cloud",
  "features",
  "completion",
  "exec-server",
  "responses-api-proxy",
]);

const isCodex = (args: readonly string[]): boolean => args[0]?.split("/").at(-1) === "codex";
const firstWord = (args: readonly string[]): string | undefined => args.slice(1).find((word) => !word.startsWith("-"));

/** The shared background server: what it starts belongs to one of its threads, never to the terminal that happened to start it. */
export const isAppServer = (args: readonly string[]): boolean => isCodex(args) && args.includes("app-server");

export const isHeadless = (args: readonly string[]): boolean =>
  isCodex(args) && ["exec", "e", "review"].includes(firstWord(args) ?? "");

/** A Codex in a terminal. Options with values may stand before a command, so every word that is one counts. */
export const isTui = (args: readonly string[]): boolean =>
  isCodex(args) &&
  !args.slice(1, 2).some((word) => OTHER_COMMANDS.has(word)) &&
  !isAppServer(args) &&
  !isHeadless(args);
