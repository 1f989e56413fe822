import { statSync } from "node:fs";
import type { LoggedLine } from "../protocol/index.ts";
import { LIMITS } from "../protocol/limits.ts";
import { parseLogLine } from "./log-record.ts";
import { readRange } from "./read-range.ts";
import { redact } from "./redact.ts";

export interface LogTail {
  lines: LoggedLine[];
  cursor: string;
  is_cut: boolean;
}

/**
 * The end of a log, or what came behind a cursor, within the limits. A full log becomes `FILE.1` and begins anew: what a cursor had not
 * seen of the old one is still read. Lines are masked once more: what an older program wrote may have had other rules.
 */
export function readLogTail(file: string, cursor: string | undefined): LogTail {
  const now = placeOf(file);
  if (!now) return { lines: [], cursor: "0:0", is_cut: false };
  const [id = "", from = ""] = (cursor ?? "").split(":");
  const seen = Number(from);
  const isKnown = cursor !== undefined && Number.isSafeInteger(seen) && seen >= 0;
  let text = "";
  let isCut = false;
  let begin = 0;
  if (isKnown && id === now.id && seen <= now.size) begin = seen;
  else {
    const old = isKnown ? placeOf(`${file}.1`) : undefined;
    if (old && old.id === id && seen <= old.size) text = wholeLines(`${file}.1`, seen, old.size).text;
    else isCut = isKnown;
  }
  const read = wholeLines(file, begin, now.size);
  const lines = (text + read.text).split("\n").filter((line) => line !== "");
  const shown = lines.slice(-LIMITS.logTailLinesMax);
  return {
    lines: shown.map(told),
    cursor: `${now.id}:${read.end}`,
    // At the first look everything before the end is left out, which nobody takes for all.
    is_cut: isKnown && (isCut || read.isCut || shown.length < lines.length),
  };
}

function placeOf(file: string): { id: string; size: number } | undefined {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat && { id: String(stat.ino), size: stat.size };
}

/** Whole lines up to `size`, at most the last of them that the limit allows. `end`: behind the last whole one. */
function wholeLines(file: string, from: number, size: number): { text: string; end: number; isCut: boolean } {
  const begin = Math.max(from, size - LIMITS.logTailBytes);
  const isCut = begin > from;
  const read = Buffer.from(readRange(file, begin, size - begin));
  const last = read.lastIndexOf(10) + 1;
  // The first line of a part is a part of a line.
  const first = isCut ? read.indexOf(10) + 1 : 0;
  return { text: read.toString("utf8", first, Math.max(first, last)), end: begin + last, isCut };
}

function told(text: string): LoggedLine {
  const line = parseLogLine(text);
  if (!line) return { time: "", level: "error", category: "", message: short(redact(text)) };
  const { time, level, category, message, fields } = line;
  return {
    time,
    level,
    category,
    message: short(redact(message)),
    ...(fields === undefined ? {} : { fields: short(redact(JSON.stringify(fields))) }),
  };
}

/** The limit holds for what is shown, too: a line of the process itself has none. */
const short = (text: string): string =>
  text.length > LIMITS.logTextCharsMax ? `${text.slice(0, LIMITS.logTextCharsMax).toWellFormed()}…` : text;
