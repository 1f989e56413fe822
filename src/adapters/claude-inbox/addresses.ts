import { createHash } from "node:crypto";
import { lstatSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RepowireError } from "../../protocol/index.ts";

/** The path of a Unix socket may have 107 bytes on Linux, 103 on macOS. */
const SOCKET_PATH_BYTES_MAX = 100;

/**
 * One address for each message that a session may answer: a socket whose name holds the handle and a part that cannot be guessed.
 * Whoever writes to it was shown it, so what arrives there answers that message by id. It is derived, not stored, and is the
 * same after a restart.
 */
export function createAddresses(folder: string, secret: string) {
  const base = shortFolder(folder);
  const file = (message: string, handle: string) => {
    const part = createHash("sha256").update(`${secret} ${message}`).digest("hex").slice(0, 10);
    return join(base, `${handle}-${part}.sock`);
  };
  return {
    file,
    address: (message: string, handle: string) => `uds:${file(message, handle)}`,
  };
}

/** The home's own folder, or a private one with a shorter path where the home lies deep. */
function shortFolder(folder: string): string {
  if (Buffer.byteLength(join(folder, "k7q2x-0123456789.sock")) <= SOCKET_PATH_BYTES_MAX) return folder;
  const name = createHash("sha256").update(folder).digest("hex").slice(0, 12);
  const short = join(tmpdir(), `repowire-${process.getuid?.() ?? 0}-${name}`);
  mkdirSync(short, { recursive: true, mode: 0o700 });
  const info = lstatSync(short);
  // Somebody else could have made it first, in a folder that all users share.
  if (!info.isDirectory() || info.uid !== process.getuid?.() || (info.mode & 0o077) !== 0) {
    throw new RepowireError(
      "storage_failed",
      `${short} is not a private folder of yours; inbox sockets cannot be placed. Remove it, or set TMPDIR.`,
    );
  }
  return short;
}
