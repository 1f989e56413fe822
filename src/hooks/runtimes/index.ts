import { claudeCode } from "./claude-code.ts";
import { codex } from "./codex.ts";
import { gemini } from "./gemini.ts";
import type { HookRuntime } from "./runtime.ts";

/** A row for each runtime that has hooks. */
export const HOOK_RUNTIMES: Readonly<Record<string, HookRuntime>> = { "claude-code": claudeCode, codex, gemini };
