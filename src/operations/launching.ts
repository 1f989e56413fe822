import {
  acceptNotice,
  type Caller,
  type Context,
  canReceive,
  humanSeat,
  mustGet,
  notePane,
  type PeerRecord,
  publicPeer,
  recipientTruth,
  requestApproval,
  vacateSeat,
} from "../core/index.ts";
import type { LaunchOrder, PaneRecord } from "../core/ports.ts";
import {
  asRepowireError,
  LIMITS,
  type MessageId,
  type OperationOutput,
  type PeerId,
  RepowireError,
} from "../protocol/index.ts";
import type { Call, OperationDeps } from "./types.ts";

/** What starting a session and starting one again have in common: a person's word, the wait for it to come up, the call that waits. */

type Launched = OperationOutput<"spawn">;
type Started = Extract<Launched, { state: "started" }>;
type NeedsApproval = Extract<Launched, { state: "needs_approval" }>;
type LaunchCall = Pick<Call<"spawn" | "restart">, "caller" | "options">;

const LOOK_MS = 150;
/** The screen is looked at less often: that starts a process. */
const SCREEN_EVERY = 5;
/** A session that joined, and whose push route does not come: it gets its mail with its next turn. */
const ROUTE_WAIT_MS = 10_000;

export interface Launching {
  /** Asks a person; resolves when they allowed it, and rejects when they did not. */
  approve(asked: {
    request: MessageId;
    by: PeerId;
    why: string;
    order: LaunchOrder;
    more?: readonly string[];
  }): Promise<void>;
  /**
   * Starts the program of a seat that is kept for it, and waits until messages reach it. Rejects with why not, and the tail of its
   * screen; then nothing of it runs any more. `continues`: with the conversation that was asked for.
   */
  bringUp(id: PeerId, order: LaunchOrder): Promise<{ pane: PaneRecord; continues: boolean }>;
  /** Does it once for a request, however often it is asked; a call waits a while, and is told the rest by a message. */
  once<T extends Launched>(request: MessageId, call: LaunchCall, begin: () => Promise<T>): Promise<T | NeedsApproval>;
  pause(): Promise<void>;
}

class NothingToContinue extends RepowireError {}

