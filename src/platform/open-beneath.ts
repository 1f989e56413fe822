import { closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/** Linux: names a place without opening it, so that no pipe waits and no device acts. */
const O_PATH = 0o10000000;
/** macOS: no link in any part of the path. */
const O_NOFOLLOW_ANY = 0x20000000;

/**
 * Opens a regular file for reading, `parts` below the real path `root`: each part from the open folder before it, with no link followed.
 * So what is changed meanwhile does not lead out. Undefined where it is no regular file; throws the system's error otherwise.
 */
export function openBeneath(root: string, parts: readonly string[]): number | undefined {
  if (parts.some((part) => part === "" || part === "." || part === "..")) throw new Error("no way down");
  return process.platform === "linux" ? openByParts(root, parts) : openWithoutLinks(join(root, ...parts));
}

const READ = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

function openByParts(root: string, parts: readonly string[]): number | undefined {
  const { O_DIRECTORY, O_NOFOLLOW } = constants;
  let at = openSync(root, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  try {
    // The way to the folder itself may have been changed since it was looked up.
    if (readlinkSync(`/proc/self/fd/${at}`) !== root) throw new Error("the folder was moved meanwhile");
    for (const [index, part] of parts.entries()) {
      const isLast = index === parts.length - 1;
      const next = openSync(`/proc/self/fd/${at}/${part}`, O_PATH | O_NOFOLLOW | (isLast ? 0 : O_DIRECTORY));
      closeSync(at);
      at = next;
    }
    // A link that is not followed is no regular file either.
    return fstatSync(at).isFile() ? openSync(`/proc/self/fd/${at}`, READ) : undefined;
  } finally {
    closeSync(at);
  }
}

function openWithoutLinks(file: string): number | undefined {
  if (!lstatSync(file).isFile()) return undefined;
  const fd = openSync(file, READ | O_NOFOLLOW_ANY);
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  return undefined;
}
