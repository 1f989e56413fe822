import {
  type Context,
  changeConversation,
  closeRoute,
  type DeliveryRecord,
  type Engine,
  move,
  noteActivity,
  openAskTo,
  openRoute,
  type PeerRecord,
  present,
  requeue,
  settlePending,
  type TurnInput,
} from "../../core/index.ts";
import { logger } from "../../platform/log.ts";
import { type Instance, isAlive } from "../../platform/process.ts";
import { type DeliverResult, type Envelope, type MessageId, type PeerId, RepowireError } from "../../protocol/index.ts";
import { codexText } from "../../words/index.ts";
import type { Transport } from "../adapter.ts";
import { createChangeNotes } from "./changes.ts";
import type { ControlClient } from "./control.ts";
import { createTurnLedger, inputsOf } from "./ledger.ts";
import { isInTool, readTail } from "./rollout.ts";
import { clientIdOf, oursInQueue, type QueuedInput, readTurn, type TurnView } from "./turns.ts";
import { Nothing, Queued, QueuePage, type Thread, type ThreadStatus, TurnsPage } from "./wire.ts";

const log = logger("codex");

/** One TUI and the thread that it shows, followed over the control socket. */
export interface CodexSession {
  readonly peer: PeerId;
  readonly instance: Instance;
  readonly thread: string;
  readonly status: ThreadStatus;
  readonly transport: Transport;
  /** The thread's own record; made with its first turn. */
  readonly rollout: string | undefined;
  /** The TUI shows another thread now (`/clear`, `/new`, `/resume`). */
  show(thread: Thread): Promise<void>;
  /** A broadcast of the server. */
  noteStatus(status: ThreadStatus): Promise<void>;
  /** Compares Codex's turns and queue with what is open here, and tells core. */
  look(): Promise<void>;
  /** The turn that runs now, as the list has it. */
  runningTurn(): Promise<TurnView | undefined>;
  /** Notes what of ours entered this turn, and what of it the model has seen. */
  takeTurn(ctx: Context, view: TurnView): void;
  inputsOf(view: TurnView): TurnInput[];
  /** Something of ours may lie in Codex's queue. */
  readonly hasQueued: boolean;
  open(): Promise<void>;
  close(): Promise<void>;
  /** Takes everything of ours out of Codex's queue: nobody would see it run. */
  emptyQueue(): Promise<void>;
}

export interface CodexSessionParts {
  engine: Engine;
  control: ControlClient;
  peer: PeerRecord;
  instance: Instance;
  thread: Thread;
  /** Files that its patches changed. */
  onFiles?: Parameters<typeof createChangeNotes>[0];
  /** The terminal runs its agent itself, and looks into its queue from time to time only. */
  polls?: boolean;
}

/** As many turns are read as may have ended since the last look; a turn of ours is among the newest. */
const TURNS_READ = 8;
/** A queue that is not taken up by an idle thread within this time is held by its user (0.1 s otherwise; 0.169.0). */
const TAKEN_WITHIN_MS = 900;
/** The same for a terminal that looks into its queue every ten seconds. */
const POLLED_WITHIN_MS = 16_000;
const TAKEN_LOOK_MS = 60;
const HELD = "its user pressed Esc, so Codex holds its queue until their next turn ends";

export const routeOf = (instance: Instance): string => `codex:${instance.pid}:${instance.started}`;

