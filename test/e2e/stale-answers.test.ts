import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type DaemonProcess, daemonProcess } from "../support/daemon-process.ts";
import { type FakeSession, fakeSession } from "../support/fake-session.ts";
import { git } from "../support/git.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(60_000);

let daemon: DaemonProcess;
let backend: FakeSession;
let repository: string;
beforeAll(async () => {
  daemon = await daemonProcess();
  repository = join(daemon.sandbox.root, "backend");
  mkdirSync(join(repository, "src"), { recursive: true });
  git(repository, "init", "-q");
  writeFileSync(join(repository, "src", "users.ts"), "1\n");
  git(repository, "add", ".");
  git(repository, "commit", "-qm", "one");
  backend = await fakeSession(daemon.sandbox, "backend");
});
afterAll(async () => {
  await backend[Symbol.asyncDispose]();
  await daemon[Symbol.asyncDispose]();
});

/** One question, answered after the files were read. */
async function ask(asker: FakeSession, question: string, reads: string[]): Promise<void> {
  const { id } = await asker.call("ask", { peer: "backend", question, wait_seconds: 0 });
  await backend.got(question);
  backend.files({ reads });
  await backend.call("reply", { id, text: "so it is" });
}

/** The daemon looks some seconds after a turn has ended. */
async function told(asker: FakeSession): Promise<string> {
  return until(
    async () => {
      backend.report({ type: "turn_started" });
      backend.report({ type: "turn_ended" });
      const mail = await asker.call("inbox", {});
      return mail.type === "mail" ? mail.items.find(({ kind }) => kind === "notify")?.body : undefined;
    },
    "the notice",
    30_000,
  );
}

// @req stale.files-decide
test("a session is told that a file which an answer to it was read from has changed", async () => {
  await using asker = await fakeSession(daemon.sandbox, "asker-1");
  await ask(asker, "users?", ["src/users.ts", "/etc/passwd"]);
  writeFileSync(join(repository, "src", "users.ts"), "22\n");
  expect(await told(asker)).toMatch(
    /^radar: backend's answer [a-z0-9]{5} \("users\?", .* ago\): src\/users\.ts changed since/,
  );
});

// @req stale.once
test("a daemon that was killed meanwhile has forgotten nothing", async () => {
  await using asker = await fakeSession(daemon.sandbox, "asker-2");
  await ask(asker, "by a shell?", []);
  await daemon.crashAndRestart();
  await until(() => backend.call("whoami", {}).catch(() => undefined), "the link is back");
  git(repository, "commit", "-q", "--allow-empty", "-m", "two");
  expect(await told(asker)).toMatch(/^radar: .*: its checkout moved from [0-9a-f]{7} to [0-9a-f]{7} since\./);
});
