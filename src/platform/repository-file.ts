import { lstatSync, realpathSync } from "node:fs";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";

/** As deep as a path of a report may name folders that are not there yet. */
const MISSING_MAX = 32;
const PATH_CHARS_MAX = 4_096;

/**
 * The real path of a file that a session names, if it lies in that checkout (a real path) and not in its `.git`. The file need not
 * exist; a link that leads out of the checkout does not lie in it. Nothing is opened.
 */
export function fileInCheckout(root: string, cwd: string, named: string): string | undefined {
  if (named === "" || named.length > PATH_CHARS_MAX || named.includes("\0")) return undefined;
  const real = realFile(isAbsolute(named) ? resolve(named) : resolve(cwd, named));
  if (real === undefined || !real.startsWith(`${root}/`)) return undefined;
  return real.slice(root.length + 1).split("/")[0] === ".git" ? undefined : real;
}

function realFile(path: string): string | undefined {
  let at = path;
  const missing: string[] = [];
  for (let depth = 0; depth < MISSING_MAX; depth++) {
    try {
      return join(realpathSync(at), ...missing);
    } catch {
      // A link to nothing would be followed by whoever writes there.
      if (isLink(at)) return undefined;
      missing.unshift(basename(at));
      if (dirname(at) === at) return undefined;
      at = dirname(at);
    }
  }
  return undefined;
}

function isLink(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
  } catch {
    // Something on the way is no folder, or not ours to enter.
    return true;
  }
}
