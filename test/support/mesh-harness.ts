import {
  type AskRecord,
  type Blobs,
  type Budgets,
  type Caller,
  type Clock,
  type Commits,
  type Context,
  claimSeat,
  createEngine,
  createLive,
  type DeliveryRecord,
  type Effect,
  type Engine,
  type Ids,
  keepDeadlines,
  type Live,
  type MessageStore,
  noteActivity,
  openRoute,
  type PeerRecord,
  type Route,
  type SessionStart,
  settleDelivery,
} from "../../src/core/index.ts";
import { createOperations, createWaits, type Operations, sendDue, type Waits } from "../../src/operations/index.ts";
import { calendar } from "../../src/platform/calendar.ts";
import type {
  CallOptions,
  DeliverResult,
  Envelope,
  InboundPolicy,
  MeshEvent,
  MessageId,
  OperationInput,
  OperationName,
  OperationOutput,
  PeerId,
} from "../../src/protocol/index.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { NO_BUDGETS } from "./budgets.ts";
import { countedIds } from "./counted-ids.ts";
import { memoryBlobs } from "./memory-blobs.ts";
import { noDashboard } from "./no-dashboard.ts";
import { noCommits, noLauncher, noWorktrees } from "./no-launcher.ts";
import { type VirtualClock, virtualClock } from "./virtual-clock.ts";

/**
 * A whole mesh without edges: store, engine, live state, operations and waits put together, with a clock that stands still and
 * transports that do nothing until the test says what became of a hand-over.
 */
export interface MeshHarness {
  readonly clock: VirtualClock;
  readonly ids: Ids;
  readonly store: MessageStore;
  readonly live: Live;
  readonly engine: Engine;
  readonly operations: Operations;
  readonly waits: Waits;
  /** All effects that were carried out, in order. */
  readonly effects: Effect[];
  /** What the engine reported as a fault of its own, not as a refusal. */
  readonly faults: unknown[];

  /** A session takes a seat. Its folder is `/work/NAME` and its process a new one, unless said otherwise. */
  join(name: string, start?: Partial<SessionStart>): Promise<PeerId>;
  /** Opens a way into the peer's session; by default one that serves it idle and busy. Returns the route's id. */
  openPush(peer: PeerId, route?: Partial<Route>): Promise<string>;
  caller(peer: PeerId, change?: Partial<Caller>): Caller;
  call<Name extends OperationName>(
    peer: PeerId,
    name: Name,
    input: OperationInput<Name>,
    options?: CallOptions,
  ): Promise<OperationOutput<Name>>;
  /** Runs one decision and waits for its commit. */
  decide<T>(decide: (ctx: Context) => T): Promise<T>;
  read<T>(look: (ctx: Context) => T): T;

  /** What was handed to the peer's routes since this was last asked. */
  delivered(peer: PeerId): Envelope[];
  /** The transport reports on the hand-over in flight. */
  settle(peer: PeerId, message: MessageId, outcome: DeliverResult["outcome"], reason?: string): Promise<void>;
  /** Takes what was handed over and reports all of it as presented. */
  present(peer: PeerId): Promise<Envelope[]>;
  /** The session's runtime tells what it is doing. */
  activity(peer: PeerId, state: "idle" | "busy" | "waiting" | "unknown", detail?: string): Promise<void>;
  /** Whether the session's runtime gives receipts, so that their absence proves something. */
  givesReceipts(peer: PeerId): Promise<void>;

  peer(id: PeerId): PeerRecord;
  delivery(message: MessageId, peer: PeerId): DeliveryRecord;
  ask(message: MessageId): AskRecord;
  /** Types of all events about one message, in order. */
  history(message: MessageId): string[];

  /** Lets time pass, then does what the daemon does every second. For several such rounds, call it several times. */
  advance(ms: number): Promise<void>;
  /** Resolves when everything that can go on without time passing has done so. */
  quiet(): Promise<void>;
}

export interface HarnessOptions {
  /** A store that already holds something, for a daemon that was restarted. */
  store?: MessageStore;
  clock?: VirtualClock;
  ids?: Ids;
  inboundWithoutPrompts?: InboundPolicy;
  /** By default there are none. */
  commits?: Commits;
  /** By default in memory. */
  blobs?: Blobs;
  /** By default only chains have a limit, so that tests of other things may send as much as they like. */
  budgets?: Partial<Budgets>;
  /** What the other end of a route says to a probe; by default that it is there. */
  probe?(route: string): Promise<void>;
  /** Told of effects as they happen, after the harness itself has taken note. */
  onEffects?: (effects: Effect[]) => void;
}

