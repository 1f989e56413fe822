import { lstatSync, realpathSync, type Stats, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { type Git, quietGit } from "./git.ts";
import { readSmallFile } from "./read-small.ts";

/** Files of git that hold one line; a repository from elsewhere may hold anything. */
const GIT_FILE_BYTES_MAX = 16_384;
/** As the protocol takes it; git itself has no limit. */
const BRANCH_CHARS_MAX = 300;

/** What a folder's git checkout says, read from its files: no git process, nothing of the repository is run. */
export interface Checkout {
  /** Real path of the checkout's top folder. */
  root: string;
  /** Branch name, or the first characters of a detached commit. */
  branch?: string;
  /** For a linked worktree: the main checkout. */
  worktreeOf?: string;
}

export function readCheckout(folder: string): Checkout | undefined {
  for (let at = folder; ; at = dirname(at)) {
    const dotGit = join(at, ".git");
    const git = gitAt(dotGit, at === folder);
    if (git) return describe(at, dotGit, git.isDirectory());
    if (dirname(at) === at) return undefined;
  }
}

/**
 * As git itself sees it: a folder of that name without a HEAD is none. Nor is one above the session's own folder that belongs to another
 * user: in a folder that all share, it would rule over every session below.
 */
function gitAt(dotGit: string, isOwnFolder: boolean): Stats | undefined {
  const info = statSync(dotGit, { throwIfNoEntry: false });
  if (!info || (!isOwnFolder && info.uid !== process.getuid?.())) return undefined;
  const isHere = !info.isDirectory() || lstatSync(join(dotGit, "HEAD"), { throwIfNoEntry: false });
  return isHere ? info : undefined;
}

function describe(root: string, dotGit: string, isFolder: boolean): Checkout | undefined {
  try {
    if (isFolder) return { root, branch: branchOf(dotGit) };
    // A linked worktree or submodule: `gitdir: /main/.git/worktrees/NAME`.
    const gitDir = resolve(
      root,
      readSmallFile(dotGit, GIT_FILE_BYTES_MAX)
        .replace(/^gitdir:\s*/, "")
        .trim(),
    );
    const main = gitDir.match(/^(.*)\/\.git\/worktrees\/[^/]+$/)?.[1];
    return { root, branch: branchOf(gitDir), worktreeOf: main && realPath(main) };
  } catch {
    // Half a repository; the folder is a peer all the same.
    return { root };
  }
}

const BRANCH = "ref: refs/heads/";

function branchOf(gitDir: string): string | undefined {
  const head = readSmallFile(join(gitDir, "HEAD"), GIT_FILE_BYTES_MAX).split("\n")[0]?.trim() ?? "";
  return head.startsWith(BRANCH) ? head.slice(BRANCH.length, BRANCH.length + BRANCH_CHARS_MAX) : head.slice(0, 12);
}

export function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}

/** Answers wait for it. */
const GIT_TIMEOUT_MS = 400;

/** The commit of a checkout and how many tracked files differ from it; undefined where that is not to be had quickly. */
export async function checkoutState(folder: string): Promise<{ commit: string; dirty: number } | undefined> {
  const git = await quietGit(folder, GIT_TIMEOUT_MS);
  const commit = await git?.("rev-parse", "--short=7", "HEAD");
  const dirty = git && commit?.ok ? await changedFiles(git, "--untracked-files=no") : undefined;
  return !commit?.ok || dirty === undefined ? undefined : { commit: commit.out.trim(), dirty };
}

/** How many files of a checkout are not committed, new ones too; asked as `checkoutState` asks, with more patience. */
export async function uncommittedFiles(folder: string, timeoutMs: number): Promise<number | undefined> {
  const git = await quietGit(folder, timeoutMs);
  return git && changedFiles(git);
}

async function changedFiles(git: Git, ...options: string[]): Promise<number | undefined> {
  const status = await git("status", "--porcelain", "--ignore-submodules", ...options);
  return status.ok ? status.out.split("\n").filter((line) => line !== "").length : undefined;
}
