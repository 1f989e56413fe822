import { z } from "zod";

/** The fields of Claude Code's hook input that are read (2.1.197 to 2.1.330); all others are ignored. */
export const HookInput = z.object({
  session_id: z.string(),
  transcript_path: z.string().optional(),
  cwd: z.string(),
  permission_mode: z.string().optional(),
  /** Present when a subagent acts. */
  agent_id: z.string().optional(),
  source: z.string().optional(),
  prompt: z.string().optional(),
  tool_name: z.string().optional(),
  tool_input: z.record(z.string(), z.unknown()).optional(),
  stop_hook_active: z.boolean().optional(),
  last_assistant_message: z.string().optional(),
  error: z.string().optional(),
  reason: z.string().optional(),
});
export type HookInput = z.infer<typeof HookInput>;