export function createCodexSession(parts: CodexSessionParts): CodexSession {
  const { engine, control, instance } = parts;
  const peerId = parts.peer.id;
  const route = routeOf(instance);
  let thread = parts.thread;
  let status = parts.thread.status;
  let statusSince = Date.now();
  let hasQueued = true;
  let running: Promise<void> | undefined;
  let again = false;
  const takenWithinMs = parts.polls ? POLLED_WITHIN_MS : TAKEN_WITHIN_MS;
  let queuedAt = 0;
  const handing = new Set<MessageId>();
  const noteChanges = createChangeNotes(parts.onFiles ?? (async () => {}));
  const ledger = createTurnLedger({
    peer: peerId,
    rollout: () => thread.path ?? undefined,
    lookAgain: () =>
      void look().catch(() => {
        // The server is gone; what it left is looked at when it is back.
      }),
  });

  const isActive = (): boolean => status.type === "active";
  const isWaiting = (): boolean => isActive() && (status.activeFlags ?? []).length > 0;

  function applyStatus(ctx: Context): void {
    if (isWaiting()) {
      const isQuestion = status.activeFlags?.includes("waitingOnUserInput") && status.activeFlags.length === 1;
      noteActivity(ctx, peerId, "waiting", isQuestion ? "a question" : "an approval");
    } else noteActivity(ctx, peerId, isActive() ? "busy" : "idle");
  }

  async function noteStatus(next: ThreadStatus): Promise<void> {
    if (next.type !== status.type) statusSince = Date.now();
    status = next;
    // The end of a turn is told together with what it says about open questions.
    if (isActive()) await engine.run((ctx) => applyStatus(ctx));
    await look();
  }

  async function turns(): Promise<TurnView[]> {
    try {
      const page = await control.call(
        "thread/turns/list",
        { threadId: thread.id, limit: TURNS_READ, itemsView: "full" },
        TurnsPage,
      );
      return page.data.map(readTurn).reverse();
    } catch (error) {
      // A thread before its first prompt has no rollout, and so no turns.
      if (error instanceof RepowireError && error.code === "refused_by_peer") return [];
      throw error;
    }
  }

  async function queue(of: string): Promise<QueuedInput[]> {
    return oursInQueue((await control.call("thread/queue/list", { threadId: of }, QueuePage)).data);
  }

  /** One look at a time; what happens meanwhile is looked at again. */
  async function look(): Promise<void> {
    again = true;
    running ??= (async () => {
      try {
        while (again) {
          again = false;
          await lookOnce();
        }
      } finally {
        running = undefined;
      }
    })();
    return running;
  }

  async function lookOnce(): Promise<void> {
    if (!control.isUp) return;
    const of = thread.id;
    const [views, queued] = await Promise.all([turns(), queue(of)]);
    if (of !== thread.id) return;
    const stale = await engine.run((ctx) => apply(ctx, views, queued));
    await drop(of, stale);
    await noteChanges(views);
    hasQueued = queued.length > stale.length;
  }

  function apply(ctx: Context, views: TurnView[], queued: QueuedInput[]): string[] {
    ledger.takeTurns(ctx, views);
    ledger.takeHookFrames(ctx);
    // A turn that is over while the status still says active: the broadcast of its end is on its way, and says what is next.
    const isStatusOld = isActive() && views.length > 0 && views.at(-1)?.state !== "running";
    if (!isStatusOld) applyStatus(ctx);
    noteLost(ctx, queued, new Set(views.flatMap((view) => view.ours.flatMap((input) => input.handles))));
    if (!isActive() && Date.now() - Math.max(statusSince, queuedAt) > takenWithinMs) noteHeld(ctx, queued);
    return queued.filter((entry) => isStale(ctx, entry)).map((entry) => entry.id);
  }

  const isOurs = (delivery: DeliveryRecord | undefined): delivery is DeliveryRecord => delivery?.rung === "push";

  /** Handed over before the server, or this daemon, was lost: neither in the queue nor in a turn, so it never arrived. */
  function noteLost(ctx: Context, queued: QueuedInput[], inTurns: Set<string>): void {
    const inQueue = new Set(queued.flatMap((entry) => entry.handles));
    for (const delivery of ctx.tx.deliveries.inStates(peerId, ["leased"])) {
      if (!isOurs(delivery) || handing.has(delivery.message) || inTurns.has(delivery.handle)) continue;
      if (inQueue.has(delivery.handle)) present(ctx, delivery, "push");
      else requeue(ctx, delivery, "Codex's server was lost before it took it");
    }
  }

  function noteHeld(ctx: Context, queued: QueuedInput[]): void {
    for (const handle of queued.flatMap((entry) => entry.handles)) {
      const delivery = ctx.tx.deliveries.byHandle(handle);
      if (!isOurs(delivery) || delivery.peer !== peerId || delivery.state !== "presented") continue;
      move(ctx, delivery, "held", { reason: HELD });
      const ask = openAskTo(ctx, peerId, delivery.message);
      if (ask) settlePending(ctx, ask);
    }
  }

  /** In Codex's queue, but not wanted there any more: expired, withdrawn, read elsewhere, handed over again. */
  function isStale(ctx: Context, entry: { message: MessageId; attempt: number }): boolean {
    if (!ctx.tx.messages.get(entry.message) || handing.has(entry.message)) return false;
    const delivery = ctx.tx.deliveries.get(entry.message, peerId);
    if (!delivery || delivery.attempt !== entry.attempt) return true;
    const ask = ctx.tx.asks.get(entry.message);
    if (ask && ask.state !== "open") return true;
    return delivery.rung !== "push" || !["leased", "presented", "held"].includes(delivery.state);
  }

  async function drop(of: string, ids: string[]): Promise<void> {
    for (const id of ids) {
      await control
        .call("thread/queue/delete", { threadId: of, queuedSubmissionId: id }, Nothing)
        .catch((error) => log.debug("an entry of Codex's queue was gone already", { error }));
    }
  }

  async function emptyQueue(): Promise<void> {
    const of = thread.id;
    const queued = await queue(of);
    const known = engine.read((ctx) => queued.filter((entry) => ctx.tx.messages.get(entry.message)));
    await drop(
      of,
      known.map((entry) => entry.id),
    );
  }

  async function deliver(items: Envelope[]): Promise<DeliverResult[]> {
    const mains = items.filter((item) => item.urgency !== "fyi");
    const rides = items.filter((item) => item.urgency === "fyi");
    const results: DeliverResult[] = [];
    for (const item of items) handing.add(item.message);
    try {
      for (const [index, main] of mains.entries()) {
        const along = index === 0 ? rides : [];
        const { outcome, reason } = await handOver(main, along);
        for (const item of [main, ...along])
          results.push({ message: item.message, attempt: item.attempt, outcome, reason });
      }
    } finally {
      for (const item of items) handing.delete(item.message);
    }
    const reason = "news ride along with a message that starts a turn";
    const left = rides.filter((ride) => !results.some((result) => result.message === ride.message));
    return [
      ...results,
      ...left.map(({ message, attempt }) => ({ message, attempt, outcome: "unreachable" as const, reason })),
    ];
  }

  async function handOver(main: Envelope, along: Envelope[]): Promise<Pick<DeliverResult, "outcome" | "reason">> {
    if (!isAlive(instance)) return { outcome: "unreachable", reason: "its terminal is gone" };
    const of = thread.id;
    const clientUserMessageId = clientIdOf(main.message, main.attempt);
    try {
      if (main.attempt > 1) await dropEarlier(of, main.message);
      const turn =
        !parts.polls && isActive() && !isWaiting() && main.urgency === "urgent" ? await runningTurn() : undefined;
      const input = (joins: boolean) => [{ type: "text", text: codexText(main, along, joins), text_elements: [] }];
      // Between the steps of a running tool a steered text waits for the next request. While the model speaks it would cut it off.
      if (turn && thread.path && isInTool(readTail(thread.path))) {
        const params = { threadId: of, expectedTurnId: turn.id, clientUserMessageId, input: input(true) };
        await control.call("turn/steer", params, Nothing);
        return { outcome: "presented" };
      }
      const params = { threadId: of, clientUserMessageId, input: input(false) };
      const added = await control.call("thread/queue/add", params, Queued);
      hasQueued = true;
      queuedAt = Date.now();
      if (parts.polls) return { outcome: "presented" };
      return (await isTaken(of, added.queuedSubmission.id))
        ? { outcome: "presented" }
        : { outcome: "held", reason: HELD };
    } catch (error) {
      if (!(error instanceof RepowireError) || error.code === "unavailable") throw error;
      return { outcome: "unreachable", reason: error.message };
    }
  }

  async function dropEarlier(of: string, message: MessageId): Promise<void> {
    const earlier = (await queue(of)).filter((entry) => entry.message === message);
    await drop(
      of,
      earlier.map((entry) => entry.id),
    );
  }

  /** An idle thread takes a message out of the queue at once; where it stays, the queue is held. A busy one takes it later. */
  async function isTaken(of: string, id: string): Promise<boolean> {
    const deadline = Date.now() + TAKEN_WITHIN_MS;
    while (Date.now() < deadline) {
      if (isActive()) return true;
      const { data } = await control.call("thread/queue/list", { threadId: of }, QueuePage);
      if (!data.some((entry) => entry.id === id)) return true;
      await Bun.sleep(TAKEN_LOOK_MS);
    }
    return isActive();
  }

  async function runningTurn(): Promise<TurnView | undefined> {
    const last = (await turns()).at(-1);
    return last?.state === "running" ? last : undefined;
  }

  async function show(next: Thread): Promise<void> {
    if (next.id === thread.id) {
      thread = next;
      return;
    }
    await emptyQueue().catch((error) => log.debug("the queue of a thread that was left", { error }));
    thread = next;
    status = next.status;
    statusSince = Date.now();
    hasQueued = true;
    ledger.begin();
    await engine.run((ctx) => {
      // What the old thread never took in is certainly not read; its questions follow with the conversation.
      for (const delivery of ctx.tx.deliveries.inStates(peerId, ["presented", "held"])) {
        if (isOurs(delivery) && delivery.entered_at === undefined)
          requeue(ctx, delivery, "its conversation was replaced");
      }
      changeConversation(ctx, peerId, next.id, "change");
      applyStatus(ctx);
    });
  }

  return {
    peer: peerId,
    instance,
    get thread() {
      return thread.id;
    },
    get rollout() {
      return thread.path ?? undefined;
    },
    get status() {
      return status;
    },
    get hasQueued() {
      return hasQueued;
    },
    transport: {
      deliver,
      cancel: () => void look().catch((error) => log.warning("a withdrawn message was not removed", { error })),
      // Reads the thread's turns and its queue over the control socket.
      probe: look,
    },
    show,
    noteStatus,
    look,
    runningTurn,
    takeTurn: ledger.takeTurn,
    inputsOf,
    emptyQueue,
    async open() {
      await engine.run((ctx) => {
        changeConversation(ctx, peerId, thread.id, "change");
        // A queue that is looked into from time to time proves nothing by its silence; what is held is seen in the queue itself.
        ctx.live.setGivesReceipts(ctx.tx, peerId, !parts.polls);
        applyStatus(ctx);
      });
      // What is known from before is settled first, so that nothing goes out twice.
      await look();
      await engine.run((ctx) =>
        openRoute(ctx, {
          id: route,
          peer: peerId,
          rung: "push",
          serves: { idle: 1, busy: 1 },
          ready: true,
          needsProof: false,
          suspect: false,
        }),
      );
    },
    async close() {
      await engine.run((ctx) => {
        closeRoute(ctx, route);
        ctx.live.setGivesReceipts(ctx.tx, peerId, false);
      });
    },
  };
}
