import { chmodSync, existsSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** Every file of repowire, by name. Kept free of other imports: the hook entry reads it with every event. */

export function repowireHome(env: Record<string, string | undefined> = process.env): string {
  return env.REPOWIRE_HOME && env.REPOWIRE_HOME !== "" ? env.REPOWIRE_HOME : join(homedir(), ".repowire");
}

export interface HomePaths {
  home: string;
  /** Launchers that configs of agent CLIs name; they never move. */
  bin: string;
  /** The launcher of the command line. */
  cliLauncher: string;
  versions: string;
  /** Held by whoever changes what is installed. */
  versionsLock: string;
  config: string;
  token: string;
  database: string;
  lock: string;
  daemonRecord: string;
  spool: string;
  attachments: string;
  logs: string;
  daemonLog: string;
  setupRecord: string;
  /** Sockets and flags of the running daemon. */
  run: string;
  /**
   * Hooks between tool calls cost a process each, so they run only for sessions that no push can reach: those whose pid names a
   * file here. The daemon keeps the files, the hooks' launcher looks for them.
   */
  between: string;
  /** The same for hooks before a write: sessions that share their checkout with another. */
  writing: string;
}

export function homePaths(home: string = repowireHome()): HomePaths {
  const logs = join(home, "logs");
  const bin = join(home, "bin");
  const run = join(home, "run");
  return {
    home,
    bin,
    cliLauncher: join(bin, "repowire"),
    versions: join(home, "versions"),
    versionsLock: join(home, "versions.lock"),
    config: join(home, "config.yaml"),
    token: join(home, "token"),
    database: join(home, "repowire.db"),
    lock: join(home, "lock.db"),
    daemonRecord: join(home, "daemon.json"),
    spool: join(home, "spool"),
    attachments: join(home, "attachments"),
    logs,
    daemonLog: join(logs, "daemon.log"),
    setupRecord: join(home, "setup.json"),
    run,
    between: join(run, "between"),
    writing: join(run, "writing"),
  };
}

/** Makes a folder that only its owner can look into. Throws the system's error when that cannot be. */
export function ensurePrivateFolder(folder: string): void {
  if (existsSync(folder)) chmodSync(folder, 0o700);
  else mkdirSync(folder, { recursive: true, mode: 0o700 });
}
