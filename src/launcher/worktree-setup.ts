import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  writeSync,
} from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { ensurePrivateFolder } from "../platform/paths.ts";
import { shellWord } from "../platform/shell.ts";
import { within } from "../platform/within.ts";
import { LIMITS, RepowireError } from "../protocol/index.ts";
import { cleanText } from "../words/index.ts";

/** What a repository that a person has trusted has done in a new worktree. Even so its paths stay inside, on both sides. */

const outside = (file: string): RepowireError =>
  new RepowireError(
    "invalid_input",
    `.repowire.yaml: worktree.copy: "${cleanText(file)}" leads out of the repository, or into .git. Name files below it.`,
  );

export function checkCopyPath(file: string): void {
  const parts = file.split("/");
  const isBad = parts.some((part) => part === "" || part === "." || part === "..") || /^\.git$/i.test(parts[0] ?? "");
  if (isBad || isAbsolute(file) || file.includes("\0")) throw outside(file);
}

/** Copies one regular file. Not there: nothing to copy. There already in the worktree: that one stays. */
export function copyInto(repository: string, worktree: string, file: string): void {
  checkCopyPath(file);
  const content = readInside(repository, file);
  if (!content) return;
  const folder = dirname(file);
  if (folder !== ".") makeFolders(worktree, folder.split("/"), file);
  if (lstatSync(join(worktree, file), { throwIfNoEntry: false })) return;
  const fd = openSync(join(worktree, file), constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, content.mode);
  try {
    writeSync(fd, content.bytes);
  } finally {
    closeSync(fd);
  }
}

function readInside(root: string, file: string): { bytes: Uint8Array; mode: number } | undefined {
  const source = join(root, file);
  const info = lstatSync(source, { throwIfNoEntry: false });
  if (!info) return undefined;
  if (!info.isFile() || realpathSync(source) !== source) throw outside(file);
  const fd = openSync(source, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const { size, mode } = fstatSync(fd);
    if (size > LIMITS.worktreeFileBytesMax)
      throw new RepowireError(
        "invalid_input",
        `.repowire.yaml: worktree.copy: "${file}" is larger than ${LIMITS.worktreeFileBytesMax} bytes. Have the set-up command make it.`,
      );
    return { bytes: readFileSync(fd), mode: mode & 0o777 };
  } finally {
    closeSync(fd);
  }
}

/** One after the other: the branch may have put a link in the way. */
function makeFolders(worktree: string, parts: string[], file: string): void {
  let at = worktree;
  for (const part of parts) {
    at = join(at, part);
    const info = lstatSync(at, { throwIfNoEntry: false });
    if (!info) mkdirSync(at);
    else if (!info.isDirectory()) throw outside(file);
  }
}

/** What a command needs to find its programs and its user's files, and nothing else of the daemon. */
const PASSED_ON = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ"];
const TAIL_BYTES = 4_000;

/** Resolves when it ended well. Everything that it says is in the log; when it fails, the end of that is in the error. */
export async function runSetup(command: readonly string[], folder: string, log: string): Promise<void> {
  ensurePrivateFolder(dirname(log));
  const fd = openSync(log, "w", 0o600);
  const failed = (why: string) => {
    const tail = cleanText(readFileSync(log, "utf8").slice(-TAIL_BYTES))
      .trimEnd()
      .split("\n")
      .slice(-LIMITS.screenTailLines);
    return new RepowireError(
      "launch_failed",
      `the set-up command of .repowire.yaml (${command.map(shellWord).join(" ")}) ${why}; its log: ${log}\n${tail.join("\n")}`.trimEnd(),
    );
  };
  try {
    const env = Object.fromEntries(PASSED_ON.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
    // A process group of its own, so that all of it can be ended.
    const child = Bun.spawn([...command], {
      cwd: folder,
      env,
      stdin: "ignore",
      stdout: fd,
      stderr: fd,
      detached: true,
    });
    const code = await within(LIMITS.worktreeSetupMs, child.exited);
    if (code === 0) return;
    if (code === undefined) {
      process.kill(-child.pid, "SIGKILL");
      await child.exited;
      throw failed(`was not over after ${LIMITS.worktreeSetupMs / 60_000} minutes and was ended`);
    }
    throw failed(`ended with code ${code}`);
  } catch (error) {
    if (error instanceof RepowireError) throw error;
    throw failed(`could not be started (${error instanceof Error ? error.message : String(error)})`);
  } finally {
    closeSync(fd);
  }
}
