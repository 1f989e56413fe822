/** Git in a folder: resolves when the command has ended. What it says is text of whoever made the repository. */
export type Git = (...args: string[]) => Promise<{ ok: boolean; out: string; err: string }>;

/** No lock is taken, nothing is asked, and nothing fetched: not from anywhere, over no protocol. */
const QUIET_GIT = {
  GIT_OPTIONAL_LOCKS: "0",
  GIT_TERMINAL_PROMPT: "0",
  GIT_NO_LAZY_FETCH: "1",
  GIT_ALLOW_PROTOCOL: "none",
};
const SAFE = [
  ...["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"],
  ...["-c", "safe.bareRepository=explicit", "-c", "submodule.recurse=false"],
];

/**
 * Git without what a repository could have it execute: fsmonitor, hooks, filters of its own, fetching what it leaves out. Undefined
 * where that cannot be, or there is no git. A command that is not over in time is ended, and was not ok.
 */
export async function quietGit(folder: string, timeoutMs: number): Promise<Git | undefined> {
  const filters = await ownFilters((...args) => runGit(folder, [...SAFE, ...args], timeoutMs));
  if (filters === undefined) return undefined;
  const safe = [...SAFE, ...filters.flatMap((name) => ["-c", `${name}=`])];
  return (...args) => runGit(folder, [...safe, ...args], timeoutMs);
}

/**
 * The filters that a repository brings in its own configuration: `git status` and a checkout would run them. Those of the user's
 * configuration (Git LFS) stay. Undefined where git does not tell, or where a name cannot be passed to it.
 */
async function ownFilters(git: Git): Promise<string[] | undefined> {
  const listed = await git("config", "--includes", "--show-scope", "--name-only", "-z", "--list");
  if (!listed.ok) return undefined;
  const words = listed.out.split("\0");
  const names = words.filter(
    (name, at) => /^filter\..*\.(?:clean|smudge|process|required)$/is.test(name) && isOwn(words[at - 1]),
  );
  return names.some((name) => name.includes("=")) ? undefined : [...new Set(names)];
}

const isOwn = (scope: string | undefined): boolean => scope === "local" || scope === "worktree";

async function runGit(folder: string, args: string[], timeoutMs: number): ReturnType<Git> {
  try {
    const child = Bun.spawn(["git", ...args], {
      cwd: folder,
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...QUIET_GIT },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      timeout: timeoutMs,
    });
    const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    return { ok: (await child.exited) === 0, out, err };
  } catch {
    // No git on this machine, or no such folder: whoever asks does without.
    return { ok: false, out: "", err: "git could not be started" };
  }
}
