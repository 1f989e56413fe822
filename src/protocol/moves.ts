import { z } from "zod";

/**
 * One message on its way to one peer. `presented` means handed to the recipient's runtime, which proves nothing about reading;
 * `seen` needs a receipt from the recipient's side.
 */
export const DeliveryState = z.enum([
  "queued",
  "leased",
  "presented",
  "seen",
  "held",
  "refused",
  "expired",
  "dead",
  "cancelled",
]);
export type DeliveryState = z.infer<typeof DeliveryState>;

export const AskState = z.enum(["open", "answered", "declined", "failed", "cancelled", "expired"]);
export type AskState = z.infer<typeof AskState>;

/** How an answer came: by the reply tool, as the exact turn of a runtime that ties turns to ids, or captured from a turn's last text. */
export const AnsweredBy = z.enum(["reply", "turn", "captured"]);
export type AnsweredBy = z.infer<typeof AnsweredBy>;

export const FailReason = z.enum(["interrupted", "model_error", "no_answer", "session_gone", "refused"]);
export type FailReason = z.infer<typeof FailReason>;

export const ApprovalState = z.enum(["pending", "allowed", "denied", "withdrawn", "expired"]);
export type ApprovalState = z.infer<typeof ApprovalState>;

type Moves<State extends string> = Readonly<Record<State, Partial<Record<State, string>>>>;

/** From a state to the states it may move to, each with the reason that such a move exists. */
export const DELIVERY_MOVES: Moves<DeliveryState> = {
  queued: {
    leased: "a rung takes it for a hand-over",
    presented: "a late receipt: an earlier attempt arrived after all",
    seen: "a late receipt: an earlier attempt was read after all",
    held: "the recipient's gate, or its runtime, holds it back",
    refused: "the recipient's gate refuses it",
    expired: "its time ran out unread",
    dead: "too many attempts failed",
    cancelled: "the sender withdrew it",
  },
  leased: {
    presented: "the rung reports that it wrote it",
    seen: "a receipt arrived before the rung's own report",
    queued: "the rung could not take it, or was lost before it took it",
    held: "the recipient's runtime holds it for its user",
    refused: "the recipient's runtime refused it",
    dead: "too many attempts failed",
    cancelled: "the sender withdrew it while the hand-over was uncertain",
  },
  presented: {
    seen: "a receipt from the recipient's side",
    queued: "the push is provably dead, was used up by a failure, or its conversation is gone",
    held: "the recipient's runtime holds it for its user",
    refused: "the recipient's user denied it",
    expired: "its time ran out with no receipt",
    dead: "too many attempts failed",
    cancelled: "the sender withdrew it",
  },
  seen: {
    queued: "the conversation that saw the open question is gone or compacted, or a usage limit cut its turn off",
  },
  held: {
    queued: "the hold was lifted",
    leased: "the recipient itself asks for its mail",
    presented: "the recipient's user released it in the runtime's own dialog",
    seen: "a receipt: it was released after all",
    refused: "the recipient's user denied it",
    expired: "its time ran out while held",
    cancelled: "the sender withdrew it",
  },
  refused: {},
  expired: {},
  dead: {},
  cancelled: {},
};

export const ASK_MOVES: Moves<AskState> = {
  open: {
    answered: "a reply, the turn's exact answer, or a captured text",
    declined: "the recipient declined and said why",
    failed: "interrupted, model error, no answer, session gone or refused",
    cancelled: "the asker withdrew it before it was presented",
    expired: "its time ran out",
  },
  answered: {
    answered: "one reply supersedes a captured answer",
    declined: "one decline supersedes a captured answer",
  },
  declined: {},
  failed: { answered: "a late reply still arrives", declined: "a late reply still arrives" },
  cancelled: {},
  expired: {},
};

export const APPROVAL_MOVES: Moves<ApprovalState> = {
  pending: {
    allowed: "a person allowed it",
    denied: "a person denied it",
    withdrawn: "the session moved on: decided in its own terminal, interrupted or ended",
    expired: "its time ran out; nothing is allowed by time-out",
  },
  allowed: {},
  denied: {},
  withdrawn: {},
  expired: {},
};

export function mayMove<State extends string>(moves: Moves<State>, from: State, to: State): boolean {
  return moves[from][to] !== undefined;
}

/** Deliveries in these states still want something done; all others are history. */
export const OPEN_DELIVERY_STATES = [
  "queued",
  "leased",
  "presented",
  "held",
] as const satisfies readonly DeliveryState[];
export type OpenDeliveryState = (typeof OPEN_DELIVERY_STATES)[number];