export function createMesh(options: HarnessOptions = {}): MeshHarness {
  const clock = options.clock ?? virtualClock();
  const budgets = { ...NO_BUDGETS, ...options.budgets };
  const ids = options.ids ?? countedIds();
  const store = options.store ?? memoryStore();
  const live = createLive();
  const waits = createWaits();
  const effects: Effect[] = [];
  const faults: unknown[] = [];
  const listeners = new Set<(event: MeshEvent) => void>();
  const handed = new Map<PeerId, Envelope[]>();
  let processes = 0;
  let routes = 0;

  function perform(batch: Effect[]): void {
    effects.push(...batch);
    for (const effect of batch) {
      if (effect.type === "settle") waits.settle(effect.wait, effect.outcome);
      else if (effect.type === "progress") waits.progress(effect.wait, effect.text);
      else if (effect.type === "event") for (const listener of listeners) listener(effect.event);
      else if (effect.type === "deliver")
        handed.set(effect.peer, [...(handed.get(effect.peer) ?? []), ...effect.items]);
    }
    options.onEffects?.(batch);
  }

  const engine = createEngine({
    store,
    clock: clock satisfies Clock,
    ids,
    live,
    config: { machine: "laptop", inboundWithoutPrompts: options.inboundWithoutPrompts ?? "hold", budgets },
    schedule: queueMicrotask,
    perform,
    onFault: (error) => void faults.push(error),
  });
  const onEventOf = (message: MessageId, listener: (event: MeshEvent) => void) => {
    const own = (event: MeshEvent) => {
      if (event.message === message) listener(event);
    };
    listeners.add(own);
    return () => void listeners.delete(own);
  };
  // No runtimes here, so there is nothing to find.
  const discover = async () => ({ found: [], unreachable: [] });
  // Transports do nothing here until a test says so; they are there.
  const probe = options.probe ?? (async () => {});
  const operations = createOperations(
    {
      engine,
      clock,
      calendar,
      blobs: options.blobs ?? memoryBlobs(),
      ids,
      waits,
      launcher: noLauncher,
      worktrees: noWorktrees,
      commits: options.commits ?? noCommits,
      humanName: "person",
      onEventOf,
      ...noDashboard,
      discover,
      probe,
      tryNotifier: async () => ({ ms: 0 }),
    },
    store.epoch,
  );

  const mesh: MeshHarness = {
    clock,
    ids,
    store,
    live,
    engine,
    operations,
    waits,
    effects,
    faults,

    join: (name, start = {}) =>
      engine.run((ctx) => {
        processes++;
        const seat = claimSeat(ctx, {
          runtime: start.role === "human" ? "terminal" : "claude-code",
          role: "agent",
          instance: { pid: processes, started: `start-${processes}`, boot: "boot" },
          path: `/work/${name}`,
          capabilities: ["mcp_tools"],
          identity: "proven",
          ...start,
        });
        return seat.id;
      }),
    async openPush(peer, route = {}) {
      const rung = route.rung ?? "push";
      const id = route.id ?? `${rung}-${++routes}`;
      const serves = { idle: 1, busy: 1 };
      await engine.run((ctx) =>
        openRoute(ctx, { peer, serves, ready: true, needsProof: false, suspect: false, ...route, id, rung }),
      );
      return id;
    },
    caller(peer, change = {}) {
      const { role } = mesh.peer(peer);
      return { peer, role, isHuman: role === "human", mayBeSubagent: false, ...change };
    },
    call: (peer, name, input, callOptions) => operations.call(name, input, mesh.caller(peer), callOptions),
    decide: (decide) => engine.run(decide),
    read: (look) => engine.read(look),

    delivered(peer) {
      const items = handed.get(peer) ?? [];
      handed.delete(peer);
      return items;
    },
    settle: (peer, message, outcome, reason) =>
      engine.run((ctx) => {
        const delivery = ctx.tx.deliveries.get(message, peer);
        if (!delivery?.rung) throw new Error(`no hand-over of ${message} is in flight`);
        settleDelivery(ctx, peer, { message, attempt: delivery.attempt, outcome, reason }, delivery.rung);
      }),
    async present(peer) {
      const items = mesh.delivered(peer);
      for (const item of items) await mesh.settle(peer, item.message, "presented");
      return items;
    },
    activity: (peer, state, detail) => engine.run((ctx) => noteActivity(ctx, peer, state, detail)),
    givesReceipts: (peer) => engine.run((ctx) => ctx.live.setGivesReceipts(ctx.tx, peer, true)),

    peer: (id) =>
      must(
        engine.read(({ tx }) => tx.peers.get(id)),
        `peer ${id}`,
      ),
    delivery: (message, peer) =>
      must(
        engine.read(({ tx }) => tx.deliveries.get(message, peer)),
        `delivery of ${message}`,
      ),
    ask: (message) =>
      must(
        engine.read(({ tx }) => tx.asks.get(message)),
        `ask ${message}`,
      ),
    history: (message) => engine.read(({ tx }) => tx.events.ofMessages([message])).map((event) => event.type),

    async advance(ms) {
      clock.advance(ms);
      await mesh.quiet();
      await engine.run(keepDeadlines);
      await sendDue({ engine, calendar });
      await mesh.quiet();
    },
    // Promises that settle settle before the next turn of the event loop.
    quiet: () => new Promise((resolve) => setImmediate(resolve)),
  };
  return mesh;
}

/** A copy of its own: stores hand out frozen records, and Bun's matchers write into what they compare. */
function must<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`there is no ${what}`);
  return structuredClone(value);
}
