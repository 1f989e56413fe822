import { appendFileSync, existsSync, renameSync, statSync } from "node:fs";
import { configure, getLogger, type Logger, type LogRecord } from "@logtape/logtape";

/**
 * Logs are for the person who runs the daemon: what happened to which peer and message, by id. Bodies, tokens and environments never
 * go in; what looks like a secret all the same is masked before it is written.
 */
const LOG_BYTES_MAX = 5_000_000;

const SECRETS: readonly RegExp[] = [
  /\brw_[A-Za-z0-9_-]{20,}/g,
  /\bsk-[A-Za-z0-9_-]{16,}/g,
  /\b(?:ghp|gho|ghs|github_pat)_[A-Za-z0-9_]{16,}/g,
  /\bxox[abprs]-[A-Za-z0-9-]{10,}/g,
  /\bAKIA[0-9A-Z]{16}\b/g,
  /\b\d{8,10}:[A-Za-z0-9_-]{35}\b/g,
  /\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*/g,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----/g,
  /(authorization|cookie|password|secret|token)(["']?\s*[:=]\s*["']?)(?:bearer\s+)?[^\s"',;]{6,}/gi,
];

export function redact(text: string): string {
  let clean = text;
  for (const pattern of SECRETS) {
    clean = clean.replace(pattern, (_match, key, separator) =>
      typeof key === "string" && typeof separator === "string" ? `${key}${separator}[redacted]` : "[redacted]",
    );
  }
  return clean;
}

/** A text of somebody else begins no line of the log, where it could pass for an entry. */
const oneLine = (text: string): string => text.replace(/[\n\r\u2028\u2029]/g, "\\n");
const stackOf = (error: Error): string => (error.stack ?? error.message).replace(/[\n\r\u2028\u2029]/g, "\n    ");

export function formatRecord(record: LogRecord): string {
  const facts = Object.entries(record.properties)
    .map(
      ([key, value]) =>
        `${key}=${typeof value === "string" ? oneLine(value) : value instanceof Error ? stackOf(value) : JSON.stringify(value)}`,
    )
    .join(" ");
  const message = record.message.map(String).join("");
  const line = `${new Date(record.timestamp).toISOString()} ${record.level.padEnd(7)} ${record.category.slice(1).join(".")}: ${message}${facts ? ` ${facts}` : ""}`;
  // A log line must not carry terminal escapes of a peer's text.
  return redact(line).replace(/(?![\n\t])\p{Cc}/gu, "?");
}

export interface LogOptions {
  level: "debug" | "info" | "warning" | "error";
  /** Where lines are appended; one older file is kept beside it. */
  file?: string;
  /** Also print to stderr. */
  toStderr?: boolean;
}

export async function startLogging(options: LogOptions): Promise<void> {
  await configure({
    reset: true,
    sinks: {
      out(record) {
        const line = formatRecord(record);
        if (options.toStderr) process.stderr.write(`${line}\n`);
        if (options.file) append(options.file, line);
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
    if (existsSync(file) && statSync(file).size > LOG_BYTES_MAX) renameSync(file, `${file}.1`);
    appendFileSync(file, `${line}\n`, { mode: 0o600 });
  } catch (error) {
    // A full disk must not stop the daemon; stderr is all that is left to say it on.
    process.stderr.write(`${line} (log file: ${error instanceof Error ? error.message : String(error)})\n`);
  }
}

export function logger(...category: string[]): Logger {
  return getLogger(["repowire", ...category]);
}
