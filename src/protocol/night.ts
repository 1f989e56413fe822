import { z } from "zod";
import { AskState, DeliveryState } from "./moves.ts";
import { PresenceState } from "./peers.ts";

/** What happened in a span of time, counted from the record. Instants are epoch milliseconds; peers are named as people address them. */

/** Why a session could not go on. */
export const Stuck = z.enum(["waiting", "limited", "offline", "paused"]);
export type Stuck = z.infer<typeof Stuck>;

export const NightQuestion = z.object({
  id: z.string(),
  at: z.number().int(),
  from: z.string(),
  to: z.string(),
  text: z.string(),
  state: AskState,
  /** Until it was closed, or so far. */
  took_ms: z.number().int(),
  answer: z.string().optional(),
  /** Why it failed, was declined or withdrawn. */
  why: z.string().optional(),
  /** Of an open one: how far it came, and what its recipient does now. */
  stands: z
    .object({
      delivery: DeliveryState,
      reason: z.string().optional(),
      /** The recipient's turn ended without an answer. */
      overlooked: z.boolean(),
      presence: PresenceState,
      detail: z.string().optional(),
    })
    .optional(),
});
export type NightQuestion = z.infer<typeof NightQuestion>;

export const NightCommit = z.object({
  hash: z.string(),
  at: z.number().int(),
  author: z.string(),
  subject: z.string(),
});
export type NightCommit = z.infer<typeof NightCommit>;

export const Night = z.object({
  since: z.number().int(),
  until: z.number().int(),
  /** Of all in the span, listed or not. The states of the questions add up to `asked`. */
  counts: z.object({
    messages: z.number().int(),
    asked: z.number().int(),
    answered: z.number().int(),
    declined: z.number().int(),
    open: z.number().int(),
    failed: z.number().int(),
    expired: z.number().int(),
    cancelled: z.number().int(),
    commits: z.number().int(),
  }),
  /** Asked before the span, and open still. */
  open_from_before: z.array(NightQuestion),
  /** Who wrote to whom, the most first. */
  pairs: z.array(
    z.object({ from: z.string(), to: z.string(), asked: z.number(), answered: z.number(), told: z.number() }),
  ),
  questions: z.array(NightQuestion),
  stuck: z.array(
    z.object({ peer: z.string(), kind: Stuck, why: z.string(), ms: z.number().int(), times: z.number().int() }),
  ),
  /** When no daemon ran: what sessions did then is not known, and counted for nobody. */
  away: z.array(z.object({ from: z.number().int(), to: z.number().int() })),
  repositories: z.array(
    z.object({
      path: z.string(),
      /** Whose checkouts are of it. */
      peers: z.array(z.string()),
      commits: z.array(NightCommit),
      /** Of all, listed or not. */
      total: z.number().int(),
    }),
  ),
  decisions: z.array(
    z.object({
      at: z.number().int(),
      peer: z.string(),
      tool: z.string(),
      verdict: z.enum(["allowed", "denied", "withdrawn", "expired", "open"]),
      took_ms: z.number().int().optional(),
    }),
  ),
  mismatches: z.array(z.object({ at: z.number().int(), peer: z.string(), kind: z.string() })),
  held: z.array(z.object({ peer: z.string(), reason: z.string(), times: z.number().int() })),
  /** No runtime reports to repowire what a session used. */
  tokens: z.literal("not reported"),
  /** What there is beyond the lists above. */
  left_out: z.object({ questions: z.number().int(), decisions: z.number().int() }),
});
export type Night = z.infer<typeof Night>;
