import { closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync, realpathSync } from "node:fs";
import { basename, join } from "node:path";
import { RepowireError } from "../protocol/errors.ts";

/** A file that is open for reading. The caller closes it. */
export interface OpenedFile {
  fd: number;
  name: string;
  size: number;
}

/** Linux: names a place without opening it, so that no pipe waits and no device acts. */
const O_PATH = 0o10000000;
/** macOS: no link in any part of the path. */
const O_NOFOLLOW_ANY = 0x20000000;

/**
 * Opens a file that somebody else names, only beneath `folder`: part by part, each from the open folder before it, with no link followed
 * and no `..`. So nothing that is changed meanwhile leads out. `except`: a folder of which nothing is opened. Refuses with a sentence.
 */
export function openBeneath(folder: string, path: string, except?: string): OpenedFile {
  const root = realFolder(folder);
  const parts = partsBelow([root, folder], path);
  if (!parts) throw refused(path, `is not beneath ${root}`, "Name a file of your own folder, without `..`.");
  if (except && isIn(join(root, ...parts), realFolder(except)))
    throw refused(path, "is one of repowire's own files", "Those are not attached.");
  try {
    const fd = process.platform === "linux" ? openByParts(root, parts, path) : openWithoutLinks(root, parts, path);
    return { fd, name: basename(path), size: fstatSync(fd).size };
  } catch (error) {
    throw error instanceof RepowireError ? error : systemReason(path, error);
  }
}

function realFolder(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return folder;
  }
}

const isIn = (path: string, folder: string): boolean => `${path}/`.startsWith(`${folder}/`);

/** The names from the folder to the file; undefined where they could lead elsewhere. */
function partsBelow(folders: readonly string[], path: string): string[] | undefined {
  const folder = path.startsWith("/")
    ? folders.find((one) => path.startsWith(one.endsWith("/") ? one : `${one}/`))
    : "";
  if (folder === undefined || path.includes("\0")) return undefined;
  const parts = path
    .slice(folder.length)
    .split("/")
    .filter((part) => part !== "" && part !== ".");
  return parts.length === 0 || parts.includes("..") ? undefined : parts;
}

function openByParts(root: string, parts: readonly string[], path: string): number {
  const { O_DIRECTORY, O_NOFOLLOW } = constants;
  let at = openSync(root, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  try {
    // The path of the folder itself may have been changed since it was looked up.
    if (readlinkSync(`/proc/self/fd/${at}`) !== root) throw refused(path, "was moved meanwhile", "Try again.");
    for (const [index, part] of parts.entries()) {
      const isLast = index === parts.length - 1;
      const next = openSync(`/proc/self/fd/${at}/${part}`, O_PATH | O_NOFOLLOW | (isLast ? 0 : O_DIRECTORY));
      closeSync(at);
      at = next;
    }
    const info = fstatSync(at);
    if (info.isSymbolicLink()) throw isLink(path);
    if (!info.isFile()) throw noFile(path);
    return openSync(`/proc/self/fd/${at}`, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } finally {
    closeSync(at);
  }
}

function openWithoutLinks(root: string, parts: readonly string[], path: string): number {
  const file = join(root, ...parts);
  const info = lstatSync(file);
  if (info.isSymbolicLink()) throw isLink(path);
  if (!info.isFile()) throw noFile(path);
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY | O_NOFOLLOW_ANY);
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw noFile(path);
}

const isLink = (path: string) => refused(path, "is a symbolic link", "Name the file itself, in your own folder.");
const noFile = (path: string) =>
  refused(path, "is no regular file", "Only files can be attached; pack a folder first.");

function systemReason(path: string, error: unknown): RepowireError {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT") return refused(path, "does not exist", "Look at its name.");
  if (code === "ELOOP" || code === "ENOTDIR")
    return refused(
      path,
      "leads through a symbolic link, or something that is no folder",
      "Name the file itself, in your own folder.",
    );
  if (code === "EACCES" || code === "EPERM") return refused(path, "may not be read", "Look at its owner and mode.");
  return refused(path, `cannot be opened (${String(code ?? error)})`, "Look at its name.");
}

function refused(path: string, why: string, next: string): RepowireError {
  return new RepowireError("invalid_input", `"${path.slice(0, 200)}" ${why}. ${next}`);
}
