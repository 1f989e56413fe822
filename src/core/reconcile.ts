import { LIMITS, type MeshEvent, type MessageId, type PeerId } from "../protocol/index.ts";
import { type Context, emit } from "./context.ts";
import { see } from "./mailbox.ts";
import type { DeliveryRecord, MismatchRecord } from "./ports.ts";

/**
 * Compares what is recorded of deliveries with what the recipients' own records show, read anew. What differs is marked for good.
 * Only what is certain counts: a record that cannot be read, or not as a whole, says nothing.
 */
export type Evidence =
  /** The frame with this handle stands in the main conversation. `hasOutput`: the model produced something after it. */
  | { verdict: "shown"; hasOutput: boolean }
  /** The whole record of this conversation was read, and nothing of this delivery is in it. */
  | { verdict: "not_shown" }
  | { verdict: "unknown"; reason: string };

/** What is read of a delivery before its evidence is looked for; if any of it changes meanwhile, the evidence is void. */
export type Claim = Pick<DeliveryRecord, "message" | "peer" | "handle" | "state" | "attempt" | "conversation">;

/**
 * `claimed`: recorded as seen, and its session's record does not have it. `hidden`: recorded as handed over only, and the
 * model has produced output after it.
 */
export function judgeEvidence(claim: Claim, evidence: Evidence): MismatchRecord["kind"] | undefined {
  if (claim.state === "seen" && evidence.verdict === "not_shown") return "claimed";
  // Of a repeat it cannot be told which attempt stands there, and a first one may have been used up by a usage limit.
  if (claim.state !== "presented" || claim.attempt > 1) return undefined;
  return evidence.verdict === "shown" && evidence.hasOutput ? "hidden" : undefined;
}

export const MISMATCH_WORDS: Readonly<Record<MismatchRecord["kind"], string>> = {
  claimed: "recorded as seen, not in its session's record",
  hidden: "seen, but its receipt was missed",
};

/** Marks a mismatch, once for each delivery and kind; a hidden receipt is made up for. */
export function recordMismatch(ctx: Context, claim: Claim, kind: MismatchRecord["kind"]): boolean {
  const delivery = ctx.tx.deliveries.get(claim.message, claim.peer);
  const peer = ctx.tx.peers.get(claim.peer);
  const isSame =
    delivery?.state === claim.state && delivery.attempt === claim.attempt && peer?.conversation === claim.conversation;
  if (!delivery || !isSame) return false;
  const { mismatch } = ctx.tx.shelves;
  const id = `${kind}:${claim.message}:${claim.peer}`;
  if (mismatch.get(id)) return false;
  const proof = delivery.seen_by;
  for (const oldest of mismatch.all().slice(0, Math.max(0, mismatch.all().length + 1 - LIMITS.mismatchesMax)))
    mismatch.remove(oldest.id);
  mismatch.put(id, {
    id,
    kind,
    handle: delivery.handle,
    message: delivery.message,
    peer: delivery.peer,
    at: ctx.now.wall,
  });
  emit(ctx, {
    type: "truth.mismatch",
    peer: delivery.peer,
    message: delivery.message,
    data: {
      kind,
      handle: delivery.handle,
      state: delivery.state,
      ...(proof === undefined ? {} : { proof }),
      evidence: kind === "claimed" ? "not_shown" : "shown",
      why: MISMATCH_WORDS[kind],
    },
  });
  if (kind === "hidden") see(ctx, delivery, "reconciled");
  return true;
}

/** Those marked before `before` (epoch ms) go with the messages that they are about. */
export function forgetMismatches(ctx: Context, before: number): void {
  for (const { id, at } of ctx.tx.shelves.mismatch.all()) if (at < before) ctx.tx.shelves.mismatch.remove(id);
}

interface Candidate {
  message: MessageId;
  peer: PeerId;
  looks: number;
  /** Epoch ms. */
  dueAt: number;
  /** The last look found a claim without evidence; only a second in a row marks it, for a record may be written late. */
  isDoubted: boolean;
}

export interface Candidates {
  note(event: MeshEvent): void;
  /** What to look at now, the longest due first. */
  due(now: number): readonly Candidate[];
  /** A look is over. Returns the mismatch to mark, if any. */
  looked(
    candidate: Candidate,
    kind: MismatchRecord["kind"] | undefined,
    now: number,
  ): MismatchRecord["kind"] | undefined;
  readonly size: number;
}

const NOTED: ReadonlySet<string> = new Set(["delivery.presented", "delivery.seen"]);

/** Which deliveries are looked at, and when: some time after they changed, a few times, each time later. */
export function createCandidates(): Candidates {
  const open = new Map<string, Candidate>();
  return {
    note({ type, peer, message, at }) {
      if (peer === undefined) return;
      // What was shown before it stands in another record.
      if (type === "peer.conversation")
        for (const [key, candidate] of open) if (candidate.peer === peer) open.delete(key);
      if (message === undefined || !NOTED.has(type)) return;
      const key = `${message}:${peer}`;
      open.delete(key);
      open.set(key, { message, peer, looks: 0, dueAt: at + LIMITS.reconcileGraceMs, isDoubted: false });
      for (const oldest of open.keys()) {
        if (open.size <= LIMITS.reconcileKeptMax) break;
        open.delete(oldest);
      }
    },
    due: (now) =>
      [...open.values()]
        .filter((candidate) => candidate.dueAt <= now)
        .sort((a, b) => a.dueAt - b.dueAt)
        .slice(0, LIMITS.reconcileBatch),
    looked(candidate, kind, now) {
      const key = `${candidate.message}:${candidate.peer}`;
      // It changed while it was looked at, and is looked at anew.
      if (open.get(key) !== candidate) return undefined;
      const isCertain = kind === "hidden" || (kind === "claimed" && candidate.isDoubted);
      candidate.isDoubted = kind === "claimed";
      candidate.looks += 1;
      candidate.dueAt = now + LIMITS.reconcileMs * 4 ** (candidate.looks - 1);
      if (isCertain || candidate.looks >= LIMITS.reconcileLooksMax) open.delete(key);
      return isCertain ? kind : undefined;
    },
    get size() {
      return open.size;
    },
  };
}
