import { closeSync, openSync, readSync } from "node:fs";

/** A part of a file as text; shorter where the file ends. Throws the system's error when it cannot be read. */
export function readRange(file: string, offset: number, length: number): string {
  if (length <= 0) return "";
  const fd = openSync(file, "r");
  try {
    const buffer = Buffer.alloc(length);
    return buffer.toString("utf8", 0, readSync(fd, buffer, 0, length, offset));
  } finally {
    closeSync(fd);
  }
}
