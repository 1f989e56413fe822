import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

/**
 * The text of a small file that somebody else may have put there. Only a regular file is read, and only up to its limit: a link to a
 * device would never end, a pipe would never begin. Throws where it is neither, larger, or not to be read.
 */
export function readSmallFile(file: string, bytesMax: number): string {
  const fd = openRegular(file);
  try {
    const buffer = Buffer.alloc(bytesMax + 1);
    let size = 0;
    // Some files of the system say that they are empty and are not: what counts is what comes.
    while (size <= bytesMax) {
      const read = readSync(fd, buffer, size, buffer.length - size, null);
      if (read === 0) return buffer.toString("utf8", 0, size);
      size += read;
    }
    throw new Error(`${file} is larger than ${bytesMax} bytes`);
  } finally {
    closeSync(fd);
  }
}

/** Opens a file for reading that is a file and nothing else; never waits for it. The caller closes it. */
export function openRegular(file: string): number {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw new Error(`${file} is no regular file`);
}
