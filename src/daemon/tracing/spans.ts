import { createHash } from "node:crypto";
import type { MessageId, PeerId, TraceContext } from "../../protocol/index.ts";

/** One finished step, as the exporter takes it. Instants are epoch milliseconds, with fractions. */
export interface Span {
  name: "ask" | "send" | "accept" | "deliver" | "present" | "seen" | "answer";
  trace: string;
  span: string;
  parent?: string;
  startedAt: number;
  endedAt: number;
  /** Why it failed. */
  error?: string;
  /** Ids, names and states; never a body. */
  attributes: Record<string, string | number>;
}

/**
 * The daemon's spans have ids that follow from what they are about: another daemon after a restart, or another process that only
 * knows the message, finds the same one.
 */
function idOf(...parts: (string | number)[]): string {
  return createHash("sha256").update(parts.join(" ")).digest("hex").slice(0, 16);
}

export const acceptSpan = (message: MessageId): string => idOf("accept", message);
export const deliverSpan = (message: MessageId, peer: PeerId, attempt: number): string =>
  idOf("deliver", message, peer, attempt);
export const seenSpan = (message: MessageId, peer: PeerId): string => idOf("seen", message, peer);

export const under = (context: TraceContext, span: string): TraceContext => ({ trace: context.trace, span });
