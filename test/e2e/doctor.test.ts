import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, statSync } from "node:fs";
import type { Finding } from "../../src/platform/checks/finding.ts";
import { sqliteStore } from "../../src/store/sqlite/store.ts";
import { type DaemonProcess, daemonProcess } from "../support/daemon-process.ts";
import { fakeSession } from "../support/fake-session.ts";
import { type Person, person } from "../support/person.ts";
import { fromSource } from "../support/setup-sandbox.ts";

setDefaultTimeout(60_000);

let daemon: DaemonProcess;
let user: Person;
beforeAll(async () => {
  daemon = await daemonProcess();
  user = person(daemon.sandbox);
});
afterAll(async () => {
  user?.[Symbol.dispose]();
  await daemon[Symbol.asyncDispose]();
});

interface Report {
  ok: boolean;
  fixed: string[];
  findings: (Omit<Finding, "fix"> & { can_fix: boolean })[];
}

async function doctor(...args: string[]): Promise<Report & { code: number }> {
  const { out, code } = await user.repowire("doctor", "--json", ...args);
  return { ...(JSON.parse(out) as Report), code };
}

// @req doctor.tries-for-real
// @req doctor.next-step
test("a home that is well: every part is named, nothing is broken, and what is not well has one next step", async () => {
  const report = await doctor();
  expect(report).toMatchObject({ ok: true, code: 0, fixed: [] });
  const parts = new Set(report.findings.map(({ part }) => part));
  for (const part of ["files", "disk", "daemon", "database", "clock", "tmux", "sessions"])
    expect(parts).toContain(part);
  for (const { level, next } of report.findings) expect(next === undefined).toBe(level === "ok");
});

// @req doctor.fix-is-safe
test("files that others may read are broken until --fix closes them", async () => {
  const { token, database } = daemon.sandbox.paths;
  chmodSync(token, 0o644);
  chmodSync(database, 0o640);
  const before = await doctor();
  expect(before.code).toBe(1);
  expect(before.findings.filter(({ can_fix: canFix }) => canFix).map(({ found }) => found)).toEqual([
    "others may look into token (mode 644)",
    "others may look into repowire.db (mode 640)",
  ]);
  expect(statSync(token).mode & 0o777).toBe(0o644);

  const after = await doctor("--fix");
  expect(after).toMatchObject({ ok: true, code: 0, fixed: ["chmod go= token", "chmod go= repowire.db"] });
  expect(statSync(token).mode & 0o777).toBe(0o600);
});

// @req doctor.tries-for-real
test("a session that is there answers, and one that hangs is said to give no sign of life", async () => {
  await using session = await fakeSession(daemon.sandbox, "backend");
  const about = ({ findings }: Report) => findings.filter(({ found }) => found.startsWith(session.name));
  expect(about(await doctor())).toEqual([
    {
      part: "sessions",
      level: "ok",
      found: expect.stringMatching(/^backend answers over its push in \d+ ms$/),
      can_fix: false,
    },
  ]);
  process.kill(session.pid, "SIGSTOP");
  const hanging = await doctor();
  process.kill(session.pid, "SIGCONT");
  expect(hanging.code).toBe(1);
  expect(about(hanging)).toMatchObject([
    { level: "bad", found: "backend gives no sign of life over its push: no sign of life within 3 s" },
  ]);
});

// @req doctor.tries-for-real
test("a clock that was set back is found by what is recorded", async () => {
  expect(await daemon.end("SIGTERM")).toBe(0);
  const store = sqliteStore(daemon.sandbox.paths.database, { synchronous: "normal" });
  store.transaction((tx) => tx.events.append({ type: "daemon.started", data: {} }, Date.now() + 3_600_000));
  store.close();
  await daemon.start();
  const { findings, code } = await doctor();
  expect(code).toBe(1);
  expect(findings.find(({ part }) => part === "clock")).toMatchObject({
    level: "bad",
    found: expect.stringContaining("the clock was set back"),
  });
});

// @req doctor.tries-for-real
test("a daemon that cannot start is said with its reason, and the rest is looked at all the same", async () => {
  expect(await daemon.end("SIGTERM")).toBe(0);
  const taken = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("not ours") });
  await Bun.write(daemon.sandbox.paths.config, `port: ${taken.port}\n`);
  const { out, code } = await user.run(["env", "-u", "REPOWIRE_PORT", ...fromSource(), "doctor", "--json"]);
  await taken.stop(true);
  const { findings } = JSON.parse(out) as Report;
  expect(code).toBe(1);
  expect(findings.find(({ part }) => part === "daemon")).toMatchObject({
    level: "bad",
    found: expect.stringContaining(String(taken.port)),
  });
  expect(findings.some(({ part }) => part === "tmux")).toBe(true);
});
