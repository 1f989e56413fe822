import { type Config, loadConfig } from "../platform/config.ts";
import { logger, startLogging } from "../platform/log.ts";
import { homePaths } from "../platform/paths.ts";
import { redact } from "../platform/redact.ts";
import { asRepowireError, ERRORS } from "../protocol/index.ts";
import { MIGRATIONS } from "../store/sqlite/migrations.ts";
import { NewerSchemaError } from "../store/sqlite/open.ts";
import { AlreadyRunningError, startDaemon } from "./daemon.ts";
import { prepareHome } from "./home.ts";

export interface DaemonProcessOptions {
  home: string;
  flags?: Partial<Config>;
  /** Print the log to stderr too: in the foreground. */
  inForeground: boolean;
  /** Another daemon of this home is no failure: end with 0, so that a service does not start this one again. */
  yields?: boolean;
}

/** The newest form of the database that this program knows; each step is one further. */
export const SCHEMA: number = MIGRATIONS.length;

/** Links come back this soon after a restart in good order. */
const RESTART_MS = 500;

/** Runs the daemon as this process until it is told to stop. Prints one sentence and exits with the error's code if it cannot. */
export async function runDaemonProcess(options: DaemonProcessOptions): Promise<void> {
  const paths = homePaths(options.home);
  try {
    const { values } = loadConfig(options.home, options.flags);
    prepareHome(paths);
    await startLogging({ level: values.log_level, file: paths.daemonLog, toStderr: options.inForeground });
    logCrashes();
    const daemon = await startDaemon(paths, values, () => process.exit(0));
    if (options.inForeground)
      process.stderr.write(
        `repowire daemon on http://127.0.0.1:${daemon.port} (home ${options.home}); Ctrl-C stops it\n`,
      );
    const stop = (signal: string) => {
      void daemon.stop(signal === "SIGHUP" ? RESTART_MS : 0).then(
        () => process.exit(0),
        (error) => fail(error),
      );
    };
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => stop(signal));
  } catch (error) {
    if (options.yields && error instanceof AlreadyRunningError) process.exit(0);
    fail(error);
  }
}

/** A bug must end the daemon, but not past the log, which masks what the error may quote. */
function logCrashes(): void {
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(event, (error: unknown) => {
      logger("daemon").fatal("the daemon ends: a fault that nobody caught", { error });
      process.exit(ERRORS.internal.exit);
    });
  }
}

function fail(error: unknown): never {
  if (error instanceof NewerSchemaError) {
    process.stderr.write(`repowire: ${error.message}\n`);
    process.exit(ERRORS.storage_failed.exit);
  }
  const refusal = asRepowireError(error);
  if (refusal.code === "internal") logger("daemon").error("the daemon could not start", { error });
  const sentence = refusal.code === "internal" && error instanceof Error ? error.message : refusal.message;
  process.stderr.write(`repowire: ${redact(sentence)}\n`);
  process.exit(ERRORS[refusal.code].exit);
}
