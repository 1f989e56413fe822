import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import type { Finding } from "../../src/platform/checks/finding.ts";
import { type DaemonProcess, daemonProcess } from "../support/daemon-process.ts";
import { fakeSession } from "../support/fake-session.ts";
import { notifierScript } from "../support/notifier-script.ts";
import { type Person, person } from "../support/person.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(60_000);

let daemon: DaemonProcess;
let user: Person;
beforeAll(async () => {
  daemon = await daemonProcess({ env: { ANTHROPIC_API_KEY: "sk-ant-api03-secret", REPOWIRE_SECRET: "hidden" } });
  user = person(daemon.sandbox);
});
afterAll(async () => {
  user?.[Symbol.dispose]();
  await daemon[Symbol.asyncDispose]();
});

async function configure(command: readonly string[]): Promise<void> {
  await daemon.end("SIGTERM");
  const { home, config } = daemon.sandbox.paths;
  mkdirSync(home, { recursive: true });
  writeFileSync(config, `on_waiting: ${JSON.stringify(command)}\n`);
  await daemon.start();
}

async function doctor(...args: string[]): Promise<Pick<Finding, "level" | "found" | "next">[]> {
  const { out } = await user.repowire("doctor", "--json", ...args);
  const { findings } = JSON.parse(out) as { findings: Finding[] };
  return findings.filter(({ part }) => part === "notifier");
}

// @req notifier.runs
test("a permission request runs the user's program, with its arguments as they stand and none of the daemon's secrets", async () => {
  expect(await doctor()).toEqual([]);
  const said = daemon.sandbox.file("said");
  const program = notifierScript(
    daemon.sandbox.root,
    "notify",
    `printf '%s\\n' "$@" > "${said}.words"; env > "${said}.new"; mv "${said}.new" "${said}"`,
  );
  await configure([program, "$(touch owned)", "a b"]);
  await using backend = await fakeSession(daemon.sandbox, "backend");
  backend.requestPermission({ request: "r1", tool: "Bash", description: "", preview: "make deploy" });
  backend.report({ type: "waiting", detail: "Bash" });
  const env = await until(() => existsSync(said) && readFileSync(said, "utf8"), "it ran");
  expect(env).toContain("REPOWIRE_WAITING_KIND=permission\n");
  expect(env).toContain("REPOWIRE_WAITING_PEER=backend\n");
  expect(env).toContain("REPOWIRE_WAITING_COUNT=1\n");
  expect(env).not.toMatch(/secret|hidden|REPOWIRE_HOME|REPOWIRE_PORT/i);
  expect(readFileSync(`${said}.words`, "utf8")).toBe("$(touch owned)\na b\n");
  expect(await doctor("--notify")).toMatchObject([
    { level: "ok", found: expect.stringContaining("is run when something waits on you") },
    { level: "ok", found: expect.stringMatching(/^on_waiting ran, and ended well after/) },
  ]);
  expect(readFileSync(said, "utf8")).toContain("REPOWIRE_WAITING_KIND=try\n");
});

// @req notifier.failures
test("one that is not there, and one that fails, are shown by doctor with what to do", async () => {
  await configure(["no-such-program"]);
  expect(await doctor()).toMatchObject([
    {
      level: "warn",
      found: "on_waiting: no-such-program is not a program on the daemon's PATH",
      next: expect.stringContaining("doctor --notify"),
    },
  ]);
  await configure([notifierScript(daemon.sandbox.root, "broken", "echo 'no display' >&2; exit 1")]);
  const found = await doctor("--notify");
  expect(found.at(-1)).toMatchObject({ level: "bad", found: "on_waiting ended with code 1: no display" });
  expect(await doctor()).toMatchObject([{ level: "warn", found: expect.stringContaining("no display") }]);
});

// @req notifier.runs
test("an agent cannot have it run", async () => {
  await using backend = await fakeSession(daemon.sandbox, "backend");
  await expect(backend.call("try_notifier", {})).rejects.toThrow("Only a person may do that");
});

// @req notifier.runs
test.each([['"notify-send"'], ["[]"], ['[""]'], ["[1]"]])("on_waiting: %s is refused with its place", async (value) => {
  await daemon.end("SIGTERM");
  writeFileSync(daemon.sandbox.paths.config, `on_waiting: ${value}\n`);
  const { code, err } = await daemon.cli("daemon", "run");
  await Bun.write(daemon.sandbox.paths.config, "");
  await daemon.start();
  expect(code).not.toBe(0);
  expect(err).toContain(`config.yaml: "on_waiting"`);
});
