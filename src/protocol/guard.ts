import { z } from "zod";
import { MessageId, PeerId } from "./ids.ts";
import { CircleName } from "./peers.ts";

/** What was stopped: everything between two peers, all that one peer sends, or one thread of messages that cause messages. */
export const PauseScope = z.enum(["pair", "sender", "thread"]);
export type PauseScope = z.infer<typeof PauseScope>;

/** Messages that were stopped because they came too many, too fast or too deep. A person lifts it; answers always pass. */
export const Pause = z.object({
  /** Five letters and digits: what `repowire resume` takes. */
  id: z.string(),
  scope: PauseScope,
  /** Whose messages are stopped. */
  peers: z.array(z.object({ id: PeerId, name: z.string() })),
  circle: CircleName,
  /** The chain of messages that it happened in. */
  thread: MessageId.optional(),
  /** Which budget was used up, in a sentence without its full stop. */
  reason: z.string(),
  paused_at: z.number().int(),
  resumed_at: z.number().int().optional(),
});
export type Pause = z.infer<typeof Pause>;
