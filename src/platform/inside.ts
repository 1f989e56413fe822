import { closeSync, constants, fstatSync, openSync, readFileSync, realpathSync } from "node:fs";
import { basename, resolve, sep } from "node:path";
import { RepowireError } from "../protocol/errors.ts";
import { LIMITS } from "../protocol/limits.ts";

export interface ReadFile {
  /** Without folders. */
  name: string;
  bytes: Uint8Array;
}

/**
 * A file to attach, whole. `inside`: it must really lie in that folder, wherever links lead. Throws `RepowireError` for what is not
 * there, lies elsewhere, is no plain file or too large.
 */
export function readToAttach(path: string, { from, inside }: { from: string; inside?: string }): ReadFile {
  const real = realPathOf(resolve(from, path), path);
  if (inside !== undefined && !real.startsWith(`${realPathOf(inside, inside)}${sep}`))
    throw new RepowireError(
      "forbidden",
      `${path} is not in your checkout (${inside}). Only files in it can be attached.`,
    );
  // A pipe would be waited for; a link that was put here since is not followed.
  const fd = openOrRefuse(real, path);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new RepowireError("invalid_input", `${path} is no plain file.`);
    if (stat.size > LIMITS.attachmentBytesMax) {
      const megabytes = (bytes: number) => (bytes / 1_000_000).toFixed(1);
      throw new RepowireError(
        "body_too_large",
        `${path} is ${megabytes(stat.size)} MB; an attachment may be ${megabytes(LIMITS.attachmentBytesMax)} MB. Commit it and name its path and branch instead.`,
      );
    }
    return { name: basename(real), bytes: readFileSync(fd) };
  } finally {
    closeSync(fd);
  }
}

function realPathOf(path: string, shown: string): string {
  try {
    return realpathSync(path);
  } catch {
    throw new RepowireError("not_found", `${shown} is not there.`);
  }
}

function openOrRefuse(real: string, shown: string): number {
  try {
    return openSync(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    throw new RepowireError(
      "forbidden",
      `${shown} cannot be read (${error instanceof Error ? error.message : error}).`,
    );
  }
}