export function createLaunching(deps: OperationDeps): Launching {
  const running = new Map<MessageId, Promise<Launched>>();
  const pause = () => new Promise<void>((resolve) => deps.clock.after(LOOK_MS, resolve));

  async function approve(asked: Parameters<Launching["approve"]>[0]): Promise<void> {
    const { request, by, why, order, more = [] } = asked;
    const decided = Promise.withResolvers<string>();
    const stop = deps.onEventOf(request, ({ type }) => {
      if (type.startsWith("approval.") && type !== "approval.requested") decided.resolve(type);
    });
    try {
      await deps.engine.run((ctx) => {
        requestApproval(ctx, mustGet(ctx, by), humanSeat(ctx, deps.humanName), {
          via: "operation",
          request,
          message: request,
          tool: "spawn_peer",
          description: why,
          preview: [deps.launcher.preview(order), ...more].join("\n"),
        });
      });
      const state = await decided.promise;
      if (state === "approval.allowed") return;
      const detail = deps.engine.read((ctx) => ctx.tx.approvals.get(request)?.detail);
      throw new RepowireError(
        "denied",
        `The session was not started: the request is ${state.slice("approval.".length)}${detail ? ` (${detail})` : ""}.`,
      );
    } finally {
      stop();
    }
  }

  /** The call waits a while; what comes later is told as a message. */
  async function waitFor<T extends Launched>(
    request: MessageId,
    work: Promise<T>,
    { caller, options }: LaunchCall,
  ): Promise<T | NeedsApproval> {
    const over = Promise.withResolvers<undefined>();
    const stopTimer = deps.clock.after(LIMITS.spawnWaitMs, () => over.resolve(undefined));
    const onAbort = () => over.resolve(undefined);
    options.signal?.addEventListener("abort", onAbort, { once: true });
    try {
      const result = await Promise.race([work, over.promise]);
      if (result) return result;
      tellLater(caller.peer, work);
      const approval = deps.engine.read((ctx) => ctx.tx.approvals.get(request));
      if (approval?.state === "pending")
        return { state: "needs_approval", id: approval.handle, why: approval.description ?? "" };
      throw new RepowireError(
        "launch_failed",
        "It is not up yet. It goes on by itself, and you are told how it ends; list_peers shows it.",
      );
    } finally {
      stopTimer();
      options.signal?.removeEventListener("abort", onAbort);
    }
  }

  function tellLater(to: PeerId, work: Promise<Launched>): void {
    const tell = (from: PeerId | undefined, body: string) =>
      deps.engine
        .run((ctx) => {
          const sender = (from && ctx.tx.peers.get(from)) || humanSeat(ctx, deps.humanName);
          const recipient = ctx.tx.peers.get(to);
          if (!recipient || recipient.id === sender.id) return;
          acceptNotice(ctx, { from: sender, to: recipient, body, urgency: "normal" });
        })
        .catch(() => {
          // Stored or not, the event log has how it ended; there is nobody to tell.
        });
    work.then(
      (result) => {
        if (result.state === "started") void tell(result.peer.id, `${result.peer.name} is up, as you asked.`);
      },
      (error) => void tell(undefined, asRepowireError(error).message),
    );
  }

  async function bringUp(id: PeerId, order: LaunchOrder): Promise<{ pane: PaneRecord; continues: boolean }> {
    try {
      return { pane: await attempt(id, order), continues: order.again?.conversation !== undefined };
    } catch (error) {
      if (!(error instanceof NothingToContinue)) throw error;
      await deps.engine.run((ctx) => vacateSeat(ctx, id, false));
      return { pane: await attempt(id, { ...order, again: {} }), continues: false };
    }
  }

  async function attempt(id: PeerId, order: LaunchOrder): Promise<PaneRecord> {
    const deadline = deps.clock.now().awake + LIMITS.spawnReadyMs;
    let pane: PaneRecord | undefined;
    try {
      pane = await deps.launcher.start(order);
      const opened = pane;
      await deps.engine.run((ctx) => notePane(ctx, id, opened));
      await comeUp(id, opened, deadline, order.again?.conversation !== undefined);
      await deps.launcher.settle(opened);
      return opened;
    } catch (error) {
      await deps.launcher.stop(undefined, pane).catch(() => {
        // Said by the reason itself; what still runs is in its pane.
      });
      throw error;
    }
  }

  /** Resolves when a push reaches the session, or it has joined and none will. Rejects with why it did not come, and its screen. */
  async function comeUp(id: PeerId, pane: PaneRecord, deadline: number, continues: boolean): Promise<void> {
    let joinedAt: number | undefined;
    for (let round = 0; ; round++) {
      const { peer, receives } = deps.engine.read((ctx) => ({
        peer: ctx.tx.peers.get(id),
        receives: canReceive(ctx, id),
      }));
      const now = deps.clock.now().awake;
      const launchOf = peer?.launch;
      if (!peer || !launchOf || launchOf.phase === "ended")
        throw new RepowireError("launch_failed", "it was ended before it was up.");
      if (peer.presence.state !== "offline") {
        joinedAt ??= now;
        if (receives || now - joinedAt > ROUTE_WAIT_MS) return;
      } else if (round % SCREEN_EVERY === 0 || now > deadline) {
        const look = await deps.launcher.look(pane, launchOf.runtime);
        if (continues && !look.isAlive && look.hasNothingToContinue)
          throw new NothingToContinue("launch_failed", "nothing to continue");
        if (look.blockedBy) throw failed(look.blockedBy, look.tail);
        if (!look.isAlive) throw failed("its program ended.", look.tail);
        if (now > deadline) throw failed(`it did not join within ${LIMITS.spawnReadyMs / 1000} s.`, look.tail);
      }
      await pause();
    }
  }

  return {
    approve,
    bringUp,
    pause,
    once<T extends Launched>(request: MessageId, call: LaunchCall, begin: () => Promise<T>) {
      const known = running.get(request) as Promise<T> | undefined; // one operation's: each has its own map
      const work = known ?? begin();
      if (!known) {
        running.set(request, work);
        const forget = () => void running.delete(request);
        work.then(forget, forget);
      }
      return waitFor(request, work, call);
    },
  };
}

/** What a caller is told of a session that is up. */
export function startedResult(
  ctx: Context,
  peer: PeerRecord,
  up: { pane: string; tookMs: number; prompt?: MessageId; worktree?: Started["worktree"] },
): Started {
  const delivery = up.prompt === undefined ? undefined : ctx.tx.deliveries.get(up.prompt, peer.id);
  return {
    state: "started",
    peer: publicPeer(ctx, peer),
    took_ms: up.tookMs,
    can_receive: canReceive(ctx, peer.id),
    pane: up.pane,
    worktree: up.worktree,
    prompt: delivery && { id: delivery.handle, recipient: recipientTruth(ctx, delivery) },
  };
}

/** What was allowed was this very folder: a link may have been turned round meanwhile. */
export function checkSameFolder(deps: OperationDeps, path: string): void {
  if (deps.launcher.folder(path, undefined) !== path)
    throw new RepowireError("invalid_input", `${path} is not the folder that it was. Ask again.`);
}

function failed(why: string, tail: readonly string[]): RepowireError {
  return new RepowireError("launch_failed", tail.length > 0 ? `${why} Its screen:\n${tail.join("\n")}` : why);
}

/** From a browser only what the configuration lists is started: a phone that is logged in is less than a terminal. */
export function checkMayStartHere(caller: Caller, why: string): void {
  if (caller.login === undefined) return;
  throw new RepowireError(
    "forbidden",
    `${why}. From the dashboard only what \`spawn:\` in config.yaml lists is started; a terminal of yours starts it anywhere: repowire peer new.`,
  );
}
