import { lstatSync, mkdirSync, readdirSync, rmSync, statfsSync } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { RepowireError } from "../protocol/errors.ts";
import { LIMITS } from "../protocol/limits.ts";
import { systemRefusal } from "./files.ts";

const DRAFT = /^draft-[\w-]+$/;
const HASH = /^[0-9a-f]{64}$/;
/** A file is finished before the record that names it is stored. */
const YOUNG_MS = 3_600_000;
/** How much is written between two looks at the space that is left. */
const LOOK_EVERY_BYTES = 1_048_576;
const FULL = ["ENOSPC", "EDQUOT", "EFBIG"];

const diskFull = () =>
  new RepowireError(
    "storage_full",
    "The disk is full, or nearly; the file was not kept, and nothing else was lost. Free some space and try again.",
  );

async function refusing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Error && "code" in error && FULL.includes(String(error.code))) throw diskFull();
    throw systemRefusal(error) ?? error;
  }
}

/**
 * Files by their SHA-256 in one folder (0700, each 0600). A file is written as a draft, made durable, and then renamed to its hash, so
 * that one with a hash for a name is whole. Rejections are `RepowireError`s. `freeBytes`: what the disk still takes.
 */
export function createBlobs(folder: string, freeBytes: () => number = () => free(folder)) {
  /** Drafts that are being written, and hashes whose record is yet to come, by when they were finished: no sweep takes them. */
  const writing = new Set<string>();
  const finished = new Map<string, number>();

  function draftOf(file: FileHandle, name: string) {
    const path = join(folder, name);
    const hash = new Bun.CryptoHasher("sha256");
    let size = 0;
    let lookAt = 0;
    return {
      append: (bytes: Uint8Array): Promise<void> =>
        refusing(async () => {
          if (size >= lookAt) {
            if (freeBytes() < LIMITS.diskReserveBytes) throw diskFull();
            lookAt = size + LOOK_EVERY_BYTES;
          }
          size += bytes.length;
          hash.update(bytes);
          await file.appendFile(bytes);
        }),
      finish: (): Promise<string> =>
        refusing(async () => {
          await file.sync();
          await file.close();
          const sha256 = hash.digest("hex");
          finished.set(sha256, Date.now());
          await rename(path, join(folder, sha256));
          await syncFolder(folder);
          writing.delete(name);
          return sha256;
        }),
      async drop(): Promise<void> {
        // Closed already where it was finished.
        await file.close().catch(() => {});
        await rm(path, { force: true });
        writing.delete(name);
      },
    };
  }

  function sweep(known: ReadonlySet<string>): void {
    const now = Date.now();
    for (const [sha256, at] of finished) if (now - at >= YOUNG_MS) finished.delete(sha256);
    for (const name of list(folder)) {
      const isOurs = HASH.test(name) || DRAFT.test(name);
      if (isOurs && !known.has(name) && !writing.has(name) && !finished.has(name))
        rmSync(join(folder, name), { force: true });
    }
  }

  return {
    begin: () =>
      refusing(async () => {
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        const name = `draft-${crypto.randomUUID()}`;
        writing.add(name);
        return draftOf(await open(join(folder, name), "wx", 0o600), name);
      }),
    read: (sha256: string, offset: number, length: number): Promise<Uint8Array> =>
      refusing(async () => {
        const file = await open(join(folder, sha256), "r").catch(() => undefined);
        if (!file)
          throw new RepowireError(
            "not_found",
            "The file's bytes are gone from ~/.repowire/attachments. Ask for it again.",
          );
        try {
          const bytes = new Uint8Array(length);
          const { bytesRead } = await file.read(bytes, 0, length, offset);
          return bytes.subarray(0, bytesRead);
        } finally {
          await file.close();
        }
      }),
    async keepOnly(known: ReadonlySet<string>): Promise<void> {
      sweep(known);
    },
  };
}

function list(folder: string): string[] {
  // A link in the folder's place would have others' files removed.
  return lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(folder) : [];
}

function free(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

/** The new name itself is on the disk, too. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  await handle.sync().finally(() => handle.close());
}
