import { z } from "zod";

/** How a part is: as it should be, could be better, or keeps something from working. */
export const Level = z.enum(["ok", "warn", "bad"]);
export type Level = z.infer<typeof Level>;

export const Finding = z.object({
  /** The part that was looked at. */
  part: z.string(),
  level: Level,
  /** What was seen, in one sentence. */
  found: z.string(),
  /** The one thing to do about it; absent where all is well. */
  next: z.string().optional(),
});
export type Finding = z.infer<typeof Finding>;

/** How busy the daemon was in the time since the sample before it. */
export const Sample = z.object({
  /** When that time ended, epoch milliseconds. */
  at: z.number().int(),
  /** Messages that were stored, and requests that were refused, in it. */
  accepted: z.number().int(),
  refused: z.number().int(),
  /** How long a commit took in it, on average; absent where there was none. */
  commit_ms: z.number().optional(),
  /** At its end. */
  open_asks: z.number().int(),
  waiting_calls: z.number().int(),
  links: z.number().int(),
  memory_bytes: z.number().int(),
});
export type Sample = z.infer<typeof Sample>;

/** One line of the daemon's own log, masked as it was written and once more as it was read. */
export const LoggedLine = z.object({
  /** As it was written, ISO 8601; empty for what the process printed without its log. */
  time: z.string(),
  level: z.string(),
  category: z.string(),
  message: z.string(),
  /** JSON, where the line has any. */
  fields: z.string().optional(),
});
export type LoggedLine = z.infer<typeof LoggedLine>;
