import { type Caller, type Effect, type Ids, resume, type SessionStart } from "../../../src/core/index.ts";
import {
  type MessageId,
  type PeerId,
  type ProcessInstance,
  RepowireError,
  sameInstance,
} from "../../../src/protocol/index.ts";
import { countedIds } from "../../support/counted-ids.ts";
import type { Action, History } from "../history.ts";
import { createChance } from "./chance.ts";
import { bootDaemon, type SimDaemon } from "./daemon.ts";
import { createDisk, type Disk } from "./disk.ts";
import type { HookEvent, HookedSession, HookReply } from "./hook-adapter.ts";
import { createLoop, type Loop } from "./loop.ts";
import { createNetwork, type Network } from "./network.ts";
import { createProcess, ProcessDied, type SimProcess } from "./process.ts";
import { createSession, type Plan, type Session } from "./session.ts";
import { createTruth, type Planned, type Truth } from "./truth.ts";

/** One machine with its daemon, its disk and its sessions, and everything that may befall them. */
export interface World extends Disposable {
  readonly loop: Loop;
  readonly truth: Truth;
  readonly disk: Disk;
  readonly network: Network;
  readonly sessions: readonly Session[];
  readonly daemon: SimDaemon | undefined;
  /** Told of what each daemon carries out, after its commit. */
  onEffects: (effects: readonly Effect[]) => void;
  take(action: Action): void;
  /** Faults end, everybody behaves, and time passes. */
  calmDown(): void;
}

const HOOK_TIMEOUT_MS = 2_000;
const DAEMON_START_MS = 150;
/** Longer than any wait, its patience, and all attempts one after the other. */
const CALM_MS = 240_000;

