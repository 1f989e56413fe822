import type { Context, Effect, Engine } from "../../core/index.ts";
import { logger } from "../../platform/log.ts";
import { asRepowireError, type MeshEvent } from "../../protocol/index.ts";
import { type Counters, createCounters } from "./counters.ts";
import { createGauges, type GaugeParts } from "./gauges.ts";
import { Registry } from "./prom.ts";
import type { Totals } from "./samples.ts";

const log = logger("metrics");

export interface Metrics {
  /** Counts what was decided and committed. */
  effects(effects: readonly Effect[]): void;
  /** One error is counted once, through however many doors it passes on its way out. */
  refused(error: unknown): void;
  linkJoined(kind: "new" | "resumed"): void;
  batchCommitted(decisions: number): void;
  /** How long the store's commit took, with its wait for the disk; milliseconds. */
  commitTook(ms: number): void;
  /** Adds what is looked at when somebody asks, once those parts exist. */
  addGauges(parts: GaugeParts): void;
  /** What went up since the daemon started. */
  totals(): Promise<Totals>;
  /** All of it in Prometheus' text format. */
  render(): Promise<{ contentType: string; text: string }>;
}

export function createMetrics(engine: () => Engine): Metrics {
  const registry = new Registry();
  const counters = createCounters(registry);
  const counted = new WeakSet<object>();

  return {
    effects(effects) {
      try {
        engine().read((ctx) => {
          for (const effect of effects) if (effect.type === "event") countEvent(counters, ctx, effect.event);
        });
      } catch (error) {
        // What was decided is stored and done; a damaged database that cannot be looked at must not undo that by a number.
        log.warning("events were not counted", { error });
      }
    },
    refused(error) {
      if (typeof error !== "object" || error === null || counted.has(error)) return;
      counted.add(error);
      counters.refusals.inc({ code: asRepowireError(error).code });
    },
    linkJoined: (kind) => counters.linksJoined.inc({ kind }),
    batchCommitted: (decisions) => counters.batch.observe(decisions),
    commitTook: (ms) => counters.commit.observe(ms / 1_000),
    async totals() {
      const sum = (values: { value: number }[]) => values.reduce((total, { value }) => total + value, 0);
      const [accepted, refused, commit] = await Promise.all([
        counters.accepted.get(),
        counters.refusals.get(),
        counters.commit.get(),
      ]);
      const of = (ending: string) => commit.values.find(({ metricName }) => metricName?.endsWith(ending))?.value ?? 0;
      return {
        accepted: sum(accepted.values),
        refused: sum(refused.values),
        commits: of("_count"),
        commit_seconds: of("_sum"),
      };
    },
    addGauges: (parts) => createGauges(registry, parts),
    render: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  };
}

function countEvent(counters: Counters, ctx: Context, event: MeshEvent): void {
  const [subject, what] = event.type.split(".");
  if (event.type === "message.accepted") counters.accepted.inc({ kind: String(event.data.kind) });
  else if (subject === "delivery" && what) countMove(counters, ctx, event, what);
  else if (subject === "ask" && ASK_ENDS.has(event.type)) countEnd(counters, ctx, event, what ?? "");
}

const ASK_ENDS: ReadonlySet<string> = new Set([
  "ask.answered",
  "ask.declined",
  "ask.failed",
  "ask.cancelled",
  "ask.expired",
]);

function countMove(counters: Counters, { tx }: Context, event: MeshEvent, state: string): void {
  const { peer, message } = event;
  if (peer === undefined || message === undefined) return;
  const runtime = tx.peers.get(peer)?.runtime ?? "gone";
  const delivery = tx.deliveries.get(message, peer);
  const rung = event.data.rung ?? delivery?.rung ?? "none";
  counters.moves.inc({ state, rung: String(rung), runtime });
  if (!delivery) return;
  const seconds = Math.max(0, event.at - delivery.queued_at) / 1_000;
  if (state === "presented") counters.toPresented.observe({ runtime }, seconds);
  else if (state === "seen") counters.toSeen.observe({ runtime }, seconds);
}

function countEnd(counters: Counters, { tx }: Context, event: MeshEvent, end: string): void {
  const { by, reason } = event.data;
  counters.asksEnded.inc({ end, detail: String(by ?? reason ?? "none") });
  const { peer, message } = event;
  if (event.type !== "ask.answered" || peer === undefined || message === undefined) return;
  const runtime = tx.peers.get(peer)?.runtime ?? "gone";
  const ask = tx.asks.get(message);
  if (ask) counters.toAnswered.observe({ runtime }, Math.max(0, event.at - ask.opened_at) / 1_000);
}
