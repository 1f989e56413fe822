import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { git } from "../../test/support/git.ts";
import { tempHome } from "../../test/support/temp-home.ts";
import { commits } from "./commits.ts";

const HOUR = 3_600_000;
const NIGHT = Date.UTC(2026, 0, 5, 22);

let folder: ReturnType<typeof tempHome>;
let repository: string;
beforeEach(() => {
  folder = tempHome();
  repository = join(folder.path, "repository");
  mkdirSync(repository);
  git(repository, "init", "-q");
});
afterEach(() => folder[Symbol.dispose]());

function commit(subject: string, at: number): void {
  const who = ["-c", "user.name=Ada\u001fx", "-c", "user.email=a@b"];
  const date = new Date(at).toISOString();
  const ran = Bun.spawnSync(["git", ...who, "commit", "-q", "--allow-empty", "-m", subject], {
    cwd: repository,
    env: { ...process.env, GIT_COMMITTER_DATE: date, GIT_AUTHOR_DATE: date },
  });
  if (ran.exitCode !== 0) throw new Error(ran.stderr.toString());
}

const subjects = async () =>
  (await commits.made(repository, NIGHT, NIGHT + 10 * HOUR)).commits.map(({ subject, at }) => [subject, at]);

test("of the night, on all local branches, the newest first; not those before or after, nor what was fetched", async () => {
  commit("before", NIGHT - 1_000);
  commit("at its beginning", NIGHT);
  git(repository, "switch", "-qc", "feat");
  commit("on a branch", NIGHT + HOUR);
  git(repository, "switch", "-qc", "elsewhere", "main");
  commit("fetched", NIGHT + 2 * HOUR);
  git(repository, "update-ref", "refs/remotes/origin/x", "elsewhere");
  git(repository, "switch", "-q", "main");
  git(repository, "branch", "-qD", "elsewhere");
  commit("after", NIGHT + 10 * HOUR + 1_000);
  expect(await subjects()).toEqual([
    ["on a branch", NIGHT + HOUR],
    ["at its beginning", NIGHT],
  ]);
});

test("a repository that would run programs with a log runs none", async () => {
  commit("innocent", NIGHT + HOUR);
  const ran = join(folder.path, "ran");
  const program = join(folder.path, "program");
  writeFileSync(program, `#!/bin/sh\ntouch ${ran}\n`);
  chmodSync(program, 0o755);
  const settings = {
    "core.pager": program,
    "pager.log": program,
    "core.fsmonitor": program,
    "core.hooksPath": folder.path,
    "log.showSignature": "true",
    "gpg.program": program,
    "diff.external": program,
    "diff.x.textconv": program,
    "diff.x.command": program,
    "filter.x.clean": program,
    "core.sshCommand": program,
    "core.editor": program,
    "alias.log": `!${program}`,
    "format.pretty": "full",
    "log.decorate": "full",
    "color.ui": "always",
    "log.follow": "true",
  };
  for (const [name, value] of Object.entries(settings)) git(repository, "config", name, value);
  writeFileSync(join(repository, ".gitattributes"), "* diff=x filter=x\n");
  expect(await subjects()).toEqual([["innocent", NIGHT + HOUR]]);
  expect(existsSync(ran)).toBe(false);
});

test("all are counted, the newest listed", async () => {
  commit("first", NIGHT);
  // Faster than 250 commits by hand: one stream that git reads.
  const stream = Array.from({ length: 250 }, (_, n) => {
    const at = NIGHT / 1_000 + n + 1;
    const from = n === 0 ? "from refs/heads/main^0\n" : "";
    return `commit refs/heads/main\ncommitter x <x@y> ${at} +0000\ndata 3\nno.\n${from}\n`;
  });
  Bun.spawnSync(["git", "fast-import", "--quiet"], { cwd: repository, stdin: Buffer.from(stream.join("")) });
  const { commits: listed, total } = await commits.made(repository, NIGHT, NIGHT + 10 * HOUR);
  expect([listed.length, total]).toEqual([200, 251]);
});

test("a subject of any length is cut, and what cannot be looked at has none", async () => {
  commit("x".repeat(100_000), NIGHT + HOUR);
  const { commits: found } = await commits.made(repository, NIGHT, NIGHT + 10 * HOUR);
  expect(found[0]?.subject.length).toBeLessThanOrEqual(200);
  expect((await commits.made(join(folder.path, "nothing"), NIGHT, NIGHT + HOUR)).commits).toEqual([]);
  expect(commits.repositoryOf(folder.path)).toBeUndefined();
  expect(commits.repositoryOf(repository)).toBe(repository);
});
