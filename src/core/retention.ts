import { LIMITS } from "../protocol/index.ts";
import type { Engine } from "./engine.ts";
import { forgetPauses } from "./loop-guard.ts";
import type { PurgePlace } from "./ports.ts";
import { forgetMismatches } from "./reconcile.ts";

export interface Purged {
  messages: number;
  events: number;
  peers: number;
}

/** Removes what is closed and older than `before` (epoch ms), in parts: between them the engine does what else is asked of it. */
export async function purgeOlder(engine: Engine, before: number): Promise<Purged> {
  const gone: Purged = { messages: 0, events: 0, peers: 0 };
  let from: PurgePlace | undefined;
  await engine.run((ctx) => {
    forgetPauses(ctx, before);
    forgetMismatches(ctx, before);
  });
  do {
    const part = await engine.run((ctx) => ctx.tx.purge(before, { rows: LIMITS.purgeRows, from }));
    gone.messages += part.messages;
    gone.events += part.events;
    gone.peers += part.peers;
    from = part.next;
  } while (from);
  return gone;
}
