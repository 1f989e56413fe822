import { z } from "zod";

/** The hook events that repowire installs for Codex (0.169.0). */
export const CodexHookEvent = z.enum([
  "SessionStart",
  "UserPromptSubmit",
  "PermissionRequest",
  "Stop",
  "Interrupt",
  "SessionEnd",
]);
export type CodexHookEvent = z.infer<typeof CodexHookEvent>;

/** The fields of Codex's hook input that are read (0.169.0); all others are ignored. */
export const HookInput = z.object({
  /** The thread. */
  session_id: z.string(),
  transcript_path: z.string().nullish(),
  cwd: z.string(),
  permission_mode: z.string().nullish(),
  source: z.string().nullish(),
  turn_id: z.string().nullish(),
  prompt: z.string().nullish(),
  tool_name: z.string().nullish(),
  tool_input: z
    .looseObject({ command: z.unknown().optional(), description: z.unknown().optional() })
    .nullish()
    .catch(undefined),
  stop_hook_active: z.boolean().nullish(),
  last_assistant_message: z.string().nullish(),
});
export type HookInput = z.infer<typeof HookInput>;

/** The CODEX_HOME of a session: the part of its transcript's path before `/sessions/`; the variable is mostly not set. */
export function homeOfTranscript(path: string | null | undefined): string | undefined {
  const at = path?.lastIndexOf("/sessions/") ?? -1;
  return at > 0 ? path?.slice(0, at) : undefined;
}
