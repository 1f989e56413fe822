import { LIMITS, type NightCommit } from "../protocol/index.ts";
import { readCheckout } from "./checkout.ts";
import { quietGit } from "./git.ts";

const GIT_MS = 5_000;

/** Commits by git, with nothing run that a repository asks for: no hook, no pager, no program that its configuration names. */
export const commits = {
  repositoryOf(folder: string): string | undefined {
    const checkout = readCheckout(folder);
    return checkout && (checkout.worktreeOf ?? checkout.root);
  },
  async made(repository: string, since: number, until: number): Promise<{ commits: NightCommit[]; total: number }> {
    const git = await quietGit(repository, GIT_MS);
    // What was fetched was made elsewhere: local branches alone, and where HEAD stands by itself.
    const span = ["--branches", "HEAD", `--since=${seconds(since)}`, `--until=${seconds(until)}`];
    // A subject may be of any length.
    const log = await git?.(
      ...["-c", "log.showSignature=false", "--no-pager", "log", ...span, "--no-show-signature", "--no-patch"],
      ...["--no-ext-diff", "--no-textconv", "--no-color", "--no-mailmap", `--max-count=${LIMITS.nightCommitsMax}`],
      ...["-z", "--format=%h%x00%ct%x00%<(80,trunc)%an%x00%<(200,trunc)%s", "--"],
    );
    // No name and no subject can hold a NUL, whatever else is in it.
    const words = (log?.ok ? log.out : "").split("\0");
    const found: NightCommit[] = [];
    for (let n = 0; n + 3 < words.length; n += 4) {
      const [hash = "", at, author = "", subject = ""] = words.slice(n, n + 4);
      found.push({ hash, at: Number(at) * 1_000, author: author.trim(), subject: subject.trim() });
    }
    if (found.length < LIMITS.nightCommitsMax) return { commits: found, total: found.length };
    const counted = await git?.("rev-list", "--count", ...span, "--");
    return { commits: found, total: counted?.ok ? Number(counted.out) : found.length };
  },
};

/** Git counts whole seconds, and `--since` is the first that counts. */
const seconds = (ms: number): number => Math.ceil(ms / 1_000);
