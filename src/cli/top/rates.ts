import type { MeshEvent, PeerId } from "../../protocol/index.ts";
import type { Rates } from "./view.ts";

const MINUTE_MS = 60_000;

/** Messages to and from each peer within the last minute, counted from events. */
export interface RateCounter {
  note(event: MeshEvent): void;
  rates(now: number): Rates;
}

export function createRateCounter(): RateCounter {
  let noted: { peer: PeerId; at: number }[] = [];
  return {
    note({ type, peer, at }) {
      // The one names the sender, the other each recipient.
      if (peer && (type === "message.accepted" || type === "delivery.queued")) noted.push({ peer, at });
    },
    rates(now) {
      noted = noted.filter(({ at }) => now - at < MINUTE_MS);
      const counts = new Map<PeerId, number>();
      for (const { peer } of noted) counts.set(peer, (counts.get(peer) ?? 0) + 1);
      return counts;
    },
  };
}
