import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

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
    if (existsSync(dotGit)) return describe(at, dotGit);
    if (dirname(at) === at) return undefined;
  }
}

function describe(root: string, dotGit: string): Checkout | undefined {
  try {
    if (statSync(dotGit).isDirectory()) return { root, branch: branchOf(dotGit) };
    // A linked worktree or submodule: `gitdir: /main/.git/worktrees/NAME`.
    const gitDir = resolve(
      root,
      readFileSync(dotGit, "utf8")
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

function branchOf(gitDir: string): string | undefined {
  const head = readFileSync(join(gitDir, "HEAD"), "utf8").trim();
  return head.startsWith("ref: refs/heads/") ? head.slice("ref: refs/heads/".length) : head.slice(0, 12);
}

export function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}

const GIT_TIMEOUT_MS = 400;

/**
 * The commit of a checkout and how many tracked files differ from it; undefined where that is not to be had quickly. Runs git
 * without what a repository could have it execute (fsmonitor, hooks).
 */
export async function checkoutState(folder: string): Promise<{ commit: string; dirty: number } | undefined> {
  const safe = ["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "safe.bareRepository=explicit"];
  const commit = await git(folder, [...safe, "rev-parse", "--short=7", "HEAD"]);
  const status =
    commit === undefined
      ? undefined
      : await git(folder, [...safe, "status", "--porcelain", "--untracked-files=no", "--ignore-submodules"]);
  if (commit === undefined || status === undefined) return undefined;
  return { commit: commit.trim(), dirty: status.split("\n").filter((line) => line !== "").length };
}

async function git(folder: string, args: string[]): Promise<string | undefined> {
  try {
    const child = Bun.spawn(["git", ...args], {
      cwd: folder,
      env: { PATH: process.env.PATH, HOME: process.env.HOME, GIT_OPTIONAL_LOCKS: "0", GIT_TERMINAL_PROMPT: "0" },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
      timeout: GIT_TIMEOUT_MS,
    });
    const text = await new Response(child.stdout).text();
    return (await child.exited) === 0 ? text : undefined;
  } catch {
    // No git on this machine: the answer simply carries no commit.
    return undefined;
  }
}
