import { chooseRoute } from "../../../src/core/index.ts";
import { key } from "../world/truth.ts";
import { type Check, short } from "./check.ts";

// @req delivery.none-lost
/**
 * In the end every accepted message was presented, has a stated end, or still waits for a reason that anybody can see: its peer is
 * away, it is fyi, or a question before it is unanswered.
 */
export const loss: Check = {
  promise: "no accepted message lost",
  end({ truth, daemon, sessions }, { deliveries }) {
    if (!daemon?.isUp) {
      truth.violate(this.promise, "the daemon did not come back");
      return;
    }
    const alive = new Map(
      sessions
        .filter((session) => session.isAlive)
        .flatMap((session) => (session.seat ? [[session.seat.id, session]] : [])),
    );
    const isThere = new Set(
      truth.landings.filter((landing) => landing.isReal).map((landing) => key(landing.message, landing.peer)),
    );
    daemon.engine.read((ctx) => {
      for (const delivery of deliveries) {
        const session = alive.get(delivery.peer);
        const peer = ctx.tx.peers.get(delivery.peer);
        const name = `${delivery.kind} ${short(delivery.message)} to ${peer?.name}`;
        if (delivery.state === "leased") truth.violate(this.promise, `the hand-over of ${name} never ends`);
        const isOnline = peer?.presence.state === "online" || peer?.presence.state === "busy";
        if (!session || !isOnline || !session.isIdle || delivery.kind === "permission") continue;
        const route = chooseRoute(ctx, delivery.peer, []);
        if (!route) {
          if (session.link?.state === "online") truth.violate(this.promise, `${peer.name} has a link and no route`);
          continue;
        }
        if (delivery.state === "queued" && delivery.urgency !== "fyi") {
          const ahead = ctx.tx.asks
            .openTo(delivery.peer)
            .filter((ask) => ask.message !== delivery.message && ask.overlooked_at === undefined)
            .filter((ask) => isThere.has(key(ask.message, delivery.peer)));
          const isDead = delivery.dead_rungs.includes(route.rung);
          if (ahead.length === 0 && !isDead) truth.violate(this.promise, `${name} waits for nothing`);
        }
        const isProven = ctx.live.givesReceipts(delivery.peer);
        if (delivery.state === "presented" && isProven && !isThere.has(key(delivery.message, delivery.peer)))
          truth.violate(this.promise, `${name} vanished, and nobody noticed`);
      }
    });
  },
};
