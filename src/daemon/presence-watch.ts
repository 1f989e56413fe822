import {
  type Calendar,
  type Clock,
  type Engine,
  endSession,
  keepDeadlines,
  lookingOnce,
  type PeerRecord,
} from "../core/index.ts";
import { sendDue } from "../operations/index.ts";
import { logger } from "../platform/log.ts";
import { LIMITS } from "../protocol/index.ts";

const log = logger("watch");

/** A process whose link just closed is mostly about to end. */
const LOOK_SOON_MS = 60;

export interface Watch {
  /** Looks again in a moment: something hints that a process ended. */
  lookSoon(): void;
  stop(): void;
}

/** Once a second: what time decides, what is due to be sent, and whose process is gone. Presence is the life of a process, however it ended. */
export function startWatch(parts: {
  engine: Engine;
  clock: Clock;
  calendar: Calendar;
  isAlive(instance: NonNullable<PeerRecord["instance"]>): boolean;
}): Watch {
  const { engine, clock } = parts;
  const tick = async () => {
    const isAlive = lookingOnce(parts.isAlive);
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
    await sendDue(parts);
  };
  const look = () => void tick().catch((error) => log.error("the watch failed", { error }));
  let stopTimer = () => {};
  let stopSoon = () => {};
  const lookAgain = () => {
    stopTimer = clock.after(LIMITS.processCheckMs, () => {
      lookAgain();
      look();
    });
  };
  lookAgain();
  return {
    lookSoon() {
      stopSoon();
      stopSoon = clock.after(LOOK_SOON_MS, look);
    },
    stop() {
      stopTimer();
      stopSoon();
    },
  };
}
