import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type DaemonProcess, daemonProcess } from "../support/daemon-process.ts";
import { type FakeSession, fakeSession } from "../support/fake-session.ts";
import { git } from "../support/git.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(90_000);

let daemon: DaemonProcess;
let backend: FakeSession;
let repository: string;
beforeAll(async () => {
  daemon = await daemonProcess();
  repository = join(daemon.sandbox.root, "backend");
  mkdirSync(join(repository, "src"), { recursive: true });
  git(repository, "init", "-q");
  for (const name of ["users.ts", "other.ts"]) writeFileSync(join(repository, "src", name), "1\n");
  git(repository, "add", ".");
  git(repository, "commit", "-qm", "one");
  backend = await fakeSession(daemon.sandbox, "backend");
});
afterAll(async () => {
  await backend[Symbol.asyncDispose]();
  await daemon[Symbol.asyncDispose]();
});

/** One question, answered after the files were read; resolves when the daemon has settled what it watches. */
async function ask(asker: FakeSession, question: string, reads: string[]): Promise<void> {
  const { id } = await asker.call("ask", { peer: "backend", question, wait_seconds: 0 });
  await backend.got(question);
  backend.files({ reads });
  await backend.call("reply", { id, text: "so it is" });
  await asker.call("inbox", {});
  await Bun.sleep(5_200);
  await turnEnds();
}

/** The daemon looks some seconds after a turn has ended. */
async function turnEnds(): Promise<void> {
  backend.report({ type: "turn_started" });
  backend.report({ type: "turn_ended" });
  await backend.call("whoami", {});
  await Bun.sleep(6_000);
}

async function notices(asker: FakeSession): Promise<string[]> {
  const mail = await asker.call("inbox", {});
  return mail.type === "mail" ? mail.items.map(({ urgency, body }) => `${urgency} ${body}`) : [];
}

// @req stale.files-decide
// @req stale.once
test("the asker hears once that a file which was read has changed, and nothing of a commit that left it alone", async () => {
  await using asker = await fakeSession(daemon.sandbox, "asker-1");
  await ask(asker, "users?", ["src/users.ts", "/etc/passwd", "../asker-1/x"]);
  writeFileSync(join(repository, "src", "other.ts"), "2\n");
  git(repository, "commit", "-qam", "two");
  await turnEnds();
  expect(await notices(asker)).toEqual([]);

  writeFileSync(join(repository, "src", "users.ts"), "22\n");
  await turnEnds();
  expect(await notices(asker)).toEqual([
    expect.stringMatching(
      /^fyi radar: backend's answer [a-z0-9]{5} \("users\?", \d+ s ago\): src\/users\.ts changed; its checkout moved from [0-9a-f]{7} to [0-9a-f]{7} since\. If you still rely on it, ask again\.$/,
    ),
  ]);
  writeFileSync(join(repository, "src", "users.ts"), "333\n");
  await turnEnds();
  expect(await notices(asker)).toEqual([]);
});

// @req stale.files-decide
// @req stale.once
test("without a file that is known, another commit tells; a daemon that was killed meanwhile has forgotten nothing", async () => {
  await using asker = await fakeSession(daemon.sandbox, "asker-2");
  await ask(asker, "by a shell?", []);
  await daemon.crashAndRestart();
  await until(() => backend.call("whoami", {}).catch(() => undefined), "the link is back");
  git(repository, "commit", "-q", "--allow-empty", "-m", "three");
  await turnEnds();
  expect(await notices(asker)).toEqual([
    expect.stringMatching(/^fyi radar: .*: its checkout moved from [0-9a-f]{7} to [0-9a-f]{7} since\./),
  ]);
});

// @req stale.once
test("stale_answers: false turns it off", async () => {
  await daemon.end("SIGTERM");
  writeFileSync(daemon.sandbox.paths.config, "stale_answers: false\n");
  await daemon.start();
  await until(() => backend.call("whoami", {}).catch(() => undefined), "the link is back");
  await using asker = await fakeSession(daemon.sandbox, "asker-3");
  await ask(asker, "off?", ["src/users.ts"]);
  writeFileSync(join(repository, "src", "users.ts"), "4444\n");
  await turnEnds();
  expect(await notices(asker)).toEqual([]);
});
