import { statSync } from "node:fs";
import { readRange } from "../platform/read-range.ts";

/** How far back a reader looks when it first meets a file: receipts of messages from before a restart are near its end. */
const LOOK_BACK_BYTES = 1_000_000;
const READ_BYTES_MAX = 8_000_000;

export interface Tail {
  readonly file: string;
  /** The whole lines that were appended since the last call; a line that is still being written comes with a later one. */
  read(): string[];
}

/** Follows a file of lines that another program appends to. It may not be there yet, and another may take its place. */
export function createTail(file: string): Tail {
  let offset = -1;
  let rest = "";
  return {
    file,
    read() {
      const size = sizeOf(file);
      if (size === undefined) return [];
      const isFirst = offset < 0;
      if (isFirst) offset = Math.max(0, size - LOOK_BACK_BYTES);
      // Shorter than before: another file stands in its place.
      if (size < offset) [offset, rest] = [0, ""];
      const startsInside = isFirst && offset > 0;
      const text = rest + readRange(file, offset, Math.min(size - offset, READ_BYTES_MAX));
      offset = Math.min(size, offset + READ_BYTES_MAX);
      const lines = text.split("\n");
      rest = lines.pop() ?? "";
      if (startsInside) lines.shift();
      return lines.filter((line) => line !== "");
    },
  };
}

function sizeOf(file: string): number | undefined {
  try {
    return statSync(file).size;
  } catch {
    // Written with the first message of a session.
    return undefined;
  }
}
