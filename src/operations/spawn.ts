import {
  acceptNotice,
  type Context,
  canReceive,
  checkLaunchLimits,
  endSession,
  failLaunch,
  humanSeat,
  mustGet,
  notePane,
  type PeerRecord,
  publicPeer,
  recipientTruth,
  requestApproval,
  reserveSeat,
  seatOf,
} from "../core/index.ts";
import type { LaunchOrder, PaneRecord } from "../core/ports.ts";
import {
  asRepowireError,
  LIMITS,
  type MessageId,
  type OperationOutput,
  type PeerId,
  RepowireError,
  SpawnRuntime,
} from "../protocol/index.ts";
import { handedOver } from "./send.ts";
import type { Call, Handler, OperationDeps } from "./types.ts";

type Result = OperationOutput<"spawn">;

interface Plan {
  request: MessageId;
  spawner: PeerId;
  order: Omit<LaunchOrder, "name"> & { name?: string };
  prompt?: string;
}

const LOOK_MS = 150;
/** The screen is looked at less often: that starts a process. */
const SCREEN_EVERY = 5;
/** A session that joined, and whose push route does not come: it gets its mail with its next turn. */
const ROUTE_WAIT_MS = 10_000;
const PROMPT_WAIT_MS = 4_000;

/** Starts a session: at once where the user's lists or the caller's rights allow it, else when a person has agreed. */
export function spawnHandler(deps: OperationDeps): Handler<"spawn"> {
  const running = new Map<MessageId, Promise<Result>>();

  /** Asked again with its id, after a lost connection: what it made the first time. */
  function repeated(request: MessageId): Promise<Result> | undefined {
    const result = deps.engine.read((ctx) => {
      const seat = ctx.tx.peers.all().find(({ launch: made }) => made?.request === request && made.phase === "running");
      return seat?.launch?.pane && startedResult(ctx, seat.id, seat.launch.pane.label, 0, undefined);
    });
    return result && Promise.resolve(result);
  }

  function begin(request: MessageId, { caller, params }: Call<"spawn">): Promise<Result> {
    const me = deps.engine.read((ctx) => seatOf(ctx, caller));
    if (me.role === "agent" && params.circle !== undefined && params.circle !== me.circle) {
      throw new RepowireError(
        "circle_mismatch",
        `You are in circle "${me.circle}" and start sessions there only. Leave the circle out.`,
      );
    }
    if (params.args && (!caller.isHuman || caller.login !== undefined))
      throw new RepowireError("human_required", "Only a person may add arguments. Name a profile of config.yaml.");
    const path = deps.launcher.folder(params.path, me.path);
    const own = SpawnRuntime.safeParse(me.runtime).data;
    const args = params.args ?? [];
    const { runtime, why } = deps.launcher.judge({
      path,
      runtime: params.runtime ?? (params.profile === undefined ? own : undefined),
      profile: params.profile,
      args,
    });
    if (why !== undefined && caller.login !== undefined) {
      throw new RepowireError(
        "forbidden",
        `${why}. From the dashboard only what \`spawn:\` in config.yaml lists is started; a terminal of yours starts it anywhere: repowire peer new.`,
      );
    }
    const plan: Plan = {
      request,
      spawner: me.id,
      order: { path, name: params.name, circle: params.circle ?? me.circle, runtime, profile: params.profile, args },
      prompt: params.prompt,
    };
    deps.engine.read((ctx) => checkLaunchLimits(ctx, mustGet(ctx, me.id)));
    return why === undefined || caller.isHuman ? launch(plan) : approveAndLaunch(plan, why);
  }

  async function approveAndLaunch(plan: Plan, why: string): Promise<Result> {
    const decided = Promise.withResolvers<string>();
    const stop = deps.onEventOf(plan.request, ({ type }) => {
      if (type.startsWith("approval.") && type !== "approval.requested") decided.resolve(type);
    });
    try {
      await deps.engine.run((ctx) => {
        requestApproval(ctx, mustGet(ctx, plan.spawner), humanSeat(ctx, deps.humanName), {
          via: "operation",
          request: plan.request,
          message: plan.request,
          tool: "spawn_peer",
          description: why,
          preview: deps.launcher.preview({ ...plan.order, name: plan.order.name ?? "" }) + promptLine(plan),
        });
      });
      const state = await decided.promise;
      if (state === "approval.allowed") return await launch(plan);
      const detail = deps.engine.read((ctx) => ctx.tx.approvals.get(plan.request)?.detail);
      throw new RepowireError(
        "denied",
        `The session was not started: the request is ${state.slice("approval.".length)}${detail ? ` (${detail})` : ""}.`,
      );
    } finally {
      stop();
    }
  }

  /** The call waits a while; what comes later is told as a message. */
  async function waitFor(
    request: MessageId,
    work: Promise<Result>,
    { caller, options }: Call<"spawn">,
  ): Promise<Result> {
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

  function tellLater(to: PeerId, work: Promise<Result>): void {
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

  async function launch(plan: Plan): Promise<Result> {
    const startedAt = deps.clock.now().awake;
    // What was allowed was this very folder: a link may have been turned round meanwhile.
    if (deps.launcher.folder(plan.order.path, undefined) !== plan.order.path)
      throw new RepowireError("invalid_input", `${plan.order.path} is not the folder that it was. Ask again.`);
    const { seat, prompt } = await deps.engine.run((ctx) => reserve(ctx, plan));
    const { id, name } = seat;
    let pane: PaneRecord | undefined;
    try {
      pane = await deps.launcher.start({ ...plan.order, name });
      const opened = pane;
      await deps.engine.run((ctx) => notePane(ctx, id, opened));
      await comeUp(id, pane, startedAt + LIMITS.spawnReadyMs);
      await deps.launcher.settle(pane);
      if (prompt) await promptHandedOver(id, prompt);
      const tookMs = Math.round(deps.clock.now().awake - startedAt);
      return deps.engine.read((ctx) => startedResult(ctx, id, opened.label, tookMs, prompt));
    } catch (error) {
      const why = asRepowireError(error).message;
      await deps.launcher.stop(undefined, pane).catch(() => {
        // Said below by the reason itself; what still runs is in its pane.
      });
      await deps.engine.run((ctx) => {
        failLaunch(ctx, id, why.split("\n")[0] ?? why);
        endSession(ctx, id, "it did not start");
      });
      throw error instanceof RepowireError && error.code === "launch_failed"
        ? new RepowireError("launch_failed", `${name} did not start: ${why}`)
        : error;
    }
  }

  /** Seat and first message in one commit: neither is there without the other. */
  function reserve(ctx: Context, plan: Plan): { seat: PeerRecord; prompt: MessageId | undefined } {
    const spawner = mustGet(ctx, plan.spawner);
    const { path, circle, runtime, profile, args, name } = plan.order;
    const seat = reserveSeat(ctx, spawner, { request: plan.request, runtime, profile, args, path, circle, name });
    if (plan.prompt === undefined) return { seat, prompt: undefined };
    const prompt = acceptNotice(ctx, { from: spawner, to: seat, body: plan.prompt, urgency: "normal" });
    return { seat, prompt: prompt.id };
  }

  /** Resolves when a push reaches the session, or it has joined and none will. Rejects with why it did not come, and its screen. */
  async function comeUp(id: PeerId, pane: PaneRecord, deadline: number): Promise<void> {
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
        if (look.blockedBy) throw failed(look.blockedBy, look.tail);
        if (!look.isAlive) throw failed("its program ended.", look.tail);
        if (now > deadline) throw failed(`it did not join within ${LIMITS.spawnReadyMs / 1000} s.`, look.tail);
      }
      await pause(LOOK_MS);
    }
  }

  const pause = (ms: number) => new Promise<void>((resolve) => deps.clock.after(ms, resolve));

  async function promptHandedOver(id: PeerId, message: MessageId): Promise<void> {
    const until = deps.clock.now().awake + PROMPT_WAIT_MS;
    const isQueued = () => deps.engine.read((ctx) => ctx.tx.deliveries.get(message, id)?.state === "queued");
    while (isQueued() && deps.clock.now().awake < until) await pause(LOOK_MS);
    await handedOver(deps, message);
  }

  return async (call) => {
    const request = call.params.message ?? deps.ids.message();
    const known = running.get(request);
    const work = known ?? repeated(request) ?? begin(request, call);
    if (!known) {
      running.set(request, work);
      const forget = () => void running.delete(request);
      work.then(forget, forget);
    }
    return waitFor(request, work, call);
  };
}

function startedResult(
  ctx: Context,
  id: PeerId,
  pane: string,
  tookMs: number,
  prompt: MessageId | undefined,
): Extract<Result, { state: "started" }> {
  const delivery = prompt === undefined ? undefined : ctx.tx.deliveries.get(prompt, id);
  return {
    state: "started",
    peer: publicPeer(ctx, mustGet(ctx, id)),
    took_ms: tookMs,
    can_receive: canReceive(ctx, id),
    pane,
    prompt: delivery && { id: delivery.handle, recipient: recipientTruth(ctx, delivery) },
  };
}

const PROMPT_SHOWN = 500;
const promptLine = ({ prompt }: Plan): string =>
  prompt === undefined ? "" : `\nprompt: ${prompt.slice(0, PROMPT_SHOWN)}`;

function failed(why: string, tail: readonly string[]): RepowireError {
  return new RepowireError("launch_failed", tail.length > 0 ? `${why} Its screen:\n${tail.join("\n")}` : why);
}
