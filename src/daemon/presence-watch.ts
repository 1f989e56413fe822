import { type Engine, endSession, keepDeadlines } from "../core/index.ts";
import { logger } from "../platform/log.ts";
import { isAlive } from "../platform/process.ts";
import { LIMITS } from "../protocol/index.ts";

const log = logger("watch");

/** A process whose link just closed is mostly about to end. */
const LOOK_SOON_MS = 60;

export interface Watch {
  /** Looks again in a moment: something hints that a process ended. */
  lookSoon(): void;
  stop(): void;
}

/** Once a second: what time decides, and whose process is gone. Presence is the life of a process, however it ended. */
export function startWatch(engine: Engine): Watch {
  const tick = async () => {
    const gone = engine.read((ctx) =>
      ctx.tx.peers
        .all()
        .filter((peer) => peer.presence.state !== "offline" && peer.instance && !isAlive(peer.instance))
        .map((peer) => peer.id),
    );
    await engine.run((ctx) => {
      for (const peer of gone) endSession(ctx, peer, "its process ended");
      keepDeadlines(ctx);
    });
  };
  const look = () => void tick().catch((error) => log.error("the watch failed", { error }));
  const timer = setInterval(look, LIMITS.processCheckMs);
  let soon: ReturnType<typeof setTimeout> | undefined;
  return {
    lookSoon() {
      clearTimeout(soon);
      soon = setTimeout(look, LOOK_SOON_MS);
    },
    stop() {
      clearInterval(timer);
      clearTimeout(soon);
    },
  };
}
