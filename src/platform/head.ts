import { lstatSync } from "node:fs";
import { join, resolve } from "node:path";
import { readSmallFile } from "./read-small.ts";

const LINE_BYTES_MAX = 16_384;
/** Some thousands of packed branches and tags. */
const PACKED_BYTES_MAX = 1_048_576;
const HASH = /^[0-9a-f]{40,64}$/;

/**
 * The commit that a checkout is at, read from git's files: no process is started, so it may be asked often. Undefined where there is
 * none yet, or where git keeps it in a form that is not read here (reftable).
 */
export function headOf(root: string): string | undefined {
  try {
    const gitDir = gitDirOf(root);
    const head = lineOf(join(gitDir, "HEAD"));
    if (HASH.test(head)) return head;
    const ref = head.match(/^ref: (refs\/[^\0]+)$/)?.[1];
    if (ref === undefined || ref.split("/").includes("..")) return undefined;
    const common = commonDirOf(gitDir);
    return looseRef(join(common, ref)) ?? packedRef(join(common, "packed-refs"), ref);
  } catch {
    return undefined;
  }
}

function gitDirOf(root: string): string {
  const dotGit = join(root, ".git");
  if (lstatSync(dotGit).isDirectory()) return dotGit;
  return resolve(root, lineOf(dotGit).replace(/^gitdir:\s*/, ""));
}

/** A linked worktree has a HEAD of its own; branches are in the main one. */
function commonDirOf(gitDir: string): string {
  try {
    return resolve(gitDir, lineOf(join(gitDir, "commondir")));
  } catch {
    return gitDir;
  }
}

function looseRef(file: string): string | undefined {
  try {
    const hash = lineOf(file);
    return HASH.test(hash) ? hash : undefined;
  } catch {
    return undefined;
  }
}

function packedRef(file: string, ref: string): string | undefined {
  const line = readSmallFile(file, PACKED_BYTES_MAX)
    .split("\n")
    .find((candidate) => candidate.endsWith(` ${ref}`));
  const hash = line?.split(" ")[0] ?? "";
  return HASH.test(hash) ? hash : undefined;
}

const lineOf = (file: string): string => readSmallFile(file, LINE_BYTES_MAX).split("\n")[0]?.trim() ?? "";
