import type { MessageQuery } from "../core/ports.ts";
import type { Message, PeerId } from "../protocol/index.ts";

/** Whom a message is for: its recipients, also where it has no delivery of its own. */
export function recipientsOf(message: Message, delivered: readonly PeerId[]): PeerId[] {
  return message.to.startsWith("circle:") ? [...new Set(delivered)] : [...new Set([message.to, ...delivered])];
}

/** Whether everything of a query but its words fits. `recipients` is asked only when it matters. */
export function fitsFacts(query: MessageQuery, message: Message, recipients: () => readonly PeerId[]): boolean {
  if (query.kind !== undefined && message.kind !== query.kind) return false;
  if (query.sender !== undefined && message.from !== query.sender) return false;
  if (query.circle !== undefined && message.from_circle !== query.circle) return false;
  if (query.thread !== undefined && message.thread !== query.thread) return false;
  if (!isWithin(query, message.created_at)) return false;
  const isParty = (peer: PeerId) => message.from === peer || recipients().includes(peer);
  if (query.parties?.some((peer) => !isParty(peer))) return false;
  if (!query.between) return true;
  const [one, other] = query.between;
  return (
    (message.from === one && recipients().includes(other)) || (message.from === other && recipients().includes(one))
  );
}

export function isWithin(query: MessageQuery, at: number): boolean {
  return (query.since === undefined || at >= query.since) && (query.until === undefined || at < query.until);
}
