import { type Engine, endSession, keepDeadlines } from "../core/index.ts";
import { logger } from "../platform/log.ts";
import { isAlive } from "../platform/process.ts";
import { LIMITS } from "../protocol/index.ts";

const log = logger("watch");

/** Once a second: what time decides, and whose process is gone. Presence is the life of a process, however it ended. */
export function startWatch(engine: Engine, onTick?: () => void): { stop(): void } {
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
    onTick?.();
  };
  const timer = setInterval(
    () => void tick().catch((error) => log.error("the watch failed", { error })),
    LIMITS.processCheckMs,
  );
  return { stop: () => clearInterval(timer) };
}
