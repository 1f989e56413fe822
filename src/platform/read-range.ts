import { closeSync, readSync } from "node:fs";
import { openRegular } from "./read-small.ts";

/** A part of a file as text; shorter where the file ends. Throws when it cannot be read, or is no file. */
export function readRange(file: string, offset: number, length: number): string {
  if (length <= 0) return "";
  const fd = openRegular(file);
  try {
    const buffer = Buffer.alloc(length);
    return buffer.toString("utf8", 0, readSync(fd, buffer, 0, length, offset));
  } finally {
    closeSync(fd);
  }
}
