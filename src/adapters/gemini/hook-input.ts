import { z } from "zod";

/** The fields of the Gemini CLI's hook input that are read (0.61.0); all others are ignored. `prompt_response` is not the answer's text. */
export const GeminiHookInput = z.object({
  session_id: z.string(),
  transcript_path: z.string().optional(),
  cwd: z.string(),
  source: z.string().optional(),
  prompt: z.string().optional(),
  notification_type: z.string().optional(),
  details: z
    .object({
      type: z.string().optional(),
      title: z.string().optional(),
      command: z.string().optional(),
      serverName: z.string().optional(),
      toolName: z.string().optional(),
    })
    .optional(),
});
export type GeminiHookInput = z.infer<typeof GeminiHookInput>;
