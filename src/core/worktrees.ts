import { LIMITS, RepowireError } from "../protocol/index.ts";
import { type Context, emit } from "./context.ts";
import type { PeerRecord, WorktreePlan, WorktreeRecord, WorktreeSetup } from "./ports.ts";

/** Which worktrees repowire made, who sits in them, and what a person has trusted their repositories with. */

export const isTrusted = (ctx: Context, repository: string, setup: WorktreeSetup): boolean =>
  ctx.tx.shelves.trust.get(repository)?.hash === setup.hash;

export function trust(ctx: Context, repository: string, setup: WorktreeSetup, chain: string | undefined): void {
  ctx.tx.shelves.trust.put(repository, { hash: setup.hash, at: ctx.now.wall });
  emit(ctx, { type: "repository.trusted", data: { repository, hash: setup.hash, chain } });
}

/** What the user's lists are asked about: for a session in a worktree that repowire made, its repository. */
export function judgedFolder(ctx: Context, path: string): string {
  const inside = ctx.tx.shelves.worktree.all().find(({ folder }) => `${path}/`.startsWith(`${folder}/`));
  return inside?.repository ?? path;
}

/** The sessions whose folder is in that one; those that live first. */
export function peersIn(ctx: Context, folder: string): PeerRecord[] {
  const isLive = (peer: PeerRecord) => (peer.presence.state === "offline" ? 1 : 0);
  return ctx.tx.peers
    .all()
    .filter((peer) => `${peer.path}/`.startsWith(`${folder}/`))
    .sort((a, b) => isLive(a) - isLive(b));
}

/** Refuses where a new worktree would be one too many, or an old one is not ours or has somebody working in it. */
export function checkWorktree(ctx: Context, { isThere, folder, branch, repository }: WorktreePlan): void {
  const { worktree: shelf } = ctx.tx.shelves;
  const count = shelf.all().length;
  if (!isThere && count >= LIMITS.worktreesMax)
    throw new RepowireError(
      "too_many_sessions",
      `${count} worktrees were made, the most there may be. \`repowire worktree list\` shows which are merged.`,
    );
  if (!isThere) return;
  if (!shelf.get(folder))
    throw new RepowireError(
      "session_state",
      `${branch} is checked out in ${folder}${folder === repository ? " itself" : ", which repowire did not make"}. Choose another branch.`,
    );
  const [sitting] = peersIn(ctx, folder).filter((peer) => peer.presence.state !== "offline");
  if (sitting)
    throw new RepowireError(
      "session_state",
      `${sitting.name} works on ${branch} in ${folder}. Ask it, or choose another branch.`,
    );
}

export function noteWorktree(ctx: Context, plan: WorktreePlan, by: PeerRecord): void {
  const { folder, repository, branch } = plan;
  const record = {
    folder,
    repository,
    branch,
    madeBranch: plan.base !== undefined,
    made_at: ctx.now.wall,
    made_by: by.name,
  };
  ctx.tx.shelves.worktree.put(folder, record);
  emit(ctx, { type: "worktree.made", data: { folder, repository, branch, by: by.name } });
}

/** By its folder or that folder's name, its branch, or the name of a session that sits in it. Refuses what fits none or several. */
export function findWorktree(ctx: Context, text: string): WorktreeRecord {
  const all = ctx.tx.shelves.worktree.all();
  const exact = all.filter(({ folder }) => folder === text);
  const name = (folder: string) => folder.split("/").at(-1);
  const fits =
    exact.length > 0
      ? exact
      : all.filter(
          ({ folder, branch }) =>
            name(folder) === text || branch === text || peersIn(ctx, folder).some((peer) => peer.name === text),
        );
  const [found] = fits;
  if (found && fits.length === 1) return found;
  const known = (fits.length > 0 ? fits : all).map(({ folder }) => folder).join(", ") || "none";
  throw new RepowireError(
    "not_found",
    fits.length > 0
      ? `Several worktrees fit: ${known}. Give the folder.`
      : `repowire made no worktree of that name. Its worktrees: ${known}.`,
  );
}

/** Refuses while somebody works in it. */
export function checkRemovable(ctx: Context, { folder }: WorktreeRecord): void {
  const [sitting] = peersIn(ctx, folder).filter(
    (peer) => peer.presence.state !== "offline" || peer.launch?.phase === "restarting",
  );
  if (sitting)
    throw new RepowireError(
      "session_state",
      `${sitting.name} is in ${folder} (${sitting.presence.state}). End it first: repowire peer kill ${sitting.name}`,
    );
}

export function forgetWorktree(
  ctx: Context,
  { folder, branch }: WorktreeRecord,
  by: PeerRecord,
  chain: string | undefined,
): void {
  ctx.tx.shelves.worktree.remove(folder);
  emit(ctx, { type: "worktree.removed", data: { folder, branch, by: by.name, chain } });
}
