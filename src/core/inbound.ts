import { type InboundPolicy, LIMITS, RepowireError } from "../protocol/index.ts";
import { type Context, emit, stir } from "./context.ts";
import type { PeerRecord } from "./ports.ts";

/** What a recipient's user lets in: decided for a peer, for its circle, for a while, or by the mode that it runs in. */
export interface Inbound {
  policy: InboundPolicy;
  /** For senders, with the command that changes it. */
  reason?: string;
}

/** Modes in which a session acts without asking anybody. */
const MODES_WITHOUT_PROMPTS = new Set(["bypassPermissions", "yolo"]);

/** What happens to a message for this peer before any push, and why. The nearer decision counts: quiet, the peer's, its circle's, its mode's. */
export function effectiveInbound(ctx: Context, peer: PeerRecord): Inbound {
  const { name, circle, inbound_policy: own, permission_mode: mode, quiet_until: quietUntil } = peer;
  if (own !== "refuse" && isQuiet(ctx, peer)) {
    const minutes = Math.ceil(((quietUntil ?? 0) - ctx.now.wall) / 60_000);
    return { policy: "hold", reason: `its user wants quiet for ${minutes} min more; fix: repowire quiet ${name} off` };
  }
  if (own === "accept") return { policy: "accept" };
  if (own) return { policy: own, reason: `its user decided so; fix: repowire peer inbound ${name} accept` };
  const gate = peer.role === "human" ? undefined : ctx.tx.shelves.gate.get(circle);
  if (gate)
    return {
      policy: gate.policy,
      reason: `circle ${circle} is on ${gate.policy}; fix: repowire circle inbound ${circle} accept`,
    };
  if (mode && MODES_WITHOUT_PROMPTS.has(mode)) {
    const policy = ctx.config.inboundWithoutPrompts;
    if (policy !== "accept")
      return { policy, reason: `runs without permission prompts (${mode}); fix: repowire peer inbound ${name} accept` };
  }
  return { policy: "accept" };
}

export const isQuiet = (ctx: Context, { quiet_until: until }: PeerRecord): boolean =>
  until !== undefined && until > ctx.now.wall;

/** Nothing is handed to the peer for so long (milliseconds; 0 ends it); what comes meanwhile follows then. */
export function setQuiet(ctx: Context, peer: PeerRecord, ms: number, chain: string | undefined): PeerRecord {
  const next = { ...peer, quiet_until: ms > 0 ? ctx.now.wall + ms : undefined };
  ctx.tx.peers.put(next);
  emit(ctx, {
    type: "peer.inbound",
    peer: peer.id,
    data: { name: peer.name, policy: ms > 0 ? "quiet" : "auto", ...(ms > 0 ? { until: next.quiet_until } : {}), chain },
  });
  stir(ctx, peer.id);
  return next;
}

/** Quiet that is over ends by itself. */
export function liftQuiet(ctx: Context): void {
  for (const peer of ctx.tx.peers.all())
    if (peer.quiet_until !== undefined && !isQuiet(ctx, peer)) setQuiet(ctx, peer, 0, undefined);
}

/** For everybody in a circle who has no policy of their own; `accept` takes the gate away. */
export function setCircleInbound(
  ctx: Context,
  circle: string,
  policy: InboundPolicy,
  chain: string | undefined,
): PeerRecord[] {
  const { gate } = ctx.tx.shelves;
  if (policy === "accept") gate.remove(circle);
  else {
    if (!gate.get(circle) && gate.all().length >= LIMITS.circleGatesMax)
      throw new RepowireError(
        "invalid_input",
        `${LIMITS.circleGatesMax} circles have a gate already. Take one away: repowire circle inbound CIRCLE accept.`,
      );
    gate.put(circle, { id: circle, policy, at: ctx.now.wall });
  }
  const members = ctx.tx.peers.all().filter((peer) => peer.circle === circle && peer.role !== "human");
  for (const { id } of members) stir(ctx, id);
  emit(ctx, { type: "circle.inbound", data: { circle, policy, chain } });
  return members;
}
