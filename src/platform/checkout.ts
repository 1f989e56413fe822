import { lstatSync, realpathSync, type Stats, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
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
/** No lock is taken, nothing is asked, and nothing fetched: not from anywhere, over no protocol. */
const QUIET_GIT = {
  GIT_OPTIONAL_LOCKS: "0",
  GIT_TERMINAL_PROMPT: "0",
  GIT_NO_LAZY_FETCH: "1",
  GIT_ALLOW_PROTOCOL: "none",
};

/**
 * The commit of a checkout and how many tracked files differ from it; undefined where that is not to be had quickly. Runs git
 * without what a repository could have it execute: fsmonitor, hooks, filters of its own, fetching what it leaves out.
 */
export async function checkoutState(folder: string): Promise<{ commit: string; dirty: number } | undefined> {
  const git = await safeGit(folder, GIT_TIMEOUT_MS);
  const commit = await git?.("rev-parse", "--short=7", "HEAD");
  const dirty = git && commit !== undefined ? await changedFiles(git, "--untracked-files=no") : undefined;
  return commit === undefined || dirty === undefined ? undefined : { commit: commit.trim(), dirty };
}

/** How many files of a checkout are not committed, new ones too; asked as `checkoutState` asks, with more patience. */
export async function uncommittedFiles(folder: string, timeoutMs: number): Promise<number | undefined> {
  const git = await safeGit(folder, timeoutMs);
  return git && changedFiles(git);
}

type Git = (...args: string[]) => Promise<string | undefined>;

async function changedFiles(git: Git, ...options: string[]): Promise<number | undefined> {
  const status = await git("status", "--porcelain", "--ignore-submodules", ...options);
  return status?.split("\n").filter((line) => line !== "").length;
}

/** Git in that folder, with all of that switched off; undefined where it cannot be. */
async function safeGit(folder: string, timeoutMs: number): Promise<Git | undefined> {
  const safe = ["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "safe.bareRepository=explicit"];
  const filters = await ownFilters((...args) => runGit(folder, [...safe, ...args], timeoutMs));
  if (filters === undefined) return undefined;
  for (const name of filters) safe.push("-c", `${name}=`);
  return (...args) => runGit(folder, [...safe, ...args], timeoutMs);
}

/**
 * The filters that a repository brings in its own configuration: `git status` would run them on files that changed. Those of the
 * user's configuration (Git LFS) stay. Undefined where git does not tell, or where a name cannot be passed to it.
 */
async function ownFilters(git: Git): Promise<string[] | undefined> {
  const listed = await git("config", "--includes", "--show-scope", "--name-only", "-z", "--list");
  if (listed === undefined) return undefined;
  const words = listed.split("\0");
  const names = words.filter(
    (name, at) => /^filter\..*\.(?:clean|process|required)$/is.test(name) && isOwn(words[at - 1]),
  );
  return names.some((name) => name.includes("=")) ? undefined : [...new Set(names)];
}

const isOwn = (scope: string | undefined): boolean => scope === "local" || scope === "worktree";

async function runGit(folder: string, args: string[], timeoutMs: number): Promise<string | undefined> {
  try {
    const child = Bun.spawn(["git", ...args], {
      cwd: folder,
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...QUIET_GIT },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
      timeout: timeoutMs,
    });
    const text = await new Response(child.stdout).text();
    return (await child.exited) === 0 ? text : undefined;
  } catch {
    // No git on this machine: the answer simply carries no commit.
    return undefined;
  }
}
