import type { Commits, Launcher, Worktrees } from "../../src/core/index.ts";

/** For meshes in which nothing is started: every folder is there, everything is allowed, and a start fails. */
export const noLauncher: Launcher = {
  folder: (path) => path,
  judge: ({ runtime }) => ({ runtime: runtime ?? "opencode" }),
  canContinue: () => true,
  preview: ({ runtime, path }) => `${runtime} in ${path}`,
  start: () => Promise.reject(new Error("nothing is started here")),
  look: async () => ({ isAlive: false, tail: [] }),
  settle: async () => {},
  stop: async () => ({ ended: [], left: [] }),
  doors: async () => undefined,
  uncommitted: async () => undefined,
};

const nothing = () => Promise.reject(new Error("there is no git here"));
export const noWorktrees: Worktrees = {
  plan: nothing,
  make: nothing,
  look: nothing,
  remove: nothing,
  repository: nothing,
};

export const noCommits: Commits = {
  repositoryOf: () => undefined,
  made: async () => ({ commits: [], total: 0 }),
};
