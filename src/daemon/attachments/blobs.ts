import { createHash, randomBytes } from "node:crypto";
import { lstatSync, readdirSync, rmSync, statfsSync } from "node:fs";
import { type FileHandle, open, rename } from "node:fs/promises";
import { join } from "node:path";
import { systemRefusal } from "../../platform/files.ts";
import { ensurePrivateFolder } from "../../platform/paths.ts";
import { attachmentTooLarge, LIMITS, RepowireError } from "../../protocol/index.ts";

/**
 * The bytes of attached files, each under its hash. A file is complete, and on the disk, before it has that name; until then it is a draft
 * that the next start removes. What a hash is for, is in the database alone.
 */
export interface Blobs {
  /**
   * Takes a file in. Rejects with a refusal, and leaves nothing, where it is too large, the disk is (nearly) full or the source fails.
   * Until it is released, no sweep removes it: its record is yet to be written.
   */
  receive(source: AsyncIterable<Uint8Array>): Promise<Received>;
  open(sha256: string, size: number): Promise<FileHandle>;
  /** Removes all that is neither kept nor just being taken in. */
  sweep(kept: ReadonlySet<string>): void;
  /** At the start: drafts that a crash left, and files whose record it forestalled. */
  sweepAll(kept: ReadonlySet<string>): void;
}

export interface Received {
  sha256: string;
  size: number;
  /** UTF-8 without a zero byte, from its first to its last byte. */
  isText: boolean;
  release(): void;
}

const HASH = /^[0-9a-f]{64}$/;
const DRAFT = /^draft-[0-9a-f]{24}$/;
/** How much is written between two looks at the space that is left. */
const LOOK_EVERY_BYTES = 1_048_576;

export function createBlobs(folder: string, freeBytes: () => number = () => free(folder)): Blobs {
  const pins = new Map<string, number>();

  function pin(sha256: string): () => void {
    pins.set(sha256, (pins.get(sha256) ?? 0) + 1);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      const left = (pins.get(sha256) ?? 1) - 1;
      if (left > 0) pins.set(sha256, left);
      else pins.delete(sha256);
    };
  }

  async function write(source: AsyncIterable<Uint8Array>, file: FileHandle): Promise<Omit<Received, "release">> {
    const hash = createHash("sha256");
    const text = textCheck();
    let size = 0;
    let lookAt = 0;
    for await (const chunk of source) {
      if (size >= lookAt) {
        if (freeBytes() < LIMITS.diskReserveBytes) throw diskFull();
        lookAt = size + LOOK_EVERY_BYTES;
      }
      size += chunk.byteLength;
      if (size > LIMITS.attachmentBytesMax) throw attachmentTooLarge();
      hash.update(chunk);
      text.add(chunk);
      await writeAll(file, chunk);
    }
    await file.sync();
    return { sha256: hash.digest("hex"), size, isText: text.end() };
  }

  return {
    async receive(source) {
      const draft = join(folder, `draft-${randomBytes(12).toString("hex")}`);
      let release = () => {};
      try {
        ensurePrivateFolder(folder);
        const file = await open(draft, "wx", 0o600);
        const received = await write(source, file).finally(() => file.close());
        release = pin(received.sha256);
        // Over one of the same name, which has the same bytes, or was damaged.
        await rename(draft, join(folder, received.sha256));
        await syncFolder(folder);
        return { ...received, release };
      } catch (error) {
        release();
        rmSync(draft, { force: true });
        throw refusalOf(error);
      }
    },
    async open(sha256, size) {
      if (!HASH.test(sha256)) throw new Error("no hash");
      const file = await open(join(folder, sha256), "r").catch(() => undefined);
      const info = await file?.stat();
      if (file && info?.isFile() && info.size === size) return file;
      await file?.close();
      throw new RepowireError(
        "not_found",
        "The bytes of that file are gone from repowire's home, or are not what they were. Ask its sender to attach it anew.",
      );
    },
    sweep(kept) {
      remove(folder, (name) => HASH.test(name) && !kept.has(name) && !pins.has(name));
    },
    sweepAll(kept) {
      remove(folder, (name) => DRAFT.test(name) || (HASH.test(name) && !kept.has(name)));
    },
  };
}

function remove(folder: string, isGone: (name: string) => boolean): void {
  for (const name of list(folder)) if (isGone(name)) rmSync(join(folder, name), { force: true });
}

function list(folder: string): string[] {
  // A link in the folder's place would have others' files removed.
  return lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(folder) : [];
}

function free(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.byteLength; ) at += (await file.write(chunk, at, chunk.byteLength - at)).bytesWritten;
}

/** The new name itself is on the disk, too. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  await handle.sync().finally(() => handle.close());
}

function textCheck(): { add(chunk: Uint8Array): void; end(): boolean } {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let isText = true;
  const check = (chunk?: Uint8Array) => {
    if (!isText) return;
    try {
      decoder.decode(chunk, { stream: chunk !== undefined });
      if (chunk?.includes(0)) isText = false;
    } catch {
      isText = false;
    }
  };
  return {
    add: check,
    end() {
      check();
      return isText;
    },
  };
}

const diskFull = (): RepowireError =>
  new RepowireError(
    "storage_full",
    "The disk that holds repowire's home is full, or nearly; nothing of the file was kept, and nothing else was lost. Free some space and try again.",
  );

const FULL = ["ENOSPC", "EDQUOT", "EFBIG"];

function refusalOf(error: unknown): unknown {
  const isFull = error instanceof Error && "code" in error && FULL.includes(String(error.code));
  return isFull ? diskFull() : (systemRefusal(error) ?? error);
}
