import {
  checkRemovable,
  findWorktree,
  forgetWorktree,
  isTrusted,
  peersIn,
  seatOf,
  trust,
  type WorktreeRecord,
  type WorktreeSetup,
} from "../core/index.ts";
import { LIMITS, type OperationOutput, RepowireError } from "../protocol/index.ts";
import type { Handler, OperationDeps } from "./types.ts";

type State = OperationOutput<"worktrees">["worktrees"][number];

/** Worktrees that repowire made: what each would lose, their removal, and a person's trust in what a repository wants done in them. */
export function worktreesHandler(deps: OperationDeps): Handler<"worktrees"> {
  async function stateOf(record: WorktreeRecord): Promise<State> {
    const peers = deps.engine.read((ctx) =>
      peersIn(ctx, record.folder).map(({ name, presence }) => ({ name, presence: presence.state })),
    );
    const { folder: path, repository, branch, madeBranch: made_branch, made_at, made_by } = record;
    const known = { path, repository, branch, made_branch, made_at, made_by, peers };
    try {
      const { isMissing: missing, files, commits } = await deps.worktrees.look(record, { keepsBranch: false });
      return { ...known, missing, files, commits };
    } catch (error) {
      if (!(error instanceof RepowireError)) throw error;
      // Git does not tell: the repository is gone, or cannot be looked at safely. It is listed all the same.
      return { ...known, missing: false };
    }
  }

  return async ({ caller, params }) => {
    const { records, from } = deps.engine.read((ctx) => ({
      records: ctx.tx.shelves.worktree.all(),
      from: seatOf(ctx, caller).path,
    }));
    const worktrees: State[] = [];
    for (const record of records) worktrees.push(await stateOf(record));
    if (params.path === undefined) return { worktrees };
    const { repository: path, setup } = await deps.worktrees.repository(deps.launcher.folder(params.path, from));
    return { worktrees, repository: { path, setup: setup && withTrust(deps, path, setup) } };
  };
}

const withTrust = (deps: OperationDeps, repository: string, setup: WorktreeSetup) => ({
  ...setup,
  trusted: deps.engine.read((ctx) => isTrusted(ctx, repository, setup)),
});

export function trustRepositoryHandler(deps: OperationDeps): Handler<"trust_repository"> {
  return async ({ caller, params }) => {
    const from = deps.engine.read((ctx) => seatOf(ctx, caller).path);
    const { repository, setup } = await deps.worktrees.repository(deps.launcher.folder(params.path, from));
    if (!setup || setup.hash !== params.hash)
      throw new RepowireError(
        "untrusted",
        `What ${repository} asks for is not what was shown any more. Look again: repowire worktree trust`,
      );
    await deps.engine.run((ctx) => trust(ctx, repository, setup, caller.chain));
    return { path: repository, setup: { ...setup, trusted: true } };
  };
}

export function removeWorktreeHandler(deps: OperationDeps): Handler<"remove_worktree"> {
  return async ({ caller, params }) => {
    if (params.force && !caller.isHuman)
      throw new RepowireError(
        "human_required",
        "Only a person may say that work is to be lost. Leave `force` out, or ask your user.",
      );
    const keepsBranch = params.keep_branch === true;
    const force = params.force === true;
    const record = deps.engine.read((ctx) => {
      const found = findWorktree(ctx, params.worktree);
      checkRemovable(ctx, found);
      return found;
    });
    const { files, commits } = await deps.worktrees.look(record, { keepsBranch });
    if (!force && files.length + commits.length > 0) throw wouldLose(record, files, commits);
    const { branchRemoved } = await deps.worktrees.remove(record, { force, keepsBranch });
    await deps.engine.run((ctx) => forgetWorktree(ctx, record, seatOf(ctx, caller), caller.chain));
    return { path: record.folder, branch: record.branch, branch_removed: branchRemoved, lost: { files, commits } };
  };
}

function wouldLose({ folder, branch }: WorktreeRecord, files: string[], commits: string[]): RepowireError {
  const shown = (what: string, lines: string[]) => {
    if (lines.length === 0) return "";
    const more = lines.length - LIMITS.lostShown;
    return `\n${what}:\n${lines
      .slice(0, LIMITS.lostShown)
      .map((line) => `  ${line}`)
      .join("\n")}${more > 0 ? `\n  and ${more} more` : ""}`;
  };
  return new RepowireError(
    "unsaved_work",
    `${folder} (${branch}) has work that is nowhere else, so it stays.${shown("Not committed", files)}${shown("Commits on no other branch, tag or remote", commits)}\nCommit and merge it, keep the branch with --keep-branch, or lose it with --force.`,
  );
}

/** What it asks for, in one line. */
export const setupText = ({ copy, command }: WorktreeSetup): string =>
  [copy.length > 0 ? `copy ${copy.join(", ")}` : "", command ? `run ${JSON.stringify(command)}` : ""]
    .filter(Boolean)
    .join("; ");
