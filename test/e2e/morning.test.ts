import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type DaemonProcess, daemonProcess } from "../support/daemon-process.ts";
import { type FakeSession, fakeSession } from "../support/fake-session.ts";
import { git } from "../support/git.ts";
import { type Person, person } from "../support/person.ts";

setDefaultTimeout(60_000);

let daemon: DaemonProcess;
let backend: FakeSession;
let frontend: FakeSession;
let user: Person;

beforeAll(async () => {
  daemon = await daemonProcess();
  backend = await fakeSession(daemon.sandbox, "backend");
  frontend = await fakeSession(daemon.sandbox, "frontend");
  user = person(daemon.sandbox);
});
afterAll(async () => {
  user?.[Symbol.dispose]();
  await backend?.[Symbol.asyncDispose]();
  await frontend?.[Symbol.asyncDispose]();
  await daemon[Symbol.asyncDispose]();
});

// @req cli.morning
test("the page tells what happened, asks nobody for anything, and is its owner's alone", async () => {
  const asking = frontend.call("ask", { peer: "backend", question: "<img src=x onerror=alert(1)> how many?" });
  const { handle } = await backend.got("<img src=x onerror=alert(1)> how many?");
  await backend.call("reply", { id: handle, text: "nine\u001b[2J sheep" });
  await asking;
  const folder = (await backend.call("whoami", {})).peer.path ?? "";
  git(folder, "init", "-q");
  writeFileSync(join(folder, "a"), "a");
  git(folder, "add", ".");
  git(folder, "commit", "-qm", "the herd is counted");
  const file = daemon.sandbox.file("night.html");
  const written = await user.repowire("morning", "--since", "1h", "--out", file);
  expect([written.code, written.err]).toEqual([0, ""]);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const page = readFileSync(file, "utf8");
  expect(page).toContain("&lt;img src=x onerror=alert(1)&gt; how many?");
  expect(page).toContain("the herd is counted");
  expect(page).not.toMatch(/<img|<script|https?:|src=["']?(?!x)/);
  expect(page).not.toContain("\u001b");
  expect(page).toContain('content="default-src &#39;none&#39;;');
  const again = await user.repowire("morning", "--out", file);
  expect([again.code, again.err]).toEqual([65, expect.stringContaining("is there already")]);
});

test("as JSON it is the same facts; an agent is told nothing", async () => {
  const facts = JSON.parse((await user.repowire("morning", "--json")).out);
  expect(facts.counts).toMatchObject({ asked: 1, answered: 1, commits: 1 });
  expect(facts.questions[0]).toMatchObject({ from: "frontend", to: "backend", state: "answered" });
  expect((await frontend.repowire("morning", "--json")).code).toBe(77);
});
