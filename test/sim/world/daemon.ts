import {
  createEngine,
  createLive,
  type Effect,
  type Engine,
  emit,
  type Ids,
  type Live,
  type MessageStore,
  recover,
  StorageError,
} from "../../../src/core/index.ts";
import { createDispatcher } from "../../../src/daemon/dispatcher.ts";
import { createEventHub } from "../../../src/daemon/hub.ts";
import { createLinkServer } from "../../../src/daemon/links.ts";
import { startWatch } from "../../../src/daemon/presence-watch.ts";
import { createOperations, createWaits, type Operations, type Waits } from "../../../src/operations/index.ts";
import { calendar } from "../../../src/platform/calendar.ts";
import { LIMITS, type ProcessInstance, RepowireError, VERSION } from "../../../src/protocol/index.ts";
import { memoryBlobs } from "../../support/memory-blobs.ts";
import { noDashboard } from "../../support/no-dashboard.ts";
import { noCommits, noLauncher, noWorktrees } from "../../support/no-launcher.ts";
import type { Disk } from "./disk.ts";
import { createHookAdapter, type HookAdapter, type HookedSession } from "./hook-adapter.ts";
import type { Network } from "./network.ts";
import { ProcessDied, type SimProcess } from "./process.ts";

export const TOKEN = "the token of this home";

/** The daemon's parts, put together as `src/daemon/daemon.ts` does it, without HTTP, files and the runtimes' own adapters. */
export interface SimDaemon {
  readonly process: SimProcess;
  readonly engine: Engine;
  readonly live: Live;
  readonly waits: Waits;
  readonly operations: Operations;
  readonly hooks: HookAdapter;
  /** Serves from now on; before, and after its death, nobody is answered. */
  readonly isUp: boolean;
  stop(backInMs: number): void;
}

export interface DaemonParts {
  process: SimProcess;
  disk: Disk;
  network: Network;
  ids: Ids;
  isAlive(instance: ProcessInstance): boolean;
  hooked(): readonly HookedSession[];
  onEffects(effects: readonly Effect[]): void;
  onFault(error: unknown): void;
}

export function bootDaemon(parts: DaemonParts): SimDaemon {
  const { process, network } = parts;
  const { clock } = process;
  const store: MessageStore = parts.disk.open(process);
  const hub = createEventHub();
  const waits = createWaits();
  const live = createLive();
  const dispatcher = createDispatcher({ hub, waits, clock });
  let isUp = false;

  const fault = (error: unknown) => {
    const isExpected = error instanceof StorageError || error instanceof ProcessDied || !process.alive;
    if (!isExpected && !(error instanceof RepowireError)) parts.onFault(error);
  };
  const engine = createEngine({
    store,
    clock,
    ids: parts.ids,
    live,
    config: {
      machine: "laptop",
      inboundWithoutPrompts: "hold",
      budgets: {
        pairPerMinute: LIMITS.pairPerMinuteMax,
        pairPerNight: LIMITS.pairPerNightMax,
        circlePerMinute: LIMITS.circlePerMinuteMax,
        threadDepth: LIMITS.hopsMax,
      },
    },
    schedule: (run) => void clock.after(0, run),
    perform(effects) {
      parts.onEffects(effects);
      process.step("before effects");
      dispatcher.perform(effects);
      process.step("after effects");
    },
    onFault: fault,
  });
  dispatcher.connect(engine);
  const operations = createOperations(
    {
      engine,
      clock,
      calendar,
      blobs: memoryBlobs(),
      ids: parts.ids,
      waits,
      launcher: noLauncher,
      worktrees: noWorktrees,
      commits: noCommits,
      humanName: "person",
      onEventOf: hub.subscribeTo,
      ...noDashboard,
      discover: async () => ({ found: [], unreachable: [] }),
      probe: async () => {},
      tryNotifier: async () => ({ ms: 0 }),
    },
    store.epoch,
  );
  const hooks = createHookAdapter({ engine, clock, ids: parts.ids, hooked: parts.hooked, onFault: fault });
  let watch: ReturnType<typeof startWatch> | undefined;
  const links = createLinkServer({
    token: TOKEN,
    instance: process.name,
    epoch: store.epoch,
    humanName: "pat",
    engine,
    clock,
    operations,
    dispatcher,
    checkClaim(claim) {
      if (parts.isAlive(claim.process)) return "proven";
      throw new RepowireError("unauthorized", "that process does not live");
    },
    isAlive: parts.isAlive,
    mayBeSubagent: () => false,
    profile: (hello) =>
      hello.session.runtime === "claude-code"
        ? { rung: "channel", serves: { idle: 1, busy: 2 }, needsProof: true }
        : { rung: "push", serves: { idle: 1, busy: 1 }, needsProof: false },
    onSession: (peer) => hooks.attach(peer),
    onLost: () => watch?.lookSoon(),
  });

  async function start(): Promise<void> {
    await engine.run((ctx) => {
      emit(ctx, { type: "daemon.started", data: { version: VERSION } });
      recover(ctx, (peer) => peer.instance !== undefined && parts.isAlive(peer.instance));
    });
    network.listen({
      process,
      accept(socket) {
        const data: Parameters<typeof links.open>[0]["data"] = { connection: undefined };
        links.open({ data, ...socket });
        return { receive: (text) => data.link?.receive(text), closed: () => data.link?.closed() };
      },
    });
    watch = startWatch({ engine, clock, calendar, isAlive: parts.isAlive });
    hooks.start();
    isUp = true;
  }

  // A disk that is full at this instant ends the start, as it ends that of the real one.
  start().catch((error) => {
    fault(error);
    process.kill();
  });

  return {
    process,
    engine,
    live,
    waits,
    operations,
    hooks,
    get isUp() {
      return isUp && process.alive;
    },
    stop(backInMs) {
      void (async () => {
        watch?.stop();
        await links.shutdown(backInMs);
        network.listen(undefined);
        await engine.run((ctx) => emit(ctx, { type: "daemon.stopped", data: {} }));
        process.kill();
      })().catch((error) => {
        fault(error);
        process.kill();
      });
    },
  };
}
