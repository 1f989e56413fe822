import { mustGet, type PeerRecord, type Route, resolvePeer, seatOf } from "../core/index.ts";
import { LIMITS, type OperationOutput } from "../protocol/index.ts";
import type { Handler, OperationDeps } from "./types.ts";

type Probe = OperationOutput<"probe">["probes"][number];

/** Every way into a live session, tried at once. */
export function probeHandler(deps: OperationDeps): Handler<"probe"> {
  async function probe(peer: PeerRecord, route: Route): Promise<Probe> {
    const base = {
      peer: peer.name,
      peer_id: peer.id,
      runtime: peer.runtime,
      rung: route.rung,
      gives_receipts: deps.engine.read((ctx) => ctx.live.givesReceipts(peer.id)),
    };
    const from = performance.now();
    try {
      await within(deps.probe(route.id));
      return { ...base, ok: true, latency_ms: performance.now() - from };
    } catch (error) {
      return { ...base, ok: false, reason: error instanceof Error ? error.message : String(error) };
    }
  }

  return async ({ caller, params }) => {
    const ways = deps.engine.read((ctx) => {
      const asked =
        params.peer === undefined
          ? ctx.tx.peers.all()
          : [mustGet(ctx, resolvePeer(ctx, seatOf(ctx, caller), params.peer).id)];
      return asked
        .filter((peer) => peer.presence.state !== "offline")
        .flatMap((peer) => ctx.live.routes(peer.id).map((route) => ({ peer, route })));
    });
    return { probes: await Promise.all(ways.map(({ peer, route }) => probe(peer, route))) };
  };
}

async function within(probing: Promise<void>): Promise<void> {
  const timeout = AbortSignal.timeout(LIMITS.probeMs);
  await Promise.race([
    probing,
    new Promise((_, reject) => {
      timeout.addEventListener("abort", () => reject(new Error(`no sign of life within ${LIMITS.probeMs / 1_000} s`)));
    }),
  ]);
}
