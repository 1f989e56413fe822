import { createHash } from "node:crypto";
import { existsSync, lstatSync, mkdirSync, realpathSync, rmdirSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import type { WorktreeSetup, Worktrees } from "../core/ports.ts";
import { nameFromPath } from "../core/registry.ts";
import { readCheckout } from "../platform/checkout.ts";
import { type Git, quietGit } from "../platform/git.ts";
import type { HomePaths } from "../platform/paths.ts";
import { readWorktreeSetup } from "../platform/project-file.ts";
import { RepowireError } from "../protocol/index.ts";
import { cleanLine } from "../words/index.ts";
import { checkCopyPath, copyInto, runSetup } from "./worktree-setup.ts";

/**
 * Worktrees beside their repository. Git runs there without the repository's own hooks and filters, and nothing that
 * `.repowire.yaml` asks for is done here before the caller says that a person has trusted it.
 */
export function createWorktrees(paths: HomePaths): Worktrees {
  return {
    async plan({ path, branch, base }) {
      const { repository, top } = await repositoryOf(path);
      const git = await gitIn(repository);
      if (!(await git("check-ref-format", `refs/heads/${branch}`)).ok)
        throw new RepowireError("invalid_input", `"${cleanLine(branch)}" is no name for a branch.`);
      const place = { repository, branch, inside: relative(top, path), setup: setupOf(repository) };
      const existing = (await worktreesOf(git)).find((one) => one.branch === branch)?.folder;
      const isBranch = (await git("rev-parse", "--verify", "--quiet", `refs/heads/${branch}`)).ok;
      if (isBranch && base !== undefined)
        throw new RepowireError(
          "invalid_input",
          `The branch ${branch} is there already. Leave the base out, or choose another branch.`,
        );
      if (existing !== undefined) return { ...place, folder: existing, isThere: true };
      const folder = freeFolder(repository, branch);
      return { ...place, folder, isThere: false, base: isBranch ? undefined : await commitOf(git, top, branch, base) };
    },

    async make(plan, options) {
      const { repository, folder, branch, base } = plan;
      const git = await gitIn(repository);
      // Made here first: whatever stands there by now, a link too, is not written into.
      mkdirFresh(folder);
      const added = await git(...["worktree", "add", ...(base ? ["-b", branch] : []), folder, base ?? branch]);
      if (!added.ok) {
        rmdirSync(folder);
        throw new RepowireError("launch_failed", `git made no worktree: ${lastLine(added.err)}`);
      }
      try {
        if (!options.setup) return { log: undefined };
        for (const file of options.setup.copy) copyInto(repository, folder, file);
        const log = join(paths.logs, `worktree-${basename(folder)}.log`);
        if (options.setup.command) await runSetup(options.setup.command, folder, log);
        return { log: options.setup.command && log };
      } catch (error) {
        await git("worktree", "remove", "--force", folder);
        if (base) await git("branch", "-D", branch);
        throw error;
      }
    },

    async look(record, options) {
      const git = await gitIn(record.repository);
      const isMissing = !isRealFolder(record.folder);
      const inside = isMissing ? undefined : await quietGit(record.folder, GIT_MS);
      const files = inside ? await changedFiles(inside) : [];
      const takesBranch = record.madeBranch && !options.keepsBranch;
      return { isMissing, files, commits: await lostCommits(git, inside, record.branch, takesBranch) };
    },

    async remove(record, { force, keepsBranch }) {
      const { repository, folder, branch, madeBranch } = record;
      const git = await gitIn(repository);
      const removed = isRealFolder(folder)
        ? await git("worktree", "remove", ...(force ? ["--force"] : []), folder)
        : await git("worktree", "prune");
      if (!removed.ok)
        throw new RepowireError("unsaved_work", `git does not remove ${folder}: ${lastLine(removed.err)}`);
      const takesBranch = madeBranch && !keepsBranch;
      return { branchRemoved: takesBranch && (await git("branch", "-D", branch)).ok };
    },

    async repository(path) {
      const { repository } = await repositoryOf(path);
      return { repository, setup: setupOf(repository) };
    },
  };
}

/** Git's own work on a large checkout takes its time. */
const GIT_MS = 120_000;

async function gitIn(folder: string): Promise<Git> {
  const git = await quietGit(folder, GIT_MS);
  if (git) return git;
  throw new RepowireError(
    "invalid_input",
    `git cannot be used safely in ${folder}: it is not installed, or the configuration there cannot be read.`,
  );
}

/** The main checkout, and the top of the checkout that the path is in. Its git folder must be its own: not linked from elsewhere. */
async function repositoryOf(path: string): Promise<{ repository: string; top: string }> {
  const checkout = readCheckout(path);
  if (!checkout) throw new RepowireError("invalid_input", `${path} is in no git repository, so it has no worktrees.`);
  const repository = checkout.worktreeOf ?? checkout.root;
  const git = await gitIn(repository);
  const common = await git("rev-parse", "--path-format=absolute", "--git-common-dir");
  const isOwn = common.ok && common.out.trim() === join(repository, ".git") && isRealFolder(join(repository, ".git"));
  if (isOwn) return { repository, top: checkout.root };
  throw new RepowireError(
    "invalid_input",
    `${repository} keeps its git folder elsewhere. Name the repository that it belongs to.`,
  );
}

function isRealFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true && realpathSync(path) === path;
}