export function createWorld(history: History): World {
  const chance = createChance(history.seed);
  const onError = (error: unknown) => {
    if (!(error instanceof ProcessDied)) truth.violate("no fault inside", describe(error));
  };
  const loop = createLoop(onError);
  const truth = createTruth(() => loop.now().awake);
  const network = createNetwork(loop, chance, onError);
  const disk = createDisk(history.disk as "memory" | "sqlite");
  const ids: Ids = countedIds();
  const running = new Map<number, SimProcess>();
  let spool: { session: HookedSession; event: HookEvent; at: number }[] = [];
  let daemon: SimDaemon | undefined;
  let daemons = 0;
  let mayStart = true;
  let isStarting = false;
  let isCalm = false;
  let pids = 100;

  const isAlive = (instance: ProcessInstance) => running.get(instance.pid)?.alive ?? false;

  function boot(): void {
    if (daemon?.process.alive) return;
    isStarting = false;
    const process = createProcess(loop, chance, `daemon ${++daemons}`);
    truth.note(`${process.name} starts`);
    daemon = bootDaemon({
      process,
      disk,
      network,
      ids,
      isAlive,
      hooked: () => sessions.filter((session) => session.kind === "hooked"),
      onEffects: (effects) => world.onEffects(effects),
      onFault: (error) => truth.violate("no fault inside", describe(error)),
    });
    const started = daemon;
    process.onDeath(() => truth.note(`${process.name} is dead`));
    loop.at(20, () => drainSpool(started));
  }

  function drainSpool(at: SimDaemon): void {
    if (!at.isUp) return;
    const kept = spool;
    spool = [];
    void (async () => {
      for (const { session, event, at: happenedAt } of kept) {
        if (!session.isAlive) continue;
        await at.hooks.report(session, event, happenedAt).catch(() => {
          // Refused or dead: as with the real spool, it is not tried for ever.
        });
      }
    })();
  }

  function startDaemonLater(ms: number): void {
    if (isStarting || !mayStart) return;
    isStarting = true;
    loop.at(ms, boot);
  }

  async function locate(may: boolean): Promise<void> {
    if (daemon?.process.alive) return;
    if (may) startDaemonLater(DAEMON_START_MS);
    throw new RepowireError("unavailable", "the daemon is not there");
  }

  /** A hook's own call: answered by the daemon of that moment or by nobody; then its event is spooled, and it may be told twice. */
  function hook(session: HookedSession, event: HookEvent): Promise<HookReply> {
    const { promise, resolve } = Promise.withResolvers<HookReply>();
    const nothing: HookReply = { items: [] };
    const happenedAt = loop.now().wall;
    let isDone = false;
    const finish = (reply: HookReply) => {
      if (isDone) return;
      isDone = true;
      resolve(reply);
    };
    loop.at(chance.int(1, 20), () => {
      const at = daemon;
      if (!at?.isUp) {
        if (event.type !== "between_tools") spool.push({ session, event, at: happenedAt });
        return finish(nothing);
      }
      at.hooks.report(session, event).then(
        (reply) => {
          loop.at(chance.int(0, 5), () => finish(reply));
        },
        () => {
          spool.push({ session, event, at: happenedAt });
          finish(nothing);
        },
      );
      loop.at(HOOK_TIMEOUT_MS, () => {
        if (isDone) return;
        spool.push({ session, event, at: happenedAt });
        finish(nothing);
      });
    });
    return promise;
  }

  const sessions: Session[] = [];
  const folders = Math.max(1, Math.ceil(history.peers * 0.8));
  for (let index = 0; index < history.peers; index++) {
    sessions.push(
      createSession({
        index,
        kind: index % 2 === 0 ? "hooked" : "linked",
        path: `/work/r${index % folders}`,
        circle: index % 7 === 6 ? "other" : undefined,
        loop,
        chance,
        network,
        truth,
        newMessage: () => ids.message() as MessageId,
        newInstance(process): NonNullable<SessionStart["instance"]> {
          running.set(++pids, process);
          return { pid: pids, started: `s${pids}`, boot: "boot" };
        },
        locate,
        hook,
        hookPrinted(session, lease) {
          loop.at(chance.int(1, 20), () => void daemon?.hooks.printed(session, lease).catch(() => {}));
        },
        seatOf: (instance) =>
          disk.look((tx) => {
            const peer = tx.peers.all().find((candidate) => sameInstance(candidate.instance, instance));
            return peer && { id: peer.id, name: peer.name };
          }),
        isCalm: () => isCalm,
      }),
    );
  }

  const sessionAt = (index: number): Session | undefined => sessions[index % sessions.length];
  const nameOf = (index: number): string => sessionAt(index)?.seat?.name ?? `r${index % folders}`;

  /** Somebody else than who acts. */
  const another = ({ who, to }: { who: number; to: number }) => who + 1 + (to % Math.max(1, sessions.length - 1));

  function begin(session: Session, resume: boolean): void {
    if (session.isAlive) return;
    session.begin(resume);
    truth.note(`a session begins in ${session.start.path}`);
  }

  function plan(index: number, make: (message: MessageId) => Plan): void {
    sessionAt(index)?.prompt(make(ids.message()));
  }

  function take(action: Action): void {
    loop.at(action.gap, () => {
      truth.note(`-- ${JSON.stringify(action)}`);
      befall(action);
    });
    loop.run(action.gap);
    if (action.type === "time") loop.run(action.ms);
  }

  /** A person lifts everything that the loop guard has stopped. */
  function resumeAll(): void {
    if (!daemon?.isUp) return;
    daemon.engine
      .run((ctx) =>
        resume(
          ctx,
          ctx.tx.shelves.pause.all().filter((pause) => pause.resumed_at === undefined),
          "a person",
        ),
      )
      .catch(() => {
        // The disk may be full; then they stay.
      });
  }

  /** A session plans a message, or to be told of another. A daemon that dies meanwhile says nothing; then nothing was promised. */
  function planLater(who: number, to: number, when: string, missed: "run_once" | "skip" | undefined): void {
    const [from, at] = [sessionAt(who), daemon];
    const caller = from?.seat && callerOf(from.seat.id);
    if (!caller || !at?.isUp) return;
    const peer = from === sessionAt(to) ? "self" : nameOf(to);
    at.operations.call("schedule", { peer, when, missed, text: `planned ${ids.message()}` }, caller).then(
      ({ schedule }) => {
        if (!at.process.alive) return;
        truth.note(`${schedule.id} is planned for ${when}`);
        truth.planned.push({ schedule, isRemoved: false });
      },
      () => {
        // Refused: there are too many, the disk is full, or nobody has that name.
      },
    );
  }

  function unplan(planned: Planned): void {
    const at = daemon;
    if (!at?.isUp) return;
    const { id, from_id } = planned.schedule;
    at.operations.call("unschedule", { id }, callerOf(from_id)).then(
      () => {
        if (at.process.alive) planned.isRemoved = true;
      },
      () => {
        // It was sent, or the disk is full.
      },
    );
  }

  function befall(action: Action): void {
    switch (action.type) {
      case "ask": {
        const to = nameOf(another(action));
        return plan(action.who, (message) => ({
          type: "ask",
          to,
          text: `ask ${message} to ${to}`,
          message,
          waitSeconds: action.wait,
          urgency: action.urgency as "normal",
        }));
      }
      case "ask_again": {
        const pending = sessionAt(action.who)?.pendingAsks ?? [];
        const again = pending[action.which % Math.max(1, pending.length)];
        if (!again) return;
        const { to, text } = again;
        return plan(action.who, (message) => ({
          type: "ask",
          to,
          text,
          message,
          waitSeconds: action.wait,
          urgency: "normal",
        }));
      }
      case "notify":
      case "burst": {
        const to = nameOf(another(action));
        const count = action.type === "burst" ? action.count : 1;
        for (let i = 0; i < count; i++) {
          plan(action.who, (message) => ({
            type: "notify",
            to,
            text: `notify ${message} to ${to}`,
            message,
            urgency: action.urgency as "normal",
          }));
        }
        return;
      }
      case "chatter": {
        // Two that thank each other: each in turn, as fast as they can.
        const other = another(action);
        for (let i = 0; i < action.count; i++) {
          const [from, to] = i % 2 === 0 ? [action.who, other] : [other, action.who];
          loop.at(i * action.everyMs, () =>
            plan(from, (message) => ({
              type: "notify",
              to: nameOf(to),
              text: `thanks ${message}`,
              message,
              urgency: "normal",
            })),
          );
        }
        return;
      }
      case "resume":
        return resumeAll();
      case "broadcast":
        return plan(action.who, (message) => ({ type: "broadcast", text: `broadcast ${message}`, message }));
      case "cancel":
      case "look": {
        const pending = sessionAt(action.who)?.pendingAsks ?? [];
        const mine = pending[action.which % Math.max(1, pending.length)];
        if (!mine) return;
        const { id } = mine;
        return plan(action.who, () =>
          action.type === "cancel" ? { type: "cancel", id } : { type: "look", id, waitSeconds: action.wait },
        );
      }
      case "inbox":
        return plan(action.who, () => ({ type: "inbox" }));
      case "forge": {
        const me = sessionAt(action.who)?.seat?.id;
        const foreign = disk.look((tx) =>
          tx.deliveries.allInStates(["queued", "leased", "presented"]).filter((delivery) => delivery.peer !== me),
        );
        const handle = foreign[action.which % Math.max(1, foreign.length)]?.handle;
        if (handle) plan(action.who, (message) => ({ type: "forge", id: handle, message }));
        return;
      }
      case "user":
        return sessionAt(action.who)?.prompt({ type: "nothing" });
      case "join_turn":
        return sessionAt(action.who)?.joinTurn();
      case "interrupt":
        return sessionAt(action.who)?.interrupt();
      case "clear":
        return sessionAt(action.who)?.clear();
      case "compact":
        return sessionAt(action.who)?.compact();
      case "die": {
        const session = sessionAt(action.who);
        if (!session) return;
        session.dieAfter(action.what as "agent" | "link", action.steps);
        const { agent } = session;
        agent.onDeath(() => loop.at(action.backMs, () => begin(session, action.resume)));
        if (!agent.alive) loop.at(action.backMs, () => begin(session, action.resume));
        return;
      }
      case "daemon_dies": {
        const at = daemon;
        if (!at?.process.alive) return;
        at.process.onDeath(() => loop.at(action.downMs, boot));
        if (action.steps === 0) at.process.kill();
        else at.process.dieAfter(action.steps);
        return;
      }
      case "daemon_stops":
        if (!daemon?.isUp) return;
        daemon.process.onDeath(() => loop.at(action.downMs, boot));
        return daemon.stop(action.downMs);
      case "disk":
        return disk.fail(action.kind as "full" | "failed", action.commits);
      case "cut": {
        const session = sessionAt(action.who);
        if (session) network.cut(session.linkProcess, action.half as "none");
        return;
      }
      case "weather":
        return network.weather({ lagMs: action.lagMs, repeats: action.repeats });
      case "gate": {
        const id = sessionAt(action.who)?.seat?.id;
        const at = daemon;
        if (!id || !at?.isUp) return;
        at.engine
          .run((ctx) => {
            const peer = ctx.tx.peers.get(id);
            if (!peer) return;
            ctx.tx.peers.put({ ...peer, inbound_policy: action.policy as "accept" });
            ctx.stirred.add(id);
          })
          .catch(() => {
            // The disk may be full; then the gate stays as it is.
          });
        return;
      }
      case "plan":
        return planLater(action.who, another(action), `${action.seconds}s`, action.missed as "skip");
      case "watch":
        return planLater(action.who, action.who, `${nameOf(another(action))} ${action.moment}`, undefined);
      case "unplan": {
        const open = truth.planned.filter((planned) => !planned.isRemoved);
        const planned = open[action.which % Math.max(1, open.length)];
        if (planned) unplan(planned);
        return;
      }
      case "sleep":
        return loop.sleepMachine(action.ms);
      case "time":
        return;
      default:
        action satisfies never;
    }
  }

  function calmDown(): void {
    truth.note("-- calm");
    isCalm = true;
    network.weather({ lagMs: 3, repeats: 0 });
    disk.fail("full", 0);
    loop.run(500);
    mayStart = true;
    boot();
    const openGates = () =>
      daemon?.engine
        .run((ctx) => {
          for (const peer of ctx.tx.peers.all()) {
            if (!peer.inbound_policy || peer.inbound_policy === "accept") continue;
            ctx.tx.peers.put({ ...peer, inbound_policy: "accept" });
            ctx.stirred.add(peer.id);
          }
        })
        .catch(() => {});
    for (let passed = 0; passed < CALM_MS; passed += 20_000) {
      void openGates();
      loop.run(20_000);
      if (!daemon?.process.alive) boot();
    }
  }

  const world: World = {
    loop,
    truth,
    disk,
    network,
    sessions,
    get daemon() {
      return daemon;
    },
    onEffects: () => {},
    take,
    calmDown,
    [Symbol.dispose]() {
      daemon?.process.kill();
      disk[Symbol.dispose]();
    },
  };
  boot();
  loop.run(5);
  for (const session of sessions) begin(session, false);
  loop.run(1_500);
  return world;
}

const callerOf = (peer: PeerId): Caller => ({ peer, role: "agent", isHuman: false, mayBeSubagent: false });

const describe = (error: unknown) => (error instanceof Error ? (error.stack ?? error.message) : String(error));
