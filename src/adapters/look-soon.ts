import { logger } from "../platform/log.ts";
import { type PeerId, RepowireError } from "../protocol/index.ts";

const log = logger("adapters");
const EVERY_MS = 200;
const FOR_MS = 10_000;

/** Soon after a hand-over its receipts are due: a session is looked at more often than the regular second, until it is settled. */
export interface SoonLooker {
  watch(peer: PeerId): void;
  forget(peer: PeerId): void;
}

export function createSoonLooker(parts: {
  /** Reads what the runtime has written since; undefined when there is no such session any more. */
  look(peer: PeerId): Promise<void> | undefined;
  /** Whether anything handed to it still waits for a receipt. */
  isUnsettled(peer: PeerId): boolean;
}): SoonLooker {
  const until = new Map<PeerId, number>();

  async function run(peer: PeerId): Promise<void> {
    while ((until.get(peer) ?? 0) > Date.now()) {
      await Bun.sleep(EVERY_MS);
      if (!parts.isUnsettled(peer)) break;
      const looked = parts.look(peer);
      if (!looked) break;
      await looked.catch((error) => {
        // A refusal is the session's own end, told elsewhere.
        if (!(error instanceof RepowireError)) log.error("a session was not followed", { peer, error });
      });
    }
    until.delete(peer);
  }

  return {
    watch(peer) {
      const isLooking = until.has(peer);
      until.set(peer, Date.now() + FOR_MS);
      if (!isLooking) void run(peer);
    },
    forget: (peer) => void until.delete(peer),
  };
}
