import { z } from "zod";
import { LIMITS } from "./limits.ts";

/** The hook events that repowire installs for Claude Code. */
export const ClaudeHookEvent = z.enum([
  "SessionStart",
  "UserPromptSubmit",
  "PreToolUse",
  "PostToolUse",
  "PermissionRequest",
  "Stop",
  "StopFailure",
  "SessionEnd",
]);
export type ClaudeHookEvent = z.infer<typeof ClaudeHookEvent>;

/** The hook events that repowire installs for the Gemini CLI: `repowire-hook gemini EVENT`. */
export const GeminiHookEvent = z.enum(["SessionStart", "SessionEnd", "BeforeAgent", "AfterAgent", "Notification"]);
export type GeminiHookEvent = z.infer<typeof GeminiHookEvent>;

/** What `repowire-hook` sends for one event; `input` is the CLI's own JSON, of which only known fields are read. */
export const HookReport = z.object({
  /** The event as its runtime names it; that runtime's adapter knows which there are. */
  event: z.string().max(60),
  /** The agent CLI's process, as the hook found it; the daemon checks it against the hook's own ancestry. */
  pid: z.number().int().positive(),
  hook_pid: z.number().int().positive(),
  version: z.string().max(50),
  config_dir: z.string().max(LIMITS.pathCharsMax).optional(),
  name: z.string().max(200).optional(),
  circle: z.string().max(200).optional(),
  /** The project folder of the session; its `cwd` wanders with `cd`. */
  project_dir: z.string().max(LIMITS.pathCharsMax).optional(),
  entrypoint: z.string().max(100).optional(),
  opted_in: z.boolean().optional(),
  /** The value of `TMUX` in the session's environment: where to look for its pane. */
  tmux: z.string().max(LIMITS.pathCharsMax).optional(),
  input: z.record(z.string(), z.unknown()),
  /** When the event happened, for reports that waited on disk; epoch milliseconds. */
  spooled_at: z.number().int().optional(),
  /** A permission request that is asked about again after a lost connection. */
  approval: z.string().max(64).optional(),
});
export type HookReport = z.infer<typeof HookReport>;

export const HookReply = z.object({
  /** Printed to stdout as it is; absent: print nothing. */
  output: z.record(z.string(), z.unknown()).optional(),
  /** Messages that the output carries: `printed` confirms them. */
  lease: z.string().optional(),
  /** The verdict is still open: ask again with this id. */
  approval: z.string().optional(),
});
export type HookReply = z.infer<typeof HookReply>;

export const HookPrinted = z.object({
  lease: z.string().max(64),
  pid: z.number().int().positive(),
  hook_pid: z.number().int().positive(),
});
export type HookPrinted = z.infer<typeof HookPrinted>;
