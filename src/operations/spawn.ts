import {
  acceptNotice,
  type Context,
  checkLaunchLimits,
  checkWorktree,
  endSession,
  failLaunch,
  isTrusted,
  judgedFolder,
  mustGet,
  noteWorktree,
  type PeerRecord,
  reserveSeat,
  seatOf,
  trust,
} from "../core/index.ts";
import type { LaunchOrder, WorktreePlan, WorktreeSetup } from "../core/ports.ts";
import {
  asRepowireError,
  type MessageId,
  type OperationOutput,
  type PeerId,
  RepowireError,
  SpawnRuntime,
} from "../protocol/index.ts";
import { checkMayStartHere, checkSameFolder, createLaunching, startedResult } from "./launching.ts";
import { handedOver } from "./send.ts";
import type { Call, Handler, OperationDeps } from "./types.ts";
import { setupText } from "./worktrees.ts";

type Result = OperationOutput<"spawn">;

interface Plan {
  request: MessageId;
  spawner: PeerId;
  order: Omit<LaunchOrder, "name"> & { name?: string };
  tree?: WorktreePlan;
  /** What is done in a new worktree. */
  setup?: WorktreeSetup;
  prompt?: string;
}

const PROMPT_WAIT_MS = 4_000;
const PROMPT_SHOWN = 500;

