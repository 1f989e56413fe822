import type { Transport, Transports, Verdict } from "../adapters/adapter.ts";
import { type Clock, type Effect, type Engine, type Route, requeue, settleDelivery } from "../core/index.ts";
import type { Waits } from "../operations/index.ts";
import { logger } from "../platform/log.ts";
import { asRepowireError, type DeliverResult, type Envelope, type PeerId } from "../protocol/index.ts";
import type { EventHub } from "./hub.ts";
import { record } from "./record.ts";

/** Carries out what core decided, after the commit: hand-overs to transports, results to waiting calls, events to listeners. */
export interface Dispatcher extends Transports {
  perform(effects: Effect[]): void;
  onVerdict(listener: (verdict: Verdict) => void): void;
  /** Called when something was handed to a peer, so that its receipts are looked for. */
  onWatch(listener: (peer: PeerId) => void): void;
  connect(engine: Engine): void;
  /** Asks the other end of a route for a sign of life. Throws what went wrong. */
  probe(route: Route["id"]): Promise<void>;
}

const log = logger("dispatch");

export interface DispatcherParts {
  hub: EventHub;
  waits: Waits;
  clock: Clock;
  /** The messages as they go out, each with its hand-over's place in its trace. */
  carry?(peer: PeerId, items: Envelope[]): Envelope[];
}

export function createDispatcher(parts: DispatcherParts): Dispatcher {
  const transports = new Map<string, Transport>();
  const onVerdict: ((verdict: Verdict) => void)[] = [];
  const onWatch: ((peer: PeerId) => void)[] = [];
  let engine: Engine | undefined;

  async function handOver(route: Route["id"], peer: PeerId, items: Envelope[]): Promise<void> {
    const transport = transports.get(route);
    // A route that closed in the same batch: its hand-overs are judged like those of any lost link.
    if (!transport) return giveBack(peer, items, "its route closed");
    const results = await handOverTo(transport, route, peer, items);
    if (results) await settle(peer, route, results);
  }

  /** Only a failed hand-over is given back; one that worked and cannot be recorded yet must not be repeated. */
  async function handOverTo(
    transport: Transport,
    route: Route["id"],
    peer: PeerId,
    items: Envelope[],
  ): Promise<DeliverResult[] | undefined> {
    try {
      return await transport.deliver(items);
    } catch (error) {
      const refusal = asRepowireError(error);
      // The link was lost in the middle: only the other side knows. Core waits for its report.
      if (refusal.code === "unavailable") return undefined;
      log.error("hand-over failed", { route, error });
      await giveBack(peer, items, refusal.message);
      return undefined;
    }
  }

  async function settle(peer: PeerId, route: string, results: DeliverResult[]): Promise<void> {
    if (!engine) return;
    await record(engine, parts.clock, (ctx) => {
      const rung = ctx.live.route(route)?.rung;
      for (const result of results) {
        const delivery = ctx.tx.deliveries.get(result.message, peer);
        settleDelivery(ctx, peer, result, rung ?? delivery?.rung ?? "push");
      }
    });
  }

  async function giveBack(peer: PeerId, items: Envelope[], why: string): Promise<void> {
    if (!engine) return;
    await record(engine, parts.clock, (ctx) => {
      for (const item of items) {
        const delivery = ctx.tx.deliveries.get(item.message, peer);
        if (delivery?.state === "leased" && delivery.attempt === item.attempt) requeue(ctx, delivery, why);
      }
    });
  }

  function performOne(effect: Effect): void {
    switch (effect.type) {
      case "event":
        return parts.hub.publish(effect.event);
      case "settle":
        return parts.waits.settle(effect.wait, effect.outcome);
      case "progress":
        return parts.waits.progress(effect.wait, effect.text);
      case "deliver":
        return void handOver(effect.route, effect.peer, parts.carry?.(effect.peer, effect.items) ?? effect.items).catch(
          fault,
        );
      case "cancel":
        return transports.get(effect.route)?.cancel?.(effect.message);
      case "verdict":
        for (const listener of onVerdict) listener(effect);
        return;
      case "watch":
        for (const listener of onWatch) listener(effect.peer);
        return;
      default:
        effect satisfies never;
    }
  }

  function fault(error: unknown): void {
    log.error("an effect failed", { error });
  }

  return {
    perform(effects) {
      for (const effect of effects) {
        try {
          performOne(effect);
        } catch (error) {
          fault(error);
        }
      }
    },
    async probe(route) {
      const transport = transports.get(route);
      if (!transport) throw new Error("the route closed meanwhile");
      await transport.probe();
    },
    addTransport: (route, transport) => void transports.set(route, transport),
    transportOf: (route) => transports.get(route),
    removeTransport: (route) => void transports.delete(route),
    onVerdict: (listener) => void onVerdict.push(listener),
    onWatch: (listener) => void onWatch.push(listener),
    connect(connected) {
      engine = connected;
    },
  };
}
