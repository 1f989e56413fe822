import { closeSync, constants, fstatSync, openSync, readSync, realpathSync } from "node:fs";
import { basename, resolve, sep } from "node:path";
import { RepowireError } from "../protocol/errors.ts";
import { LIMITS } from "../protocol/limits.ts";
import { openBeneath } from "./open-beneath.ts";

export interface ReadFile {
  /** Without folders. */
  name: string;
  bytes: Uint8Array;
}

export interface Whence {
  /** Where a relative path begins. */
  from: string;
  /** It must really lie in that folder, wherever links lead. */
  inside?: string;
  /** Nothing of that folder is read. */
  except?: string;
}

/**
 * A file to attach, whole. Throws `RepowireError` for what is not there, lies elsewhere, is no plain file, too large, or changes while it
 * is read.
 */
export function readToAttach(path: string, whence: Whence): ReadFile {
  const real = realPathOf(resolve(whence.from, path), path);
  if (whence.except !== undefined && isIn(real, maybeReal(whence.except)))
    throw new RepowireError("forbidden", `${path} is one of repowire's own files. Those are not attached.`);
  const fd = whence.inside === undefined ? openAnywhere(real, path) : openInside(real, path, whence.inside);
  if (fd === undefined) throw new RepowireError("invalid_input", `${path} is no plain file.`);
  try {
    return { name: basename(real), bytes: readWhole(fd, path) };
  } finally {
    closeSync(fd);
  }
}

const isIn = (path: string, folder: string): boolean => path.startsWith(folder.endsWith(sep) ? folder : folder + sep);

function realPathOf(path: string, shown: string): string {
  try {
    return realpathSync(path);
  } catch {
    throw new RepowireError("not_found", `${shown} is not there.`);
  }
}

function maybeReal(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function openInside(real: string, shown: string, inside: string): number | undefined {
  const root = realPathOf(inside, inside);
  if (!isIn(real, root))
    throw new RepowireError(
      "forbidden",
      `${shown} is not in your checkout (${inside}). Only files in it can be attached.`,
    );
  return orRefuse(shown, () => openBeneath(root, real.slice(root.length).split(sep).filter(Boolean)));
}

function openAnywhere(real: string, shown: string): number | undefined {
  // A pipe would be waited for.
  const fd = orRefuse(shown, () => openSync(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK));
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  return undefined;
}

function orRefuse<T>(shown: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    throw new RepowireError(
      "forbidden",
      `${shown} cannot be read (${error instanceof Error ? error.message : error}).`,
    );
  }
}

/** As many bytes as it said it has: what grows, or says nothing true of its size (`/proc`), is not what was named. */
function readWhole(fd: number, shown: string): Uint8Array {
  const { size } = fstatSync(fd);
  if (size > LIMITS.attachmentBytesMax) throw tooLarge(shown, size);
  const bytes = Buffer.alloc(size + 1);
  let length = 0;
  for (let read = -1; read !== 0 && length <= size; length += read)
    read = readSync(fd, bytes, length, bytes.length - length, null);
  if (length !== size)
    throw new RepowireError("invalid_input", `${shown} changed while it was read. Attach it when it is written.`);
  return bytes.subarray(0, size);
}

function tooLarge(shown: string, size: number): RepowireError {
  const megabytes = (bytes: number) => (bytes / 1_000_000).toFixed(1);
  return new RepowireError(
    "body_too_large",
    `${shown} is ${megabytes(size)} MB; an attachment may be ${megabytes(LIMITS.attachmentBytesMax)} MB. Commit it and name its path and branch instead.`,
  );
}
