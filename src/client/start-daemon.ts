import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, statSync } from "node:fs";
import { homePaths } from "../platform/paths.ts";
import { entryCommand, isBundled } from "../platform/program.ts";
import { Health, HTTP_PATHS, RepowireError } from "../protocol/index.ts";
import { type DaemonAddress, httpUrl, locateDaemon, notRunning } from "./locate.ts";

const PROBE_MS = 1_000;
const START_MS = 15_000;
const POLL_MS = 25;
/** The time that a winner of the race for the lock has to answer. */
const WINNER_MS = 1_500;

/** What the daemon is started with: nothing of the session that happens to start it, whose environment holds its secrets. */
const ENVIRONMENT =
  /^(?:PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_[A-Z]+|TZ|TMPDIR|XDG_[A-Z_]+|REPOWIRE_(?:HOME|PORT|MACHINE|HUMAN|INBOUND_WITHOUT_PROMPTS|RETENTION_DAYS|SYNCHRONOUS|OTLP_ENDPOINT|LOG_LEVEL))$/;

/** The daemon's health, if one answers at this address and is the one that was meant. */
export async function probeDaemon(address: DaemonAddress): Promise<Health | undefined> {
  try {
    const response = await fetch(httpUrl(address, HTTP_PATHS.health), {
      headers: { authorization: `Bearer ${address.token}` },
      signal: AbortSignal.timeout(PROBE_MS),
    });
    const health = Health.parse(await response.json());
    return health.instance === address.instance ? health : undefined;
  } catch {
    // Nothing listens there, or something that is not repowire.
    return undefined;
  }
}

export async function findDaemon(home: string): Promise<DaemonAddress | undefined> {
  const address = locateDaemon(home);
  return address && (await probeDaemon(address)) ? address : undefined;
}

/**
 * The address of a running daemon, started now if there is none. Of several that start one at once, the first to take the lock
 * wins and all others use it. Rejects with what the daemon said when it could not start.
 */
export async function ensureDaemon(home: string): Promise<DaemonAddress> {
  const running = await findDaemon(home);
  if (running) return running;
  const logFile = homePaths(home).daemonLog;
  let logStart = sizeOf(logFile);
  launchDetached(home, logFile);
  const deadline = Date.now() + START_MS;
  let lostAt: number | undefined;
  while (Date.now() < deadline) {
    await Bun.sleep(POLL_MS);
    const address = await findDaemon(home);
    if (address) return address;
    const refusal = refusalIn(logFile, logStart);
    if (refusal && !refusal.includes("already serves"))
      throw new RepowireError("unavailable", `The repowire daemon could not start: ${refusal}`);
    if (!refusal) continue;
    // The loser of a race says so, and the winner is about to answer; or a daemon that was killed held the lock to its last breath.
    lostAt ??= Date.now();
    if (Date.now() - lostAt < WINNER_MS) continue;
    lostAt = undefined;
    logStart = sizeOf(logFile);
    launchDetached(home, logFile);
  }
  throw new RepowireError(
    "unavailable",
    `The repowire daemon did not come up within ${START_MS / 1000} s. Its log is ${logFile}.`,
  );
}

/** The running daemon, or one started now if that is wanted. */
export async function reachDaemon(home: string, mayStart: boolean): Promise<DaemonAddress> {
  if (mayStart) return ensureDaemon(home);
  const running = await findDaemon(home);
  if (!running) throw notRunning();
  return running;
}

/**
 * Starts the daemon as nobody's child: a shell in a process session of its own starts it and ends at once, so that no agent is
 * among its parents (Claude Code trusts a session's living parent chain, and ends its children).
 */
function launchDetached(home: string, logFile: string): void {
  const command = programCommand(home);
  mkdirSync(homePaths(home).logs, { recursive: true, mode: 0o700 });
  const log = openSync(logFile, "a", 0o600);
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => ENVIRONMENT.test(name)));
  try {
    const shell = spawn(
      "/bin/sh",
      ["-c", '"$@" </dev/null & exit 0', "sh", ...command, "daemon", "run", "--detached"],
      {
        cwd: home,
        env: { ...env, REPOWIRE_HOME: home },
        detached: true,
        stdio: ["ignore", log, log],
      },
    );
    shell.on("error", () => {
      // Said by the caller: no daemon comes up.
    });
    shell.unref();
  } finally {
    closeSync(log);
  }
}

/**
 * An installed program starts the version that is current now, which may be newer than itself: a session's channel lives for days.
 * When repowire was removed under a running session, nothing is started and nothing is written.
 */
function programCommand(home: string): string[] {
  const own = entryCommand("cli");
  const { cliLauncher } = homePaths(home);
  if (isBundled && existsSync(cliLauncher)) return [cliLauncher];
  if (existsSync(own.at(-1) ?? "")) return own;
  throw new RepowireError("unavailable", `repowire was removed from ${home}. Install it again: npx repowire setup.`);
}

const sizeOf = (file: string): number => (existsSync(file) ? statSync(file).size : 0);

/** The sentence a daemon that refused to start has printed. */
function refusalIn(logFile: string, from: number): string | undefined {
  try {
    return readFileSync(logFile)
      .subarray(from)
      .toString("utf8")
      .match(/^repowire: (.+)$/m)?.[1];
  } catch {
    return undefined;
  }
}
