import type { Registry } from "prom-client";
import { Counter, Histogram } from "./prom.ts";

/** Seconds. A commit is a fraction of a millisecond on a fast disk, tens of them on a slow one. */
const COMMIT_BUCKETS = [0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5];
const BATCH_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256];
/** Seconds. A hand-over is milliseconds, reading is a model's step, an answer is its work, or its user's evening. */
const LATENCY_BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1_800, 7_200, 86_400];

export type Counters = ReturnType<typeof createCounters>;

/** What is counted as it happens. Labels have few values, all of them from our own tables: never a name, an id or a text of a peer. */
export function createCounters(registry: Registry) {
  const registers = [registry];
  return {
    accepted: new Counter({
      name: "repowire_messages_accepted_total",
      help: "Messages that were stored, and so accepted, since the daemon started, by kind.",
      labelNames: ["kind"] as const,
      registers,
    }),
    moves: new Counter({
      name: "repowire_delivery_moves_total",
      help: "Moves of deliveries into a state, by state, the rung they are on (none: no hand-over yet) and the recipient's runtime. A repeated attempt counts again.",
      labelNames: ["state", "rung", "runtime"] as const,
      registers,
    }),
    asksEnded: new Counter({
      name: "repowire_asks_ended_total",
      help: "Questions that ended, by how (answered, declined, failed, cancelled, expired) and detail: what an answer came by, why one failed.",
      labelNames: ["end", "detail"] as const,
      registers,
    }),
    refusals: new Counter({
      name: "repowire_refusals_total",
      help: "Requests that were refused, at any door, by the error's code.",
      labelNames: ["code"] as const,
      registers,
    }),
    linksJoined: new Counter({
      name: "repowire_link_joins_total",
      help: "Links that said hello: `new`, or `resumed` after a lost connection or a restart of the daemon.",
      labelNames: ["kind"] as const,
      registers,
    }),
    batch: new Histogram({
      name: "repowire_commit_batch_decisions",
      help: "Decisions that were stored by one commit.",
      buckets: BATCH_BUCKETS,
      registers,
    }),
    commit: new Histogram({
      name: "repowire_commit_seconds",
      help: "Time of one commit: the write to the journal, with the wait for the disk (fsync) where `synchronous` is full.",
      buckets: COMMIT_BUCKETS,
      registers,
    }),
    toPresented: new Histogram({
      name: "repowire_accept_to_presented_seconds",
      help: "From acceptance to each hand-over to the recipient's runtime, by that runtime. Wall clock, in whole milliseconds.",
      labelNames: ["runtime"] as const,
      buckets: LATENCY_BUCKETS,
      registers,
    }),
    toSeen: new Histogram({
      name: "repowire_accept_to_seen_seconds",
      help: "From acceptance to the recipient's receipt, by its runtime. Wall clock, in whole milliseconds.",
      labelNames: ["runtime"] as const,
      buckets: LATENCY_BUCKETS,
      registers,
    }),
    toAnswered: new Histogram({
      name: "repowire_accept_to_answered_seconds",
      help: "From acceptance of a question to its answer, by the answering runtime. Wall clock, in whole milliseconds.",
      labelNames: ["runtime"] as const,
      buckets: LATENCY_BUCKETS,
      registers,
    }),
  };
}
