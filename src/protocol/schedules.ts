import { z } from "zod";
import { Handle, MessageId, PeerId } from "./ids.ts";
import { Urgency } from "./messages.ts";

/** What another peer has to come to: to be idle, to wait for its human, to end. */
export const PeerMoment = z.enum(["idle", "waits", "ends"]);
export type PeerMoment = z.infer<typeof PeerMoment>;

/** When a message is sent: once at an instant (epoch ms), again and again by a cron pattern, or once when a peer comes to something. */
export const Trigger = z.discriminatedUnion("type", [
  z.object({ type: z.literal("at"), at: z.number().int() }),
  /** Five fields; read in `zone`, an IANA name. */
  z.object({ type: z.literal("cron"), pattern: z.string(), zone: z.string() }),
  z.object({ type: z.literal("peer"), peer: PeerId, name: z.string(), moment: PeerMoment }),
]);
export type Trigger = z.infer<typeof Trigger>;

export const ScheduledKind = z.enum(["notify", "ask"]);
export type ScheduledKind = z.infer<typeof ScheduledKind>;

/** What happens to a time that passed while no daemon ran, or the machine slept: one message once it is back, or none. */
export const MissedPolicy = z.enum(["run", "skip"]);
export type MissedPolicy = z.infer<typeof MissedPolicy>;

/** A message that is sent later, for whoever made it. Instants are epoch milliseconds. */
export const Schedule = z.object({
  id: Handle,
  kind: ScheduledKind,
  from: z.string(),
  from_id: PeerId,
  to: z.string(),
  to_id: PeerId,
  text: z.string(),
  urgency: Urgency,
  trigger: Trigger,
  missed: MissedPolicy,
  /** The next time; absent for what waits for a peer. */
  next_at: z.number().int().optional(),
  made_at: z.number().int(),
  /** How many messages it has sent. */
  sent: z.number().int(),
  /** What became of the last time. */
  last: z
    .object({
      at: z.number().int(),
      outcome: z.enum(["sent", "refused", "missed"]),
      reason: z.string().optional(),
      message: MessageId.optional(),
    })
    .optional(),
});
export type Schedule = z.infer<typeof Schedule>;
