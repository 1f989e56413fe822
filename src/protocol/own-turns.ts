import { z } from "zod";

/** What a session's user or its model said there, as the session's own record has it: a claim of that record, no fact of the ledger. */
export const OwnTurn = z.object({
  by: z.enum(["user", "session"]),
  /** Epoch milliseconds, where the record says it. */
  at: z.number().int().optional(),
  /** Masked; its beginning where it is long. */
  text: z.string(),
  /** What was left out at the end, in UTF-16 units. */
  rest_chars: z.number().int(),
  /** It is a question to the session's user with these answers to choose from. */
  options: z.array(z.object({ label: z.string(), description: z.string().optional() })).optional(),
  /** That question is not answered yet. */
  is_open: z.boolean().optional(),
});
export type OwnTurn = z.infer<typeof OwnTurn>;
