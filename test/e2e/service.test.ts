import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, existsSync, readFileSync } from "node:fs";
import { buildBundles } from "../../src/platform/bundle.ts";
import { readDaemonRecord } from "../../src/platform/daemon-record.ts";
import { shellWord } from "../../src/platform/shell.ts";
import { fromSource, type SetupSandbox, setupSandbox } from "../support/setup-sandbox.ts";

setDefaultTimeout(60_000);

/**
 * A `systemctl` that keeps one service as systemd does: it starts the words of ExecStart (here without odd signs), knows their pid,
 * and writes down what it was told. The real one is no part of most machines that run tests.
 */
const SYSTEMCTL = `#!/bin/sh
echo "$*" >>"$HOME/told"
unit="$HOME/.config/systemd/user/repowire.service"
end() { [ -s "$HOME/pid" ] && kill "$(cat "$HOME/pid")" 2>/dev/null; while [ -s "$HOME/pid" ] && kill -0 "$(cat "$HOME/pid")" 2>/dev/null; do sleep 0.05; done; : >"$HOME/pid"; }
case "$2" in
  restart) end; eval "set -- $(sed -n 's/^ExecStart=//p' "$unit")"; ( "$@"; echo $? >"$HOME/ended" ) >/dev/null 2>&1 & sleep 0.1; pgrep -P $! >"$HOME/pid" || : ;;
  stop|disable) end ;;
  show) cat "$HOME/pid" ;;
esac
exit 0
`;

function executable(sandbox: SetupSandbox, name: string, text: string): void {
  chmodSync(sandbox.write(name, text), 0o755);
}

async function machine(systemctl: string): Promise<SetupSandbox> {
  const sandbox = await setupSandbox();
  executable(sandbox, "bin/systemctl", systemctl);
  executable(sandbox, ".repowire/bin/repowire", `#!/bin/sh\nexec ${fromSource().map(shellWord).join(" ")} "$@"\n`);
  return sandbox;
}

const json = ({ out }: { out: string }) => JSON.parse(out);

describe.skipIf(process.platform !== "linux")("repowire service", () => {
  test("installs, takes over from the one on demand, stops, starts, and leaves nothing", async () => {
    // @req service.install
    // @req service.one-daemon
    await using sandbox = await machine(SYSTEMCTL);
    const file = sandbox.file(".config/systemd/user/repowire.service");
    expect(json(await sandbox.repowire("daemon", "start", "--json")).started).toBe(true);
    const put = await sandbox.repowire("service", "install", "--json");
    expect([put.err, json(put)]).toEqual(["", { manager: "systemd", file, installed: true, daemon: "of_the_service" }]);
    expect(readFileSync(file, "utf8")).toContain(`Environment="PATH=${sandbox.env.PATH}"`);
    expect(json(await sandbox.repowire("daemon", "start", "--json")).started).toBe(false);
    const second = await sandbox.run([...fromSource(), "daemon", "run", "--detached", "--yield"]);
    expect(second).toMatchObject({ code: 0, out: "", err: "" });
    expect(json(await sandbox.repowire("service", "stop", "--json")).daemon).toBe("none");
    expect((await sandbox.repowire("service", "status")).code).toBe(69);
    expect(json(await sandbox.repowire("service", "start", "--json")).daemon).toBe("of_the_service");
    expect((await sandbox.repowire("service", "logs", "--json")).out).toContain("{");
    expect(json(await sandbox.repowire("service", "uninstall", "--json"))).toEqual({ installed: false, removed: true });
    expect(existsSync(sandbox.file(".config"))).toBe(false);
    expect(sandbox.text("told")).toContain("--user disable --now repowire.service");
  });

  test("goes with the whole of repowire", async () => {
    // @req service.install
    await using sandbox = await machine(SYSTEMCTL);
    await sandbox.repowire("service", "install");
    const gone = await sandbox.repowire("uninstall", "--yes", "--remove-data");
    expect([gone.code, gone.err]).toEqual([0, ""]);
    expect(gone.out).toContain("the service");
    expect(gone.out).toContain("daemon stopped");
    expect(existsSync(sandbox.paths.home)).toBe(false);
    expect(existsSync(sandbox.file(".config"))).toBe(false);
    expect(existsSync(sandbox.paths.cliLauncher)).toBe(false);
  });

  // @req update.unnoticed
  test("stays the one that keeps the daemon through an update, with the same file", async () => {
    await using sandbox = await machine(SYSTEMCTL);
    expect((await sandbox.repowire("setup", "--yes", "--json")).code).toBe(0);
    const cli = sandbox.paths.cliLauncher;
    const put = await sandbox.run([cli, "service", "install", "--json"]);
    expect(json(put).daemon).toBe("of_the_service");
    const unit = sandbox.text(".config/systemd/user/repowire.service");
    const next = sandbox.file("next");
    await buildBundles(next, { version: "99.0.0" });
    const update = json(await sandbox.run([cli, "update", "--from", next, "--json"]));
    expect(update).toMatchObject({ ok: true, state: "updated", daemon: { how: "restarted" } });
    expect(json(await sandbox.run([cli, "service", "status", "--json"])).daemon).toBe("of_the_service");
    expect(readDaemonRecord(sandbox.paths.home)?.version).toBe("99.0.0");
    expect(sandbox.text(".config/systemd/user/repowire.service")).toBe(unit);
    await sandbox.run([cli, "uninstall", "--yes", "--remove-data"]);
    expect(existsSync(sandbox.file(".config"))).toBe(false);
  });

  test("leaves somebody else's file alone", async () => {
    await using sandbox = await machine(SYSTEMCTL);
    const file = sandbox.write(".config/systemd/user/repowire.service", "[Service]\nExecStart=/bin/true\n");
    expect(json(await sandbox.repowire("service", "install", "--json")).error.code).toBe("name_taken");
    expect(json(await sandbox.repowire("service", "uninstall", "--json")).removed).toBe(false);
    expect(readFileSync(file, "utf8")).toContain("/bin/true");
  });

  test("says what works all the same where no manager answers, and writes nothing", async () => {
    // @req service.without
    await using sandbox = await machine("#!/bin/sh\necho 'Failed to connect to bus' >&2\nexit 1\n");
    for (const act of ["install", "start", "stop", "restart", "status"]) {
      const ran = await sandbox.repowire("service", act);
      expect([act, ran.code, ran.err.includes("repowire daemon start")]).toEqual([act, 69, true]);
    }
    expect(existsSync(sandbox.file(".config"))).toBe(false);
  });
});
