import { type Context, claimSeat, type PeerRecord } from "../core/index.ts";
import { DEFAULT_CIRCLE } from "../protocol/index.ts";

/** The seats that need no session: the person of this machine, and scripts that run outside any terminal or agent. */

export function humanSeat(ctx: Context, name: string): PeerRecord {
  return (
    ctx.tx.peers.all().find((peer) => peer.role === "human" && peer.runtime === "terminal") ??
    makeSeat(ctx, "human", name)
  );
}

export function scriptSeat(ctx: Context): PeerRecord {
  return (
    ctx.tx.peers.all().find((peer) => peer.role === "service" && peer.runtime === "script") ??
    makeSeat(ctx, "service", "script")
  );
}

function makeSeat(ctx: Context, role: "human" | "service", name: string): PeerRecord {
  return claimSeat(ctx, {
    runtime: role === "human" ? "terminal" : "script",
    role,
    name,
    circle: DEFAULT_CIRCLE,
    capabilities: [],
    identity: role === "human" ? "proven" : "asserted",
  });
}