/** Starts a session: at once where the user's lists or the caller's rights allow it, else when a person has agreed. */
export function spawnHandler(deps: OperationDeps): Handler<"spawn"> {
  const launching = createLaunching(deps);

  /** Asked again with its id, after a lost connection: what it made the first time. */
  function repeated(request: MessageId): Promise<Result> | undefined {
    const result = deps.engine.read((ctx) => {
      const seat = ctx.tx.peers.all().find(({ launch: made }) => made?.request === request && made.phase === "running");
      return seat?.launch?.pane && startedResult(ctx, seat, { pane: seat.launch.pane.label, tookMs: 0 });
    });
    return result && Promise.resolve(result);
  }

  async function begin(request: MessageId, { caller, params }: Call<"spawn">): Promise<Result> {
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
    const tree = await treeOf(path, params);
    const setup = tree && !tree.isThere && params.setup !== false ? tree.setup : undefined;
    const untrusted = tree && setup && !deps.engine.read((ctx) => isTrusted(ctx, tree.repository, setup));
    if (untrusted && caller.isHuman) {
      throw new RepowireError(
        "untrusted",
        `${tree.repository} wants this in a new worktree: ${setupText(setup)}. Nobody has trusted that yet: repowire worktree trust ${tree.repository}, or leave it out with --no-setup.`,
      );
    }
    const own = SpawnRuntime.safeParse(me.runtime).data;
    const args = params.args ?? [];
    const judged = deps.launcher.judge({
      path: tree?.repository ?? deps.engine.read((ctx) => judgedFolder(ctx, path)),
      runtime: params.runtime ?? (params.profile === undefined ? own : undefined),
      profile: params.profile,
      args,
    });
    const { runtime } = judged;
    const why = [judged.why, untrusted ? `what its .repowire.yaml asks for is not trusted yet` : ""]
      .filter(Boolean)
      .join("; ");
    if (why) checkMayStartHere(caller, why);
    const plan: Plan = {
      request,
      spawner: me.id,
      tree,
      setup,
      order: {
        path: tree ? [tree.folder, tree.inside].filter(Boolean).join("/") : path,
        name: params.name,
        circle: params.circle ?? me.circle,
        runtime,
        profile: params.profile,
        args,
      },
      prompt: params.prompt,
    };
    deps.engine.read((ctx) => checkLaunchLimits(ctx, mustGet(ctx, me.id)));
    return why === "" || caller.isHuman ? launch(plan) : approveAndLaunch(plan, why);
  }

  async function approveAndLaunch(plan: Plan, why: string): Promise<Result> {
    const order = { ...plan.order, name: plan.order.name ?? "" };
    const { tree, setup, prompt } = plan;
    const more = [
      tree
        ? `worktree: branch ${tree.branch}${tree.base ? `, new from ${tree.base.slice(0, 10)}` : ""}, of ${tree.repository}`
        : "",
      setup ? `in it: ${setupText(setup)}` : "",
      prompt === undefined ? "" : `prompt: ${prompt.slice(0, PROMPT_SHOWN)}`,
    ].filter(Boolean);
    await launching.approve({ request: plan.request, by: plan.spawner, why, order, more });
    // Exactly what was shown: it is not read again.
    if (tree && setup) await deps.engine.run((ctx) => trust(ctx, tree.repository, setup, undefined));
    return launch(plan);
  }

  async function launch(plan: Plan): Promise<Result> {
    const startedAt = deps.clock.now().awake;
    const worktree = await makeWorktree(plan);
    checkSameFolder(deps, plan.order.path);
    const { seat, prompt } = await deps.engine.run((ctx) => reserve(ctx, plan));
    const { id, name } = seat;
    try {
      const { pane } = await launching.bringUp(id, { ...plan.order, name });
      if (prompt) await promptHandedOver(id, prompt);
      const tookMs = Math.round(deps.clock.now().awake - startedAt);
      return deps.engine.read((ctx) =>
        startedResult(ctx, mustGet(ctx, id), { pane: pane.label, tookMs, prompt, worktree }),
      );
    } catch (error) {
      const why = asRepowireError(error).message;
      await deps.engine.run((ctx) => {
        failLaunch(ctx, id, why.split("\n")[0] ?? why);
        endSession(ctx, id, "it did not start");
      });
      throw error instanceof RepowireError && error.code === "launch_failed"
        ? new RepowireError("launch_failed", `${name} did not start: ${why}`)
        : error;
    }
  }

  async function treeOf(path: string, params: Call<"spawn">["params"]): Promise<WorktreePlan | undefined> {
    const { worktree: branch, base } = params;
    if (branch === undefined && base !== undefined)
      throw new RepowireError("invalid_input", "A base is for the branch of a worktree. Name that, too.");
    if (branch === undefined) return undefined;
    const tree = await deps.worktrees.plan({ path, branch, base });
    deps.engine.read((ctx) => checkWorktree(ctx, tree));
    return tree;
  }

  /** It stays when its session does not come up: the next start on that branch takes it. */
  async function makeWorktree({ tree, setup, spawner }: Plan) {
    if (!tree) return undefined;
    const known = { path: tree.folder, branch: tree.branch };
    if (tree.isThere) return { ...known, made: false };
    const { log } = await deps.worktrees.make(tree, { setup });
    await deps.engine.run((ctx) => noteWorktree(ctx, tree, mustGet(ctx, spawner)));
    return { ...known, made: true, log };
  }

  /** Seat and first message in one commit: neither is there without the other. */
  function reserve(ctx: Context, plan: Plan): { seat: PeerRecord; prompt: MessageId | undefined } {
    const spawner = mustGet(ctx, plan.spawner);
    const { path, circle, runtime, profile, args, name } = plan.order;
    const seat = reserveSeat(ctx, spawner, {
      request: plan.request,
      runtime,
      profile,
      args,
      path,
      circle,
      name,
      nameHint: plan.tree?.folder,
    });
    if (plan.prompt === undefined) return { seat, prompt: undefined };
    const prompt = acceptNotice(ctx, { from: spawner, to: seat, body: plan.prompt, urgency: "normal" });
    return { seat, prompt: prompt.id };
  }

  async function promptHandedOver(id: PeerId, message: MessageId): Promise<void> {
    const until = deps.clock.now().awake + PROMPT_WAIT_MS;
    const isQueued = () => deps.engine.read((ctx) => ctx.tx.deliveries.get(message, id)?.state === "queued");
    while (isQueued() && deps.clock.now().awake < until) await launching.pause();
    await handedOver(deps, message);
  }

  return async (call) => {
    const request = call.params.message ?? deps.ids.message();
    return launching.once(request, call, async () => repeated(request) ?? begin(request, call));
  };
}
