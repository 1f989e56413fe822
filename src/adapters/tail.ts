import { statSync } from "node:fs";
import { readRange } from "../platform/read-range.ts";

/** How far back a reader looks when it first meets a file: receipts of messages from before a restart are near its end. */
const LOOK_BACK_BYTES = 1_000_000;
const READ_BYTES_MAX = 8_000_000;
/** No entry of a transcript is longer: models and tools have limits far below. */
const LINE_CHARS_MAX = 32_000_000;

export interface Tail {
  readonly file: string;
  /** The whole lines that were appended since the last call; a line that is still being written comes with a later one. */
  read(): string[];
}

/** Follows a file of lines that another program appends to. It may not be there yet, and another may take its place. */
export function createTail(file: string): Tail {
  let offset = -1;
  let rest = "";
  let isInside = false;
  return {
    file,
    read() {
      const size = sizeOf(file);
      if (size === undefined) return [];
      const isFirst = offset < 0;
      if (isFirst) offset = Math.max(0, size - LOOK_BACK_BYTES);
      // Shorter than before: another file stands in its place.
      if (size < offset) [offset, rest, isInside] = [0, "", false];
      if (isFirst) isInside = offset > 0;
      const text = rest + readRange(file, offset, Math.min(size - offset, READ_BYTES_MAX));
      offset = Math.min(size, offset + READ_BYTES_MAX);
      const lines = text.split("\n");
      rest = lines.pop() ?? "";
      // A line without an end is nobody's: it must not fill the memory of whoever waits for it.
      const isTooLong = rest.length > LINE_CHARS_MAX;
      if (isTooLong) rest = "";
      // The first line here is the end of one whose beginning was not kept.
      if (lines.length > 0 && isInside) lines.shift();
      isInside = isTooLong || (isInside && !text.includes("\n"));
      return lines.filter((line) => line !== "");
    },
  };
}

function sizeOf(file: string): number | undefined {
  try {
    const info = statSync(file);
    return info.isFile() ? info.size : undefined;
  } catch {
    // Written with the first message of a session.
    return undefined;
  }
}
