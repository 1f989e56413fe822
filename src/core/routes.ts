import type { PeerId, Rung } from "../protocol/index.ts";
import { type Context, emit, stir } from "./context.ts";
import type { Route } from "./ports.ts";

/**
 * The best live route for what the session is doing now: ready, not known to be dead for this delivery, trusted before suspect,
 * then by the adapter's own preference. A lost link is waited for before a lower rung takes over, since the session's own process
 * may still report what it did.
 */
export function chooseRoute(ctx: Context, peer: PeerId, deadRungs: readonly Rung[]): Route | undefined {
  const activity = ctx.live.activity(peer).state;
  const busy = activity === "busy" || activity === "waiting";
  const preference = (route: Route) => (busy ? route.serves.busy : route.serves.idle) ?? Number.POSITIVE_INFINITY;
  return ctx.live
    .routes(peer)
    .filter((route) => route.ready && preference(route) < Number.POSITIVE_INFINITY && !deadRungs.includes(route.rung))
    .sort((a, b) => Number(a.suspect) - Number(b.suspect) || preference(a) - preference(b))[0];
}

/** Whether any push can start a turn in this session now or soon. */
export function hasPush(ctx: Context, peer: PeerId): boolean {
  return ctx.live.routes(peer).some((route) => route.serves.idle !== undefined);
}

export function openRoute(ctx: Context, route: Route): void {
  ctx.live.putRoute(ctx.tx, route);
  emitRung(ctx, route.peer, route.rung, route.ready ? "open" : "starting");
  if (route.ready) stir(ctx, route.peer);
}

export function setRouteReady(ctx: Context, id: string): void {
  const route = ctx.live.route(id);
  if (!route || route.ready) return;
  ctx.live.putRoute(ctx.tx, { ...route, ready: true });
  emitRung(ctx, route.peer, route.rung, "open");
  stir(ctx, route.peer);
}

export function closeRoute(ctx: Context, id: string): void {
  const route = ctx.live.route(id);
  if (!route) return;
  ctx.live.removeRoute(ctx.tx, id);
  emitRung(ctx, route.peer, route.rung, "closed");
  stir(ctx, route.peer);
}

/** A receipt came for something pushed here: from now on the rung is trusted in this process. */
export function proveRung(ctx: Context, peerId: PeerId, rung: Rung, by: string, latencyMs?: number): void {
  const peer = ctx.tx.peers.get(peerId);
  if (!peer) return;
  const first = peer.proofs[rung] === undefined;
  ctx.tx.peers.put({ ...peer, proofs: { ...peer.proofs, [rung]: { by, at: ctx.now.wall, latency_ms: latencyMs } } });
  for (const route of ctx.live.routes(peerId)) {
    if (route.rung === rung && route.suspect) ctx.live.putRoute(ctx.tx, { ...route, suspect: false });
  }
  if (first) emitRung(ctx, peerId, rung, "proven");
}

/** A push is provably dead here. Before any proof that makes the whole route suspect. */
export function suspectRung(ctx: Context, peerId: PeerId, rung: Rung): void {
  const proven = ctx.tx.peers.get(peerId)?.proofs[rung] !== undefined;
  for (const route of ctx.live.routes(peerId)) {
    if (route.rung === rung && route.needsProof && !proven && !route.suspect) {
      ctx.live.putRoute(ctx.tx, { ...route, suspect: true });
      emitRung(ctx, peerId, rung, "suspect");
    }
  }
}

function emitRung(ctx: Context, peer: PeerId, rung: Rung, state: string): void {
  emit(ctx, { type: "peer.rung", peer, data: { rung, state } });
}
