import { expect, test } from "bun:test";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { git } from "../../test/support/git.ts";
import { tempHome } from "../../test/support/temp-home.ts";
import { headOf } from "./head.ts";

// @req stale.no-process
test("says what git says: on a branch, packed, detached, in a worktree, before the first commit", () => {
  using temp = tempHome();
  const root = join(temp.path, "repo");
  mkdirSync(root);
  git(root, "init", "-q");
  expect(headOf(root)).toBeUndefined();
  const same = (folder: string) => expect(headOf(folder)).toBe(git(folder, "rev-parse", "HEAD"));
  git(root, "commit", "-q", "--allow-empty", "-m", "one");
  same(root);
  git(root, "pack-refs", "--all");
  same(root);
  git(root, "commit", "-q", "--allow-empty", "-m", "two");
  same(root);
  const worktree = join(temp.path, "other");
  git(root, "worktree", "add", "-q", "-b", "feature/x", worktree);
  git(worktree, "commit", "-q", "--allow-empty", "-m", "three");
  same(worktree);
  same(root);
  git(root, "checkout", "-q", "--detach");
  same(root);
});

// @req stale.no-process
// @attack report-paths
test("a repository that means ill is one without a commit, and holds nothing up", () => {
  using temp = tempHome();
  const root = temp.path;
  const secret = join(temp.path, "secret");
  writeFileSync(secret, `${"c".repeat(40)}\n`);
  mkdirSync(join(root, ".git"));
  const withHead = (text: string) => {
    writeFileSync(join(root, ".git", "HEAD"), text);
    return headOf(root);
  };
  expect(headOf(root)).toBeUndefined();
  for (const text of [
    "",
    "ref: refs/heads/../../../secret",
    "ref: ../secret",
    "x".repeat(100_000),
    "ref: refs/heads/none",
  ])
    expect([text.slice(0, 40), withHead(text)]).toEqual([text.slice(0, 40), undefined]);
  rmSync(join(root, ".git", "HEAD"));
  symlinkSync("/dev/zero", join(root, ".git", "HEAD"));
  expect(headOf(root)).toBeUndefined();
  rmSync(join(root, ".git"), { recursive: true });
  writeFileSync(join(root, ".git"), "gitdir: /dev");
  expect(headOf(root)).toBeUndefined();
});
