import { existsSync, statSync } from "node:fs";
import { Command } from "@commander-js/extra-typings";
import { ensureDaemon, findDaemon, locateDaemon, notRunning, probeDaemon } from "../../client/index.ts";
import { readDaemonRecord } from "../../platform/daemon-record.ts";
import { parseLogLine, toText } from "../../platform/log-record.ts";
import { homePaths } from "../../platform/paths.ts";
import { processArgs, processInfo } from "../../platform/process.ts";
import { readRange } from "../../platform/read-range.ts";
import { maskControls } from "../../platform/terminal-text.ts";
import { ERRORS, type Health, RepowireError } from "../../protocol/index.ts";
import { duration } from "../../words/index.ts";
import type { CliContext } from "../context.ts";
import { number } from "../number.ts";
import { print, printJson } from "../output.ts";

const STOP_MS = 10_000;
const LOG_BYTES_SHOWN = 16_384;
const LOG_POLL_MS = 300;

export function daemonCommand(context: CliContext): Command {
  const daemon = new Command("daemon").description("the process that keeps the mesh; started on demand");
  daemon.addCommand(
    new Command("run")
      .description("run it in this terminal until Ctrl-C")
      .option("--port <port>", "loopback port; 0 picks a free one", number)
      .option("--detached", "print nothing but what keeps it from starting")
      .option("--yield", "end quietly where another one runs already, as a service does")
      .action(async (options) => {
        // Loaded only here: all other commands start without the daemon's parts.
        const { runDaemonProcess } = await import("../../daemon/main.ts");
        await runDaemonProcess({
          home: context.home,
          flags: { port: options.port },
          inForeground: !options.detached,
          yields: options.yield,
        });
      }),
  );
  daemon.addCommand(
    new Command("start")
      .description("start it in the background")
      .option("--json", "print JSON")
      .action(async (options) => {
        const wasRunning = (await findDaemon(context.home)) !== undefined;
        const address = await ensureDaemon(context.home);
        if (options.json) return printJson({ running: true, started: !wasRunning, port: address.port });
        print(`${wasRunning ? "already running" : "started"} on http://127.0.0.1:${address.port}`);
      }),
  );
  daemon.addCommand(
    new Command("stop")
      .description("stop it; messages stay stored, sessions come back when it runs again")
      .option("--json", "print JSON")
      .action(async (options) => {
        const stopped = await stopDaemon(context.home);
        if (options.json) return printJson({ running: false, stopped });
        print(stopped ? "stopped" : "no daemon was running");
      }),
  );
  daemon.addCommand(
    new Command("restart")
      .description("stop it and start it again, with the settings as they are now; sessions come back by themselves")
      .option("--json", "print JSON")
      .action(async (options) => {
        const stopped = await stopDaemon(context.home, { comesBack: true });
        const address = await ensureDaemon(context.home);
        if (options.json) return printJson({ running: true, stopped, port: address.port });
        print(`${stopped ? "restarted" : "started"} on http://127.0.0.1:${address.port}`);
      }),
  );
  daemon.addCommand(
    new Command("status")
      .description("whether it runs, and how each part is")
      .option("--json", "print JSON")
      .action(async (options) => {
        const address = locateDaemon(context.home);
        const health = address && (await probeDaemon(address));
        if (!health) {
          if (!options.json) throw notRunning();
          printJson({ running: false });
          process.exitCode = ERRORS.unavailable.exit;
          return;
        }
        if (options.json) printJson({ running: true, port: address.port, ...health });
        else print(healthText(health, address.port));
        if (!health.ok) process.exitCode = 1;
      }),
  );
  daemon.addCommand(
    new Command("logs")
      .description("its log, newest last")
      .option("-f, --follow", "go on as it is written, until Ctrl-C")
      .option("--json", "print its lines as they are: one JSON object each")
      .action(async (options) =>
        showLog(homePaths(context.home).daemonLog, { follow: options.follow ?? false, isJson: options.json ?? false }),
      ),
  );
  return daemon;
}

/** One line about the whole, one for each part. */
export function healthText(health: Health, port: number): string {
  const parts = Object.entries(health.parts ?? {}).map(
    ([name, part]) => `  ${part.ok ? "ok " : "BAD"}  ${name}${part.detail ? `: ${part.detail}` : ""}`,
  );
  const counts = Object.entries(health.counts ?? {}).map(([name, count]) => `${name.replaceAll("_", " ")} ${count}`);
  return [
    `repowire ${health.version} on http://127.0.0.1:${port}, process ${health.pid}, up ${duration(Date.now() - health.started_at)}`,
    ...parts,
    `  ${counts.join(", ")}`,
  ].join("\n");
}

/** Asks the daemon of this home to stop, and waits until it is gone. `comesBack`: sessions are told that another follows at once. */
export async function stopDaemon(home: string, options: { comesBack?: boolean } = {}): Promise<boolean> {
  const address = await findDaemon(home);
  const record = readDaemonRecord(home);
  if (!record || (address ? record.instance !== address.instance : !isDaemon(record.pid))) return false;
  process.kill(record.pid, options.comesBack ? "SIGHUP" : "SIGTERM");
  const deadline = Date.now() + STOP_MS;
  while (processInfo(record.pid) && Date.now() < deadline) await Bun.sleep(20);
  if (processInfo(record.pid)) {
    throw new RepowireError(
      "unavailable",
      `The daemon (process ${record.pid}) did not stop within ${STOP_MS / 1000} s. Its log says more: repowire daemon logs.`,
    );
  }
  return true;
}

/** Whether this process, which does not answer, is a daemon of ours all the same: it hangs, or was halted. */
function isDaemon(pid: number): boolean {
  const args = processArgs(pid);
  const at = args.indexOf("daemon");
  return at > 0 && args[at + 1] === "run" && processInfo(pid)?.uid === process.getuid?.();
}

export async function showLog(file: string, { follow, isJson }: { follow: boolean; isJson: boolean }): Promise<void> {
  if (!existsSync(file)) return print("There is no log yet: no daemon has run in this home.");
  let offset = Math.max(0, statSync(file).size - LOG_BYTES_SHOWN);
  let isStopped = false;
  process.once("SIGINT", () => {
    isStopped = true;
  });
  const isCut = offset > 0;
  let rest = "";
  for (let first = true; first || (follow && !isStopped); first = false) {
    const size = existsSync(file) ? statSync(file).size : 0;
    if (size < offset) offset = 0;
    const lines = (rest + readRange(file, offset, size - offset)).split("\n");
    rest = lines.pop() ?? "";
    for (const line of first && isCut ? lines.slice(1) : lines) {
      if (isJson && parseLogLine(line)) print(line);
      else if (!isJson) print(readable(line));
    }
    offset = size;
    if (follow) await Bun.sleep(LOG_POLL_MS);
  }
}

/** What the daemon's process printed without its log (a crash of Bun itself) is shown as it is, but steers no terminal. */
function readable(line: string): string {
  const parsed = parseLogLine(line);
  return parsed ? toText(parsed) : maskControls(line);
}
