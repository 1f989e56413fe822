import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createWorktrees } from "../../src/launcher/worktrees.ts";
import { homePaths } from "../../src/platform/paths.ts";
import { OPERATIONS } from "../../src/protocol/index.ts";
import { git } from "../support/git.ts";
import { type TempHome, tempHome } from "../support/temp-home.ts";

/** A repository, or an agent, that wants a worktree to reach out of its place, or to run something. */
let home: TempHome;
let place: string;
let root: string;
const marker = () => join(place, "marker");

beforeEach(() => {
  home = tempHome();
  place = realpathSync(home.path);
  root = join(place, "repo");
  mkdirSync(root);
  git(root, "init", "-q");
  writeFileSync(join(root, "a.txt"), "one");
  git(root, "add", ".");
  git(root, "commit", "-qm", "one");
});
afterEach(() => home[Symbol.dispose]());

const worktrees = () => createWorktrees(homePaths(join(place, "home")));
const make = async (branch: string, runs = false) => {
  const plan = await worktrees().plan({ path: root, branch });
  await worktrees().make(plan, { setup: runs ? plan.setup : undefined });
  return plan;
};

// @attack worktree-paths
describe("A branch that is called", () => {
  test.each(["../../out", "--force", "-b", "@{-1}", "a..b", "/abs", "a b", "a\u001b[2J", "x.lock", ".", "HEAD~1"])(
    "%j makes nothing",
    async (branch) => {
      const before = readdirSync(place);
      const isParsed = OPERATIONS.spawn.input.safeParse({ path: root, worktree: branch }).success;
      if (isParsed) await expect(make(branch)).rejects.toMatchObject({ code: "invalid_input" });
      expect(readdirSync(place)).toEqual(before);
    },
  );

  test("with slashes and signs stays one folder beside the repository", async () => {
    const { folder } = await make("feat/ünï/#(x)'\"$IFS");
    expect(folder.slice(0, place.length + 1)).toBe(`${place}/`);
    expect(folder.slice(place.length + 1)).toMatch(/^repo-[\p{L}\p{N}._-]+$/u);
  });
});

// @attack worktree-paths
test("a link in the place of the new folder, to nowhere or to somewhere, is not written through", async () => {
  mkdirSync(join(place, "victim"));
  symlinkSync(join(place, "victim"), join(place, "repo-x"));
  symlinkSync(join(place, "nowhere"), join(place, "repo-x-2"));
  const { folder } = await make("x");
  expect(folder).toBe(join(place, "repo-x-3"));
  expect(readdirSync(join(place, "victim"))).toEqual([]);
  expect(existsSync(join(place, "nowhere"))).toBe(false);
  // Put there between the plan and the start.
  const plan = await worktrees().plan({ path: root, branch: "late" });
  symlinkSync(join(place, "victim"), plan.folder);
  await expect(worktrees().make(plan, {})).rejects.toMatchObject({ code: "launch_failed" });
  expect(readdirSync(join(place, "victim"))).toEqual([]);
});

// @attack worktree-paths
test("a git folder that is linked from elsewhere gives nothing of that repository", async () => {
  const fake = join(place, "fake");
  mkdirSync(fake);
  symlinkSync(join(root, ".git"), join(fake, ".git"));
  await expect(worktrees().plan({ path: fake, branch: "x" })).rejects.toMatchObject({ code: "invalid_input" });
  const moved = join(place, "moved");
  mkdirSync(moved);
  writeFileSync(join(moved, ".git"), `gitdir: ${root}/.git\n`);
  await expect(worktrees().plan({ path: moved, branch: "x" })).rejects.toMatchObject({ code: "invalid_input" });
  // A file that claims to be a worktree of it leads to the repository itself, whose folder is what the lists are asked about.
  await make("real");
  const claims = join(place, "claims");
  mkdirSync(claims);
  writeFileSync(join(claims, ".git"), `gitdir: ${root}/.git/worktrees/repo-real\n`);
  expect((await worktrees().plan({ path: claims, branch: "x" })).repository).toBe(root);
});

