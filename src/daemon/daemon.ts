import { existsSync, renameSync, rmSync } from "node:fs";
import type { Server } from "bun";
import type { SharedServer } from "../adapters/adapter.ts";
import { createFileReports } from "../adapters/files.ts";
import {
  createEngine,
  createLive,
  createRadar,
  type Engine,
  emit,
  lastAlive,
  present,
  purgeOlder,
  recover,
} from "../core/index.ts";
import { createLauncher } from "../launcher/launcher.ts";
import { createWorktrees } from "../launcher/worktrees.ts";
import { createOperations, createWaits, keepAttachments } from "../operations/index.ts";
import { createBlobs } from "../platform/blobs.ts";
import { calendar } from "../platform/calendar.ts";
import { type ClockMark, realClock } from "../platform/clock.ts";
import { commits } from "../platform/commits.ts";
import type { Config } from "../platform/config.ts";
import { readDaemonRecord, writeDaemonRecord } from "../platform/daemon-record.ts";
import { newHandle, newMessageId, newPeerId, newSecret } from "../platform/ids.ts";
import { takeLock } from "../platform/lock.ts";
import { logger } from "../platform/log.ts";
import type { HomePaths } from "../platform/paths.ts";
import { isAlive } from "../platform/process.ts";
import { ensureToken } from "../platform/token.ts";
import { within } from "../platform/within.ts";
import { HOST, LIMITS, type MessageId, type PeerId, RepowireError, VERSION } from "../protocol/index.ts";
import { sqliteStore } from "../store/sqlite/store.ts";
import { createApp } from "./app.ts";
import { createCallers } from "./callers.ts";
import { createDispatcher } from "./dispatcher.ts";
import { createEventStream } from "./events-stream.ts";
import { createHealth, type PartCheck } from "./health.ts";
import { prepareHome } from "./home.ts";
import { createEventHub } from "./hub.ts";
import { createLinkServer, type LinkSocketData } from "./links.ts";
import { createMcpEndpoint } from "./mcp.ts";
import { createMetrics } from "./metrics/metrics.ts";
import { countRefusals } from "./metrics/refusals.ts";
import { createSampler } from "./metrics/samples.ts";
import { type Notifier, startNotifier, tryOf } from "./notifier.ts";
import { readOwnTurns } from "./own-turns.ts";
import { addDoor } from "./page/door.ts";
import { createLogins, loginUrl } from "./page/logins.ts";
import { startWatch, type Watch } from "./presence-watch.ts";
import { type Reconciler, startReconciler } from "./reconciler.ts";
import { createRuntimes, type Runtimes } from "./runtimes.ts";
import { createSelfView, levelsOf } from "./self-view.ts";
import { serve } from "./serve.ts";
import { checkSession } from "./session-check.ts";
import { type StaleAnswers, startStaleAnswers } from "./stale-answers.ts";
import { traceCalls } from "./tracing/calls.ts";
import { createTracing, type Tracing } from "./tracing/tracing.ts";
import { followWords } from "./word-index.ts";

export interface RunningDaemon {
  port: number;
  instance: string;
  /** Stops in good order: links are told when to come back, everything decided is committed. `backInMs`: a restart follows. */
  stop(backInMs?: number): Promise<void>;
}

/** Another daemon already serves this home; it is the one to use. */
export class AlreadyRunningError extends RepowireError {
  constructor(home: string) {
    super("unavailable", `Another repowire daemon already serves ${home}. \`repowire daemon status\` shows it.`);
  }
}

const log = logger("daemon");
const CLOCK_KEY = "clock";
const CLOCK_SAVE_MS = 300_000;
const HOME_CHECK_MS = 2_000;
const SETTLE_EVERY_MS = 1_000;
const PURGE_EVERY_MS = 6 * 3_600_000;
const DAY_MS = 86_400_000;
/** The last spans are sent within this time, or not at all. */
const TRACING_STOP_MS = 2_000;

