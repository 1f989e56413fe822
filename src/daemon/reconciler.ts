import {
  type Claim,
  type Clock,
  createCandidates,
  type Engine,
  type Evidence,
  judgeEvidence,
  MISMATCH_WORDS,
  type MismatchRecord,
  type PeerRecord,
  recordMismatch,
} from "../core/index.ts";
import { logger } from "../platform/log.ts";
import { LIMITS } from "../protocol/index.ts";
import type { PartCheck } from "./health.ts";
import type { EventHub } from "./hub.ts";

const log = logger("reconciler");

export interface ReconcilerParts {
  engine: Engine;
  hub: EventHub;
  clock: Clock;
  /** Absent where the runtime has no record that could be read. */
  evidenceOf(peer: PeerRecord, claims: readonly Claim[]): Promise<Evidence[]> | undefined;
}

export interface Reconciler {
  /** One look at what is due; the timer does it. Calls do not overlap. */
  look(): Promise<void>;
  check: PartCheck;
  count(): number;
  stop(): Promise<void>;
}

/** Compares the ledger with the sessions' own records in the background. After a start it takes up the newest events again. */
export function startReconciler({ engine, hub, clock, evidenceOf }: ReconcilerParts): Reconciler {
  const candidates = createCandidates();
  const newest = engine.read(({ tx }) =>
    tx.events.after(Math.max(0, tx.events.last() - LIMITS.pageMax), LIMITS.pageMax),
  );
  for (const event of newest) candidates.note(event);
  const unsubscribe = hub.subscribe(candidates.note);
  let isStopped = false;
  let looking: Promise<void> | undefined;

  async function lookOnce(): Promise<void> {
    const byPeer = Map.groupBy(candidates.due(clock.now().wall), ({ peer }) => peer);
    for (const [id, due] of byPeer) {
      if (isStopped) return;
      const peer = engine.read(({ tx }) => tx.peers.get(id));
      const found = due.map((candidate) => ({
        candidate,
        claim: engine.read(({ tx }) => tx.deliveries.get(candidate.message, candidate.peer)),
      }));
      const claims = found.flatMap(({ claim }) => claim ?? []);
      const shown = new Map((await gather(peer, claims)).map((evidence, at) => [claims[at], evidence]));
      for (const { candidate, claim } of found) {
        const evidence = shown.get(claim);
        const kind = claim && evidence && judgeEvidence(claim, evidence);
        const mark = candidates.looked(candidate, kind, clock.now().wall);
        if (claim && mark) await markMismatch(claim, mark);
      }
    }
  }

  async function markMismatch(claim: Claim, kind: MismatchRecord["kind"]): Promise<void> {
    if (await engine.run((ctx) => recordMismatch(ctx, claim, kind)))
      log.warning("what is recorded of a delivery differs from its session's own record", {
        kind,
        handle: claim.handle,
      });
  }

  /** In the order of the claims; empty where nothing can be concluded of any. */
  async function gather(peer: PeerRecord | undefined, claims: readonly Claim[]): Promise<Evidence[]> {
    if (!peer || claims.length === 0) return [];
    try {
      return (await evidenceOf(peer, claims)) ?? [];
    } catch (error) {
      log.warning("a session's own record could not be looked at", { peer: peer.id, error });
      return [];
    } finally {
      // One file at a time: between two, everything else has its turn.
      await Bun.sleep(0);
    }
  }

  function look(): Promise<void> {
    looking ??= lookOnce().finally(() => {
      looking = undefined;
    });
    return looking;
  }

  const timer = setInterval(
    () => void look().catch((error) => log.error("the reconciler failed", { error })),
    LIMITS.reconcileMs,
  );
  const marked = () => engine.read(({ tx }) => tx.shelves.mismatch.all());

  return {
    look,
    count: () => marked().length,
    check() {
      const last = marked().at(-1);
      if (!last) return { ok: true };
      return {
        ok: true,
        detail: `${marked().length} deliveries differ from their sessions' own records; newest ${last.handle} (${MISMATCH_WORDS[last.kind]}). Next: repowire trace ${last.handle}`,
      };
    },
    async stop() {
      isStopped = true;
      clearInterval(timer);
      unsubscribe();
      await looking?.catch((error) => log.error("the reconciler failed", { error }));
    },
  };
}
