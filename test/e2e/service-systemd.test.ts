import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, existsSync } from "node:fs";
import { readDaemonRecord } from "../../src/platform/daemon-record.ts";
import { shellWord } from "../../src/platform/shell.ts";
import { needs } from "../support/needs.ts";
import { fromSource, type SetupSandbox, setupSandbox } from "../support/setup-sandbox.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(90_000);

const MANAGER = "/lib/systemd/systemd";
const BUS = "/usr/lib/systemd/user/dbus.socket";
const RUNTIME = "/run/user/0";

/** A manager that nothing else of this machine sees, with a /run of its own: it starts only where the system was booted with systemd. */
const START = `mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system && mkdir -m 700 -p ${RUNTIME} && exec ${MANAGER} --user`;

const mayUnshare = (): boolean => Bun.spawnSync(["unshare", "-m", "true"], { stderr: "ignore" }).exitCode === 0;

interface Manager {
  /** Runs the real `systemctl --user` for it. */
  systemctl(...args: string[]): string;
  stop(): Promise<void>;
}

async function startManager(sandbox: SetupSandbox): Promise<Manager> {
  const env = { ...sandbox.env, XDG_RUNTIME_DIR: RUNTIME };
  const child = Bun.spawn(["unshare", "-m", "sh", "-c", START], { env, stdout: "ignore", stderr: "ignore" });
  const enter = ["nsenter", "-t", String(child.pid), "-m", "env", `XDG_RUNTIME_DIR=${RUNTIME}`, "/usr/bin/systemctl"];
  const file = sandbox.write("bin/systemctl", `#!/bin/sh\nexec ${enter.map(shellWord).join(" ")} "$@"\n`);
  chmodSync(file, 0o755);
  const systemctl = (...args: string[]) =>
    Bun.spawnSync([file, "--user", ...args], { env })
      .stdout.toString()
      .trim();
  await until(() => systemctl("is-system-running") === "running", "the manager runs");
  return {
    systemctl,
    async stop() {
      systemctl("exit");
      await Promise.race([child.exited, Bun.sleep(5_000).then(() => child.kill("SIGKILL"))]);
      await child.exited;
    },
  };
}

const canRun = process.platform === "linux" && process.getuid?.() === 0 && mayUnshare();
if (!canRun)
  console.log("skipped: a real user manager of systemd needs Linux, root, and leave to make a mount namespace");

const suite = needs(
  "systemd with a bus for its user manager",
  !canRun || (existsSync(MANAGER) && existsSync(BUS)),
  "apt-get install systemd dbus-user-session",
);

suite("repowire service, with systemd's own user manager", () => {
  const open: (() => Promise<void>)[] = [];
  afterAll(async () => {
    for (const close of open.reverse()) await close();
  });

  // @req service.install
  // @req service.one-daemon
  test.skipIf(!canRun)("is installed, started again after a crash, stopped, started, and leaves nothing", async () => {
    const sandbox = await setupSandbox();
    open.push(async () => sandbox[Symbol.asyncDispose]());
    const launcher = sandbox.write(
      ".repowire/bin/repowire",
      `#!/bin/sh\nexec ${fromSource().map(shellWord).join(" ")} "$@"\n`,
    );
    chmodSync(launcher, 0o755);
    const manager = await startManager(sandbox);
    open.push(() => manager.stop());
    const service = async (act: string) => {
      const { out, err } = await sandbox.repowire("service", act, "--json");
      return { act, ...(JSON.parse(out) as { daemon?: string; installed?: boolean }), err };
    };
    const property = (name: string) => manager.systemctl("show", "repowire.service", "-p", name, "--value");
    const served = () => readDaemonRecord(sandbox.paths.home);

    await sandbox.repowire("daemon", "start");
    expect(await service("install")).toMatchObject({ daemon: "of_the_service", err: "" });
    expect([property("ActiveState"), property("UnitFileState")]).toEqual(["active", "enabled"]);
    expect(property("MainPID")).toBe(String(served()?.pid));

    const crashed = served();
    process.kill(crashed?.pid ?? 0, "SIGKILL");
    await until(
      () => served()?.instance !== crashed?.instance && property("MainPID") === String(served()?.pid),
      "the manager has started it again",
    );
    expect(await service("status")).toMatchObject({ daemon: "of_the_service" });

    const before = served();
    expect(await service("restart")).toMatchObject({ daemon: "of_the_service" });
    expect(served()?.instance).not.toBe(before?.instance);
    expect(await service("stop")).toMatchObject({ daemon: "none" });
    expect(property("ActiveState")).toBe("inactive");
    // One that a session starts meanwhile makes way for the service's.
    await sandbox.repowire("daemon", "start");
    expect(await service("start")).toMatchObject({ daemon: "of_the_service" });
    expect(property("MainPID")).toBe(String(served()?.pid));

    const last = served()?.pid ?? 0;
    expect(await service("uninstall")).toMatchObject({ installed: false });
    expect(manager.systemctl("list-unit-files", "repowire.service", "--no-legend")).toBe("");
    await until(() => !existsSync(`/proc/${last}`), "its daemon has ended");
    expect(existsSync(sandbox.file(".config"))).toBe(false);
  });
});
