import type { LogRecord } from "@logtape/logtape";
import { LIMITS } from "../protocol/limits.ts";
import { isSecretField, redact } from "./redact.ts";
import { maskControls, terminalJson } from "./terminal-text.ts";

/** One line of the log, as it is written: a JSON object. Field names of callers stand in `fields`, so that they can hide nothing. */
export interface LogLine {
  time: string;
  level: string;
  category: string;
  message: string;
  fields?: Record<string, unknown>;
}

const DEPTH_MAX = 6;
const ITEMS_MAX = 100;

/** The one way from a record to what is written anywhere: secrets masked, sizes bounded, in every part of it. */
export function logLine(record: LogRecord): LogLine {
  const fields = cleanFields(record.properties, 0);
  return {
    time: new Date(record.timestamp).toISOString(),
    level: record.level,
    category: record.category.slice(1).join("."),
    message: cleanText(record.message.map((part) => (typeof part === "string" ? part : inline(part))).join("")),
    ...(Object.keys(fields).length > 0 ? { fields } : {}),
  };
}

/** A value within a message's sentence. */
function inline(part: unknown): string {
  const clean = cleanValue(part, 0);
  return typeof clean === "string" ? clean : JSON.stringify(clean);
}

function cleanFields(fields: object, depth: number): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields)
      .slice(0, ITEMS_MAX)
      .map(([name, value]) => [redact(name), isSecretField(name) ? "[not logged]" : cleanValue(value, depth)]),
  );
}

function cleanValue(value: unknown, depth: number): unknown {
  if (typeof value === "string") return cleanText(value);
  if (typeof value === "bigint" || typeof value === "symbol" || typeof value === "function")
    return cleanText(String(value));
  if (typeof value !== "object" || value === null) return value;
  if (depth >= DEPTH_MAX) return "[deeper]";
  if (value instanceof Error) return cleanError(value, depth);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  // Queries carry credentials under any name.
  if (value instanceof URL) return cleanText(`${value.origin}${value.pathname}`);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (value instanceof Map) return cleanFields(Object.fromEntries(value), depth + 1);
  if (Array.isArray(value) || value instanceof Set)
    return [...value].slice(0, ITEMS_MAX).map((item) => cleanValue(item, depth + 1));
  return cleanFields(value, depth + 1);
}

/** Its stack and what caused it; other fields that libraries hang on their errors (requests, rows) are not ours to write. */
function cleanError(error: Error, depth: number): Record<string, unknown> {
  const code = "code" in error ? { code: cleanValue(error.code, depth + 1) } : {};
  const cause = error.cause === undefined ? {} : { cause: cleanValue(error.cause, depth + 1) };
  return { name: cleanText(error.name), message: cleanText(error.message), ...code, stack: stackOf(error), ...cause };
}

const stackOf = (error: Error): string | undefined => error.stack && cleanText(error.stack);

/** Masked before it is cut, so that no half of a secret is left that has lost its shape. */
function cleanText(text: string): string {
  const clean = redact(text.slice(0, LIMITS.logTextCharsMax * 8));
  return clean.length <= LIMITS.logTextCharsMax ? clean : `${clean.slice(0, LIMITS.logTextCharsMax)}… [cut]`;
}

/** As one line of the file. What JSON leaves as it is but a terminal would obey is escaped, too. */
export const toJsonLine: (line: LogLine) => string = terminalJson;

/** As a person reads it. A log line must not carry terminal escapes of a peer's text. */
export function toText(line: LogLine): string {
  const facts = Object.entries(line.fields ?? {})
    .filter(([, value]) => value !== undefined)
    .map(
      ([name, value]) => `${name}=${typeof value === "string" ? value : (errorText(value) ?? JSON.stringify(value))}`,
    )
    .join(" ");
  const text = `${line.time} ${line.level.padEnd(7)} ${line.category}: ${line.message}${facts ? ` ${facts}` : ""}`;
  return maskControls(text);
}

function errorText(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { stack, message, cause } = value as { stack?: unknown; message?: unknown; cause?: unknown };
  const own = typeof stack === "string" ? stack : typeof message === "string" ? message : undefined;
  return own && cause !== undefined ? `${own}\ncaused by ${errorText(cause) ?? JSON.stringify(cause)}` : own;
}

/** A line of the file back; undefined for what a crash wrote there without us. */
export function parseLogLine(text: string): LogLine | undefined {
  try {
    const parsed = JSON.parse(text) as Partial<LogLine> | null; // checked below
    const isLine = [parsed?.time, parsed?.level, parsed?.category, parsed?.message].every(
      (part) => typeof part === "string",
    );
    return isLine ? (parsed as LogLine) : undefined;
  } catch {
    // Not one of ours: what the process itself printed before logging began.
    return undefined;
  }
}
