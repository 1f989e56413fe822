import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findTmux } from "../../src/adapters/tmux/index.ts";
import { git } from "../support/git.ts";
import { type LaunchWorld, launchWorld } from "../support/launch-world.ts";
import { until } from "../support/until.ts";

// Real git, a real daemon and a real tmux on a private socket.
setDefaultTimeout(60_000);

describe.skipIf(findTmux() === undefined)("sessions on worktrees", () => {
  let world: LaunchWorld;
  beforeAll(async () => {
    world = await launchWorld();
  });
  afterAll(async () => {
    await world?.[Symbol.asyncDispose]();
  });

  function repository(name: string, file?: string): string {
    const root = world.folder(name);
    git(root, "init", "-q");
    writeFileSync(join(root, "a.txt"), "one");
    writeFileSync(join(root, ".gitignore"), ".env\nmade\n");
    if (file) writeFileSync(join(root, ".repowire.yaml"), file);
    git(root, "add", ".");
    git(root, "commit", "-qm", "one");
    return root;
  }
  const SETUP = `worktree:\n  copy: [.env, nowhere]\n  setup: [sh, -c, "echo making; cat .env > made"]\n`;
  const approval = () => until(async () => (await world.daemon.mesh.approvals({})).approvals[0], "the request");
  const list = async () => (await world.daemon.mesh.worktrees({})).worktrees;
  const spawned = async (...args: string[]) => {
    const ran = await world.user.repowire("peer", "new", ...args, "--runtime", "opencode", "--circle", "dev", "--json");
    return { ...ran, output: ran.out.startsWith("{") ? JSON.parse(ran.out) : undefined };
  };

  test("beside the repository, named after it, with its files and set-up once a person has trusted that; a change asks again", async () => {
    // @req worktree.beside
    // @req worktree.trust
    const root = repository("api", SETUP);
    writeFileSync(join(root, ".env"), "SECRET=1");
    const refused = await spawned(root, "--worktree", "feat/x");
    expect(JSON.parse(refused.out).error).toMatchObject({ code: "untrusted" });
    expect(refused.out).toContain("repowire worktree trust");
    expect(existsSync(join(world.work, "api-feat-x"))).toBe(false);
    const shown = await world.user.repowire("worktree", "trust", root);
    expect(shown.out).toContain("copy .env");
    expect(shown.out).toContain("run  sh -c 'echo making; cat .env > made'");
    expect(shown.out).toContain("Not trusted");
    await expect(world.lead.call("trust_repository", { path: root, hash: "0".repeat(64) })).rejects.toThrow(
      /^human_required/,
    );
    expect((await world.user.repowire("worktree", "trust", root, "--yes")).out).toContain("Trusted, until it changes");

    const { output, err } = await spawned(root, "--worktree", "feat/x");
    expect(err).toBe("");
    const folder = join(world.work, "api-feat-x");
    expect(output).toMatchObject({
      state: "started",
      peer: { name: "api-feat-x", path: folder, branch: "feat/x", worktree_of: root },
      worktree: { path: folder, branch: "feat/x", made: true },
    });
    expect(readFileSync(join(folder, "made"), "utf8")).toBe("SECRET=1");
    expect(readFileSync(output.worktree.log, "utf8")).toBe("making\n");
    expect(statSync(output.worktree.log).mode & 0o777).toBe(0o600);
    const again = await spawned(root, "--worktree", "feat/x");
    expect(JSON.parse(again.out).error.detail).toContain("api-feat-x works on feat/x");
    expect(JSON.parse((await spawned(root, "--worktree", "main")).out).error.detail).toContain("itself");

    writeFileSync(join(root, ".repowire.yaml"), SETUP.replace("making", "breaking"));
    expect(JSON.parse((await spawned(root, "--worktree", "feat/y")).out).error).toMatchObject({ code: "untrusted" });
    const bare = await spawned(root, "--worktree", "feat/y", "--no-setup");
    expect(bare.output).toMatchObject({ state: "started", worktree: { made: true } });
    expect(existsSync(join(world.work, "api-feat-y", ".env"))).toBe(false);
    for (const name of ["api-feat-x@dev", "api-feat-y@dev"]) await world.user.repowire("peer", "kill", name);
  });

  test("an agent's untrusted one waits for a person, who reads all of it; a set-up that fails leaves nothing", async () => {
    const root = repository("web", `worktree:\n  setup: [sh, -c, "echo broken pipe; exit 3"]\n`);
    const spawning = world
      .started({ path: root, runtime: "opencode", worktree: "fix" })
      .catch((error: Error) => error.message);
    const asked = await approval();
    expect(asked.description).toContain("not trusted yet");
    expect(asked.preview).toContain('run ["sh","-c","echo broken pipe; exit 3"]');
    expect((await world.user.repowire("approvals")).out).toContain('in it: run ["sh","-c","echo broken pipe; exit 3"]');
    await world.user.repowire("approve", asked.handle);
    expect(await spawning).toMatch(
      /^launch_failed: the set-up command .* ended with code 3; its log: .*\nbroken pipe$/s,
    );
    expect(existsSync(join(world.work, "web-fix"))).toBe(false);
    expect(git(root, "branch", "--list", "fix")).toBe("");
    // Trusted now, so the second try asks nobody.
    await expect(world.started({ path: root, runtime: "opencode", worktree: "fix" })).rejects.toThrow(/code 3/);
  });

  test("removed only when nothing is lost, or a person says so; what would be lost is shown", async () => {
    // @req worktree.keeps-work
    const root = repository("lib");
    const folder = join(world.work, "lib-task");
    const { worktree } = await world.started({ path: root, runtime: "opencode", worktree: "task" });
    expect(worktree).toMatchObject({ path: folder, made: true });
    const remove = (...args: string[]) => world.user.repowire("worktree", "remove", ...args);
    expect((await remove("lib-task")).err).toContain("End it first");
    await world.lead.call("kill", { peer: "lib-task" });
    // The seat is judged by its repository, which is on the list: nobody is asked.
    expect(await world.lead.call("restart", { peer: "lib-task" })).toMatchObject({ state: "started" });
    await world.lead.call("kill", { peer: "lib-task" });

    writeFileSync(join(folder, "new.txt"), "new");
    const dirty = await remove("lib-task");
    expect(dirty.code).not.toBe(0);
    expect(dirty.err).toContain("?? new.txt");
    git(folder, "add", ".");
    git(folder, "commit", "-qm", "the whole night");
    expect((await world.user.repowire("worktree", "list")).out).toMatch(
      /lib-task +task +lib-task \(offline\) +1 commit/,
    );
    const unmerged = await remove("task");
    expect(unmerged.err).toMatch(/Commits on no other branch.*\n +[0-9a-f]+ the whole night/);
    expect(existsSync(join(folder, "new.txt"))).toBe(true);
    await expect(world.lead.call("remove_worktree", { worktree: "task" })).rejects.toThrow(/^forbidden/);

    git(root, "merge", "-q", "task");
    expect((await remove(folder)).out).toBe(`removed ${folder}; branch task is gone.\n`);
    expect([
      existsSync(folder),
      git(root, "branch", "--list", "task"),
      git(root, "worktree", "list").split("\n").length,
    ]).toEqual([false, "", 1]);

    // Once more, with work that is lost on purpose; and one whose branch is kept.
    await world.started({ path: root, runtime: "opencode", worktree: "lost" });
    await world.lead.call("kill", { peer: "lib-lost" });
    writeFileSync(join(world.work, "lib-lost", "a.txt"), "two");
    expect((await remove("lost", "--force")).out).toContain("lost: M a.txt");
    expect((await list()).some((one) => one.branch === "lost")).toBe(false);
    await world.started({ path: root, runtime: "opencode", worktree: "kept" });
    await world.lead.call("kill", { peer: "lib-kept" });
    git(join(world.work, "lib-kept"), "commit", "-q", "--allow-empty", "-m", "kept");
    expect((await remove("kept", "--keep-branch")).out).toContain("branch kept is kept");
    expect(git(root, "log", "-1", "--format=%s", "kept")).toBe("kept");
  });

  test("a branch that was there stays; a base is a commit of the repository; a folder that went by itself is forgotten", async () => {
    const root = repository("app");
    git(root, "branch", "old");
    const based = world.started({ path: root, runtime: "opencode", worktree: "old", ...{ base: "main" } });
    await expect(based).rejects.toThrow(/^invalid_input: The branch old is there already/);
    const nowhere = world.started({ path: root, runtime: "opencode", worktree: "new", ...{ base: "nowhere" } });
    await expect(nowhere).rejects.toThrow(/names no commit/);
    await world.started({ path: root, runtime: "opencode", worktree: "old" });
    await world.lead.call("kill", { peer: "app-old" });
    // Its session ended: the next one on that branch takes the worktree and the seat.
    const next = await world.started({ path: root, runtime: "opencode", worktree: "old" });
    expect(next).toMatchObject({ peer: { name: "app-old" }, worktree: { made: false } });
    await world.lead.call("kill", { peer: "app-old" });
    rmSync(join(world.work, "app-old"), { recursive: true });
    expect((await world.user.repowire("worktree", "remove", "app-old")).out).toContain("branch old is kept");
    expect(git(root, "worktree", "list").split("\n").length).toBe(1);
  });
});
