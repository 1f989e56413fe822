import { mkdirSync } from "node:fs";
import type { Subprocess } from "bun";
import { type DaemonAddress, findDaemon, httpMesh, httpUrl, locateDaemon } from "../../src/client/index.ts";
import { readDaemonRecord } from "../../src/platform/daemon-record.ts";
import { processArgs } from "../../src/platform/process.ts";
import type { Mesh } from "../../src/protocol/index.ts";
import { NO_BUDGETS_ENV } from "./budgets.ts";
import { fromSource, type SetupSandbox, setupSandbox } from "./setup-sandbox.ts";
import { until } from "./until.ts";

/** A real daemon in a process of its own, on a home and a port of its own, that can be killed and started again on the same home. */
export interface DaemonProcess extends AsyncDisposable {
  readonly sandbox: SetupSandbox;
  readonly home: string;
  /** The process that runs now. */
  readonly child: Subprocess<"ignore", "ignore", "pipe">;
  address(): DaemonAddress;
  /** The operations over HTTP, called by this very process: a script, for the daemon. */
  readonly mesh: Mesh;
  /** A request with this home's token, unless the headers say otherwise. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  start(): Promise<void>;
  /** Sends a signal (SIGKILL) and resolves with the exit code when the process is gone. */
  end(signal?: NodeJS.Signals): Promise<number>;
  /** `kill -9`, then a new daemon on the same home. */
  crashAndRestart(): Promise<void>;
  /** The command line, from source, on this home. */
  cli(...args: string[]): ReturnType<SetupSandbox["run"]>;
}

export async function daemonProcess(options: { env?: Record<string, string> } = {}): Promise<DaemonProcess> {
  const sandbox = await setupSandbox({ claude: null });
  const { home } = sandbox.paths;
  let child: Subprocess<"ignore", "ignore", "pipe"> | undefined;

  function running(): Subprocess<"ignore", "ignore", "pipe"> {
    if (!child) throw new Error("no daemon was started");
    return child;
  }

  const daemon: DaemonProcess = {
    sandbox,
    home,
    get child() {
      return running();
    },
    address() {
      const address = locateDaemon(home);
      if (!address) throw new Error("the daemon left no record of itself");
      return address;
    },
    get mesh() {
      return httpMesh(daemon.address());
    },
    fetch(path, init = {}) {
      const address = daemon.address();
      const headers = { authorization: `Bearer ${address.token}`, ...init.headers };
      return fetch(httpUrl(address, path), { ...init, headers });
    },
    async start() {
      mkdirSync(home, { recursive: true, mode: 0o700 });
      const started = Bun.spawn([...fromSource(), "daemon", "run", "--detached"], {
        cwd: home,
        env: { ...sandbox.env, ...NO_BUDGETS_ENV, ...options.env },
        stdin: "ignore",
        stdout: "ignore",
        stderr: "pipe",
      });
      child = started;
      const isUp = await until(async () => {
        const isOurs = () => readDaemonRecord(home)?.pid === started.pid;
        if (started.exitCode === null) return (await findDaemon(home)) && isOurs() && "up";
        const said = await new Response(started.stderr).text();
        if (said.includes("already serves")) return "late";
        throw new Error(`the daemon ended: ${said}`);
      }, "the daemon's health");
      if (isUp === "up") return;
      // A channel of the test was faster after a crash: its daemon is not the test's own, with another environment.
      const other = readDaemonRecord(home)?.pid;
      if (other && processArgs(other).join(" ").includes("daemon run")) process.kill(other, "SIGKILL");
      await Bun.sleep(50);
      await daemon.start();
    },
    async end(signal = "SIGKILL") {
      running().kill(signal);
      return running().exited;
    },
    async crashAndRestart() {
      await daemon.end();
      await daemon.start();
    },
    cli: (...args) => sandbox.repowire(...args),
    async [Symbol.asyncDispose]() {
      if (child?.exitCode === null) await daemon.end("SIGTERM");
      await sandbox[Symbol.asyncDispose]();
    },
  };
  await daemon.start();
  return daemon;
}