interface Listed {
  folder: string;
  branch?: string;
}

/** All worktrees that git knows of, the main checkout first. */
async function worktreesOf(git: Git): Promise<Listed[]> {
  const { out } = await git("worktree", "list", "--porcelain", "-z");
  return out
    .split("\0\0")
    .filter((entry) => entry.startsWith("worktree "))
    .map((entry) => {
      const lines = entry.split("\0");
      const branch = lines.find((line) => line.startsWith("branch refs/heads/"))?.slice("branch refs/heads/".length);
      return { folder: lines[0]?.slice("worktree ".length) ?? "", branch };
    });
}

const FOLDERS_TRIED = 20;

/** `REPOSITORY-BRANCH` beside the repository, numbered where something of that name is there, be it a link to nowhere. */
function freeFolder(repository: string, branch: string): string {
  const name = nameFromPath(`${basename(repository)}-${branch.replaceAll("/", "-")}`);
  for (let n = 1; n <= FOLDERS_TRIED; n++) {
    const folder = join(dirname(repository), n === 1 ? name : `${name}-${n}`);
    if (!lstatSync(folder, { throwIfNoEntry: false })) return folder;
  }
  throw new RepowireError(
    "invalid_input",
    `${FOLDERS_TRIED} folders named like ${name} stand beside ${repository}. Remove some.`,
  );
}

function mkdirFresh(folder: string): void {
  try {
    mkdirSync(folder);
  } catch (error) {
    const why = existsSync(folder) ? "it is there by now" : error instanceof Error ? error.message : String(error);
    throw new RepowireError("launch_failed", `The folder ${folder} for the worktree was not made: ${why}.`);
  }
}

/** Where a new branch begins: at the base, at the branch of that name of `origin`, else at what the checkout has now. */
async function commitOf(git: Git, top: string, branch: string, base: string | undefined): Promise<string> {
  const wanted = base === undefined ? [`refs/remotes/origin/${branch}`] : [base];
  for (const ref of wanted) {
    const found = await git("rev-parse", "--verify", "--quiet", "--end-of-options", `${ref}^{commit}`);
    if (found.ok) return found.out.trim();
  }
  if (base !== undefined) throw new RepowireError("invalid_input", `"${cleanLine(base)}" names no commit of ${top}.`);
  const head = await (await gitIn(top))("rev-parse", "--verify", "--quiet", "HEAD^{commit}");
  if (head.ok) return head.out.trim();
  throw new RepowireError("invalid_input", `${top} has no commit yet, and a worktree begins at one.`);
}

/** Also files of git's own that are new; those that git ignores are not looked at. */
async function changedFiles(git: Git): Promise<string[]> {
  const status = await git(
    "status",
    "--porcelain",
    "-z",
    "--no-renames",
    "--untracked-files=all",
    "--ignore-submodules",
  );
  if (!status.ok)
    throw new RepowireError("unsaved_work", `What is not committed cannot be told: ${lastLine(status.err)}`);
  return status.out.split("\0").filter((line) => line !== "");
}

/** Commits that no other branch, tag or remote has: those of a branch that goes, and of a checkout that is on none. */
async function lostCommits(git: Git, inside: Git | undefined, branch: string, takesBranch: boolean): Promise<string[]> {
  const isBranch = (await git("rev-parse", "--verify", "--quiet", `refs/heads/${branch}`)).ok;
  const head = await inside?.("rev-parse", "--verify", "--quiet", "HEAD");
  const tips = [takesBranch && isBranch ? `refs/heads/${branch}` : "", head?.ok ? head.out.trim() : ""].filter(Boolean);
  if (tips.length === 0) return [];
  const others = [...(takesBranch ? [`--exclude=${branch}`] : []), "--branches", "--remotes", "--tags"];
  const log = await git("log", "--format=%h %s", "--no-show-signature", ...tips, "--not", ...others);
  if (!log.ok) throw new RepowireError("unsaved_work", `What is not merged cannot be told: ${lastLine(log.err)}`);
  return log.out.split("\n").filter((line) => line !== "");
}

function setupOf(repository: string): WorktreeSetup | undefined {
  const wanted = readWorktreeSetup(repository);
  if (!wanted) return undefined;
  const { copy, setup: command } = wanted;
  for (const file of copy) checkCopyPath(file);
  // Of what it asks for, not of its text: a comment changes nothing that was trusted.
  const hash = createHash("sha256").update(JSON.stringify({ copy, command })).digest("hex");
  return { copy, command, hash };
}

const lastLine = (text: string): string => cleanLine(text.trim().split("\n").at(-1) ?? "") || "it said nothing.";
