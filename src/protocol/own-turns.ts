import { z } from "zod";
import { LIMITS } from "./limits.ts";

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

const RecordedText = z.string().max(LIMITS.ownTurnTextCharsMax);

/** A turn on its way from the session's own side to the daemon, which masks and cuts it for the eyes of a person. */
export const RecordedTurn = z.object({
  by: z.enum(["user", "session"]),
  /** Epoch milliseconds. */
  at: z.number().int().optional(),
  text: RecordedText,
  /** What is left out at its end, in UTF-16 units. */
  rest_chars: z.number().int().nonnegative().optional(),
  /** It is a question to the session's user with these answers to choose from. */
  options: z
    .array(z.object({ label: RecordedText, description: RecordedText.optional() }))
    .max(LIMITS.ownTurnOptionsMax)
    .optional(),
  is_open: z.boolean().optional(),
});
export type RecordedTurn = z.infer<typeof RecordedTurn>;

/** The oldest first; not whole where there was more. Or why nothing can be read. */
export const RecordedTurns = z.union([
  z.object({ why: z.string().max(LIMITS.reasonCharsMax) }),
  z.object({ turns: z.array(RecordedTurn).max(LIMITS.ownTurnsMax), is_whole: z.boolean() }),
]);
export type RecordedTurns = z.infer<typeof RecordedTurns>;
