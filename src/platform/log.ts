import { appendFileSync, renameSync, statSync } from "node:fs";
import { configure, getLogger, type Logger } from "@logtape/logtape";
import { LIMITS } from "../protocol/limits.ts";
import { logLine, toJsonLine, toText } from "./log-record.ts";

/**
 * Logs are for the person who runs the daemon: what happened to which peer and message, by id. Bodies, tokens and environments never
 * go in; what looks like a secret all the same is masked before it is written (`log-record.ts`, the one way out).
 */
export interface LogOptions {
  level: "debug" | "info" | "warning" | "error";
  /** Where lines are appended, one JSON object each; one older file is kept beside it. */
  file?: string;
  /** Also print to stderr, as text. */
  toStderr?: boolean;
}

export async function startLogging(options: LogOptions): Promise<void> {
  await configure({
    reset: true,
    sinks: {
      out(record) {
        const line = logLine(record);
        if (options.toStderr) process.stderr.write(`${toText(line)}\n`);
        if (options.file) append(options.file, toJsonLine(line));
      },
    },
    loggers: [
      { category: ["logtape", "meta"], sinks: [], lowestLevel: "fatal" },
      { category: "repowire", sinks: ["out"], lowestLevel: options.level },
    ],
  });
}

function append(file: string, line: string): void {
  try {
    const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    if (size + line.length > LIMITS.logFileBytesMax) renameSync(file, `${file}.1`);
    appendFileSync(file, `${line}\n`, { mode: 0o600 });
  } catch (error) {
    // A full disk must not stop the daemon; stderr is all that is left to say it on.
    process.stderr.write(`${line} (log file: ${error instanceof Error ? error.message : String(error)})\n`);
  }
}

export function logger(...category: string[]): Logger {
  return getLogger(["repowire", ...category]);
}
