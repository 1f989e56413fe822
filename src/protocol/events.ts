import { z } from "zod";
import { MessageId, PeerId } from "./ids.ts";

/** What the log, the event stream and traces are made of. The store numbers them; a cursor is such a number. */
export const EventType = z.enum([
  "peer.joined",
  "peer.left",
  "peer.renamed",
  "peer.described",
  "peer.presence",
  "peer.conversation",
  "peer.rung",
  "peer.inbound",
  "peer.launch",
  "peer.ended",
  "peer.moved",
  "peer.role",
  "worktree.made",
  "worktree.removed",
  "repository.trusted",
  "message.accepted",
  "delivery.queued",
  "delivery.leased",
  "delivery.presented",
  "delivery.entered",
  "delivery.seen",
  "delivery.held",
  "delivery.refused",
  "delivery.expired",
  "delivery.dead",
  "delivery.cancelled",
  "ask.opened",
  "ask.progress",
  "ask.overlooked",
  "ask.abandoned",
  "ask.answered",
  "ask.declined",
  "ask.failed",
  "ask.cancelled",
  "ask.expired",
  "approval.requested",
  "approval.allowed",
  "approval.denied",
  "approval.withdrawn",
  "approval.expired",
  "truth.mismatch",
  "circle.inbound",
  "guard.paused",
  "guard.resumed",
  "daemon.started",
  "daemon.stopped",
  "store.damaged",
  "store.purged",
]);
export type EventType = z.infer<typeof EventType>;

export const MeshEvent = z.object({
  seq: z.number().int(),
  /** Epoch milliseconds. */
  at: z.number().int(),
  type: EventType,
  peer: PeerId.optional(),
  message: MessageId.optional(),
  /** Small facts about it (names, handles, rung, reason); never a body. */
  data: z.record(z.string(), z.unknown()),
});
export type MeshEvent = z.infer<typeof MeshEvent>;
