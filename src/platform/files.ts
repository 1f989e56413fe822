import {
  closeSync,
  fchmodSync,
  fsyncSync,
  lstatSync,
  openSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import { RepowireError } from "../protocol/errors.ts";

/**
 * Replaces a file in one step: whoever reads it sees the old or the new content, never a part. The file gets exactly `mode`,
 * whatever the umask says. When it cannot be written, nothing is left behind and the system's error is thrown.
 */
export function writeFileAtomic(file: string, content: string | Uint8Array, mode = 0o600): void {
  const draft = `${file}.${process.pid}.${Math.random().toString(36).slice(2)}.tmp`;
  const fd = openSync(draft, "wx", 0o600);
  try {
    try {
      fchmodSync(fd, mode);
      writeFileSync(fd, content);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

/** What the system refused (no permission, no space, a file in a folder's place), as a refusal; undefined for anything else. */
export function systemRefusal(error: unknown): RepowireError | undefined {
  const isSystems = error instanceof Error && "code" in error && "syscall" in error;
  if (!isSystems) return undefined;
  return new RepowireError("storage_failed", `${error.message}. Look at that place's owner, mode and free space.`);
}

const LINKS_MAX = 40;

/**
 * The file behind a path, whether it exists or not: symbolic links are followed to the end, so that replacing the file leaves the
 * links as they are. Throws where they go in circles.
 */
export function linkTarget(path: string): string {
  let at = resolve(path);
  for (let links = 0; links <= LINKS_MAX; links++) {
    if (!lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink()) return at;
    at = resolve(dirname(at), readlinkSync(at));
  }
  throw new Error(`${path}: too many symbolic links`);
}