// @attack worktree-setup
describe("A trusted .repowire.yaml that copies", () => {
  const wants = (...copy: string[]) =>
    writeFileSync(join(root, ".repowire.yaml"), JSON.stringify({ worktree: { copy } }));

  test.each([
    "../secret",
    "/etc/passwd",
    "a/../../secret",
    ".git/config",
    ".GIT/config",
    "./a.txt",
    "a//b",
    "x\u0000y",
  ])("%j is refused before anything is made", async (file) => {
    writeFileSync(join(place, "secret"), "secret");
    wants(file);
    await expect(make("x", true)).rejects.toMatchObject({ code: "invalid_input" });
    expect(readdirSync(place).sort()).toEqual(["repo", "secret"]);
  });

  test("a link, or through one, is refused, and the worktree goes again", async () => {
    mkdirSync(join(place, "outside"));
    writeFileSync(join(place, "outside", "secret"), "secret");
    symlinkSync(join(place, "outside", "secret"), join(root, "link"));
    symlinkSync(join(place, "outside"), join(root, "folder"));
    for (const file of ["link", "folder/secret"]) {
      wants(file);
      await expect(make("x", true)).rejects.toMatchObject({ code: "invalid_input" });
      expect(readdirSync(place).sort()).toEqual(["outside", "repo"]);
      expect(git(root, "branch", "--list", "x")).toBe("");
    }
  });

  test("a link that the branch has put in the way is not written through", async () => {
    mkdirSync(join(place, "victim"));
    git(root, "checkout", "-qb", "evil");
    symlinkSync(join(place, "victim"), join(root, "config"));
    symlinkSync(join(place, "victim", "env"), join(root, ".env"));
    git(root, "add", ".");
    git(root, "commit", "-qm", "links");
    git(root, "checkout", "-q", "-");
    mkdirSync(join(root, "config"));
    writeFileSync(join(root, "config", "local"), "mine");
    writeFileSync(join(root, ".env"), "mine");
    wants("config/local");
    await expect(make("evil", true)).rejects.toMatchObject({ code: "invalid_input" });
    wants(".env");
    const { folder } = await make("evil", true);
    expect(readdirSync(join(place, "victim"))).toEqual([]);
    expect(existsSync(join(folder, "config"))).toBe(true);
  });

  test("a section that cannot be understood is said, not half done; a changed one has another hash", async () => {
    for (const worktree of [{ copy: "x" }, { setup: "rm -rf ~" }, { copy: [], more: 1 }, [1]]) {
      writeFileSync(join(root, ".repowire.yaml"), JSON.stringify({ worktree }));
      await expect(worktrees().plan({ path: root, branch: "x" })).rejects.toThrow(/\.repowire\.yaml: "worktree/);
    }
    const seen = new Set<string | undefined>();
    for (const worktree of [
      { copy: ["a"] },
      { copy: ["b"] },
      { copy: ["a"], setup: ["true"] },
      { copy: ["a"], setup: ["true", ""] },
      { copy: ["a", "true"] },
    ]) {
      writeFileSync(join(root, ".repowire.yaml"), `# said nicely\n${JSON.stringify({ worktree })}`);
      seen.add((await worktrees().repository(root)).setup?.hash);
    }
    expect(seen.size).toBe(5);
    expect(seen.has(undefined)).toBe(false);
    writeFileSync(join(root, ".repowire.yaml"), 'name: other\nworktree: { copy: ["a"] }');
    expect(seen.has((await worktrees().repository(root)).setup?.hash)).toBe(true);
  });
});

// @attack git-commands
test("hooks and filters of the repository do not run when a worktree is made, looked at or removed", async () => {
  const touch = `touch '${marker()}'`;
  const hook = (name: string) =>
    writeFileSync(join(root, ".git", "hooks", name), `#!/bin/sh\n${touch}\n`, { mode: 0o755 });
  for (const name of ["post-checkout", "post-index-change", "reference-transaction"]) hook(name);
  for (const kind of ["clean", "smudge", "process"]) git(root, "config", `filter.evil.${kind}`, touch);
  git(root, "config", "core.fsmonitor", touch);
  writeFileSync(join(root, ".git", "info", "attributes"), "* filter=evil\n");
  // What this test rests on: git alone does run them.
  Bun.spawnSync(["git", "worktree", "add", "-q", join(place, "control")], { cwd: root });
  expect(existsSync(marker())).toBe(true);
  Bun.spawnSync(["rm", marker()]);
  const { folder, repository, branch } = await make("x");
  expect(readFileSync(join(folder, "a.txt"), "utf8")).toBe("one");
  const record = { folder, repository, branch, madeBranch: true, made_at: 0, made_by: "lead" };
  expect(await worktrees().look(record, { keepsBranch: false })).toEqual({ isMissing: false, files: [], commits: [] });
  await worktrees().remove(record, { force: false, keepsBranch: false });
  expect(existsSync(folder)).toBe(false);
  expect(existsSync(marker())).toBe(false);
});

// @attack worktree-paths
test("a folder that was replaced by a link is not removed through it", async () => {
  const { folder, repository, branch } = await make("x");
  mkdirSync(join(place, "victim"));
  writeFileSync(join(place, "victim", "work"), "work");
  Bun.spawnSync(["rm", "-rf", folder]);
  symlinkSync(join(place, "victim"), folder);
  const record = { folder, repository, branch, madeBranch: true, made_at: 0, made_by: "lead" };
  await worktrees().remove(record, { force: true, keepsBranch: false });
  expect(readdirSync(join(place, "victim"))).toEqual(["work"]);
});