/**
 * Puts the daemon's parts together and starts it: first the lock, then the store, then the port. Throws `RepowireError` with what
 * stands in the way. `onGone`: its home was removed under it, and it serves nobody any more.
 */
export async function startDaemon(
  paths: HomePaths,
  config: Config,
  onGone: () => void = () => {},
): Promise<RunningDaemon> {
  prepareHome(paths);
  const lock = takeLock(paths.lock);
  if (!lock) throw new AlreadyRunningError(paths.home);
  try {
    return await startLocked(paths, config, onGone, () => lock.release());
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function startLocked(
  paths: HomePaths,
  config: Config,
  onGone: () => void,
  release: () => void,
): Promise<RunningDaemon> {
  const startedAt = Date.now();
  const instance = newSecret();
  const token = ensureToken(paths.home);
  const metrics = createMetrics(() => engine);
  const store = sqliteStore(paths.database, { synchronous: config.synchronous, onCommit: metrics.commitTook });
  const mark = store.read((tx) => tx.meta.get(CLOCK_KEY));
  const lastMark = mark ? (JSON.parse(mark) as ClockMark) : undefined; // written below from a ClockMark
  const clock = realClock(lastMark);
  const hub = createEventHub();
  const waits = createWaits();
  const live = createLive();
  const tracing = await startTracing(config, instance, () => engine);
  const dispatcher = createDispatcher({ hub, waits, clock, carry: tracing?.carry });
  const ids = { peer: newPeerId, message: newMessageId, handle: newHandle, secret: newSecret };
  const engine = createEngine({
    store,
    clock,
    ids,
    live,
    config: {
      machine: config.machine,
      inboundWithoutPrompts: config.inbound_without_prompts,
      budgets: {
        pairPerMinute: config.pair_per_minute,
        pairPerNight: config.pair_per_night,
        circlePerMinute: config.circle_per_minute,
        threadDepth: config.thread_depth,
      },
    },
    schedule: (run) => void setImmediate(run),
    perform(effects) {
      tracing?.effects(effects);
      dispatcher.perform(effects);
      metrics.effects(effects);
    },
    onBatch: metrics.batchCommitted,
    onFault: (error) => log.error("a batch was not stored", { error }),
  });
  dispatcher.connect(engine);
  const sampler = createSampler({ totals: metrics.totals, levels: () => levelsOf(engine, counts) });
  const logins = createLogins({ engine });
  if (store.damagedMovedTo) setAside(paths.attachments, store.damagedMovedTo);
  const blobs = createBlobs(paths.attachments);
  let listening = config.port;
  const publicOrigin = config.dashboard.public_origin;
  const handlers = createOperations(
    {
      engine,
      clock,
      ids,
      waits,
      launcher: createLauncher({ paths, spawn: config.spawn }),
      worktrees: createWorktrees(paths),
      commits,
      calendar,
      blobs,
      humanName: config.human,
      onEventOf: hub.subscribeTo,
      loginLink(madeBy) {
        const { code, expiresAt } = logins.issue(madeBy);
        return {
          url: loginUrl(`http://${HOST}:${listening}`, code),
          public_url: publicOrigin && loginUrl(publicOrigin, code),
          expires_at: expiresAt,
        };
      },
      spawnOptions: {
        folders: config.spawn.folders,
        runtimes: config.spawn.runtimes,
        profiles: Object.entries(config.spawn.profiles).map(([name, { runtime }]) => ({ name, runtime })),
      },
      ownTurns: (peer) => readOwnTurns(runtimes.adapterOf(peer), peer),
      daemon: createSelfView({
        paths,
        startedAt,
        sampler,
        checks: () => checks,
        mismatches: () => reconciler?.count() ?? 0,
      }),
      discover: (places) => runtimes.discover(places),
      probe: dispatcher.probe,
      tryNotifier: () => tryOf(notifier),
    },
    store.epoch,
  );
  const operations = countRefusals(tracing ? traceCalls(handlers, tracing, () => engine) : handlers, metrics);
  const callers = createCallers({
    engine,
    humanName: config.human,
    sharedBy: (process): SharedServer | undefined => runtimes.sharedBy(process),
  });

  /** Results that were handed to a caller without a link of its own. */
  function markWritten(peer: PeerId, messages: MessageId[]): void {
    engine
      .run((ctx) => {
        for (const message of messages) {
          const delivery = ctx.tx.deliveries.get(message, peer);
          if (delivery?.state === "leased") present(ctx, delivery, delivery.rung ?? "result");
        }
      })
      .catch((error) => log.error("a written result was not recorded", { error }));
  }

  const files = createFileReports({
    engine,
    radar: createRadar(),
    watchesWrites: config.radar,
    watchesReads: config.stale_answers,
  });
  const runtimes: Runtimes = createRuntimes({
    engine,
    dispatcher,
    callers,
    paths,
    token,
    humanName: config.human,
    files,
  });
  let watch: Watch | undefined;
  let reconciler: Reconciler | undefined;
  let notifier: Notifier | undefined;
  let staleAnswers: StaleAnswers | undefined;
  const links = createLinkServer({
    token,
    instance,
    epoch: store.epoch,
    humanName: config.human,
    engine,
    clock,
    operations,
    dispatcher,
    checkClaim: (claim, connection) => checkSession(engine, claim, connection),
    isAlive,
    mayBeSubagent: runtimes.mayBeSubagent,
    profile: runtimes.linkProfile,
    onSession: runtimes.onSession,
    onSpans: tracing?.sessionSpans,
    onFiles: files.isOn ? files.used : undefined,
    onJoined: metrics.linkJoined,
    onRefused: metrics.refused,
    onLost: () => watch?.lookSoon(),
  });
  const mcp = createMcpEndpoint({ engine, operations, markWritten, sharedBy: runtimes.sharedBy });
  const storeCheck: PartCheck = () => {
    if (store.fault) return { ok: false, detail: store.fault };
    return {
      ok: true,
      detail: store.damagedMovedTo && `the old database was damaged and moved to ${store.damagedMovedTo}`,
    };
  };
  const eventStream = createEventStream({ engine, hub, epoch: store.epoch });
  const counts = () => ({
    links: links.size,
    mcp_sessions: mcp.size,
    streams: eventStream.open,
    waits: waits.size,
    mismatches: reconciler?.count() ?? 0,
    notifier_failing: notifier?.isFailing() ? 1 : 0,
  });
  metrics.addGauges({ engine, startedAt, counts, storeIsOk: () => store.fault === undefined });
  const checks = {
    store: storeCheck,
    ...runtimes.checks,
    truth: () => reconciler?.check() ?? { ok: true },
    notifier: () => notifier?.check() ?? { ok: true },
  };
  const health = createHealth({ instance, startedAt, engine, parts: checks, counts });
  const app = createApp({
    token,
    operations,
    files: { engine, blobs },
    callers,
    health,
    eventStream,
    mcp,
    metrics,
    markWritten,
    loginOf: (request) => logins.of(request, listening),
    openDoors: (app) => addDoor(app, { logins, port: () => listening }),
    extend: runtimes.extend,
  });

  await engine.run((ctx) => {
    if (store.damagedMovedTo) emit(ctx, { type: "store.damaged", data: { moved_to: store.damagedMovedTo } });
    emit(ctx, { type: "daemon.started", data: { version: VERSION, alive_at: lastAlive(ctx, lastMark?.wall) } });
    recover(ctx, (peer) => peer.instance !== undefined && isAlive(peer.instance));
  });

  // What a crash left of uploads: no message names it.
  await keepAttachments({ engine, blobs });
  // What hooks left on disk happened before anything that comes in from now on.
  await runtimes.start();
  const server = await serveOrStop();
  const port = server.port ?? config.port;
  listening = port;
  writeDaemonRecord(paths.home, { instance, pid: process.pid, port, version: VERSION, started_at: startedAt });
  watch = startWatch({ engine, clock, calendar, isAlive });
  reconciler = startReconciler({
    engine,
    hub,
    clock,
    evidenceOf: (peer, claims) => runtimes.adapterOf(peer)?.evidence?.(peer, claims),
  });
  const { on_waiting: command } = config;
  if (config.stale_answers) staleAnswers = startStaleAnswers({ engine, hub, clock, files });
  if (command) notifier = startNotifier({ engine, hub, clock, command, cwd: paths.home });
  const stopTimers = [
    every(CLOCK_SAVE_MS, () => engine.run((ctx) => ctx.tx.meta.set(CLOCK_KEY, JSON.stringify(clock.mark())))),
    every(LIMITS.sampleMs, () => sampler.take(Date.now())),
    every(SETTLE_EVERY_MS, async () => store.settle()),
    every(HOME_CHECK_MS, async () => {
      if (readDaemonRecord(paths.home)?.instance === instance) return;
      log.error("the home was removed or taken over; stopping", { home: paths.home });
      onGone();
    }),
    every(PURGE_EVERY_MS, async () => {
      await purgeOlder(engine, clock.now().wall - config.retention_days * DAY_MS);
      await keepAttachments({ engine, blobs });
    }),
    followWords(store, engine, (error) => log.error("the index of words did not follow", { error })),
  ];
  if (store.damagedMovedTo)
    log.error("the database was damaged; a new one was begun", { moved_to: store.damagedMovedTo });
  if (store.backup) log.info("the database was migrated; a copy of the old one was kept", { backup: store.backup });
  log.info("daemon started", { version: VERSION, port, home: paths.home, pid: process.pid });

  async function serveOrStop(): Promise<Server<LinkSocketData>> {
    try {
      return serve({ port: config.port, publicOrigin, app, links, onRefused: metrics.refused });
    } catch (error) {
      await runtimes.stop();
      throw error;
    }
  }

  let stopping: Promise<void> | undefined;
  async function stopOnce(backInMs: number): Promise<void> {
    log.info("daemon stops", {});
    watch?.stop();
    await reconciler?.stop();
    await notifier?.stop();
    await staleAnswers?.stop();
    for (const stop of stopTimers) stop();
    await runtimes.stop();
    await links.shutdown(backInMs);
    await server.stop(true);
    await engine.run((ctx) => {
      emit(ctx, { type: "daemon.stopped", data: {} });
      ctx.tx.meta.set(CLOCK_KEY, JSON.stringify(clock.mark()));
    });
    await within(TRACING_STOP_MS, tracing?.stop() ?? Promise.resolve());
    store.close();
    rmSync(paths.daemonRecord, { force: true });
    release();
  }

  return {
    port,
    instance,
    stop(backInMs = 0) {
      stopping ??= stopOnce(backInMs);
      return stopping;
    },
  };
}

/** Files whose records are in a database that was moved aside go with it: a new one knows of none, and would remove them. */
function setAside(folder: string, damaged: string): void {
  if (existsSync(folder)) renameSync(folder, `${damaged}.attachments`);
}

/** Traces cost nothing, and load nothing, unless the user named a collector. */
async function startTracing(config: Config, instance: string, engine: () => Engine): Promise<Tracing | undefined> {
  const { otlp_endpoint: endpoint, machine } = config;
  if (endpoint === "off") return undefined;
  const { createExporter } = await import("./tracing/exporter.ts");
  const exporter = createExporter({ endpoint, machine, instance });
  return createTracing({ engine, ...exporter, onFault: (error) => log.warning("a span was not made", { error }) });
}

function every(ms: number, run: () => Promise<unknown>): () => void {
  const timer = setInterval(() => void run().catch((error) => log.error("a regular task failed", { error })), ms);
  return () => clearInterval(timer);
}
