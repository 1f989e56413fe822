import type { MeshEvent, PeerId } from "../protocol/index.ts";
import type { Live } from "./live.ts";
import type { CoreConfig, Effect, Ids, NewEvent, Now, Tx } from "./ports.ts";

/** Everything one decision may use. A decision is synchronous: it reads, writes and names effects; nothing of it happens before the commit. */
export interface Context {
  readonly tx: Tx;
  readonly now: Now;
  readonly ids: Ids;
  readonly live: Live;
  readonly config: CoreConfig;
  readonly effects: Effect[];
  /** Peers whose mailbox may have something to hand over now; looked at once, when the decision is made. */
  readonly stirred: Set<PeerId>;
}

/** Appends to the event log; subscribers hear of it after the commit. */
export function emit(ctx: Context, event: NewEvent): MeshEvent {
  const stored = ctx.tx.events.append(event, ctx.now.wall);
  ctx.effects.push({ type: "event", event: stored });
  return stored;
}

/** Has the router look at this peer's mailbox at the end of the decision. */
export function stir(ctx: Context, peer: PeerId): void {
  ctx.stirred.add(peer);
}
