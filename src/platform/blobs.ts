import { mkdirSync } from "node:fs";
import { type FileHandle, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { RepowireError } from "../protocol/errors.ts";
import { systemRefusal } from "./files.ts";

const DRAFT = /^draft-[\w-]+$/;
const HASH = /^[0-9a-f]{64}$/;
/** A file is finished before the record that names it is stored. */
const YOUNG_MS = 3_600_000;

/**
 * Files by their SHA-256 in one folder (0700, each 0600). A file is written as a draft, made durable, and then renamed to its hash, so
 * that one with a hash for a name is whole. Rejections are `RepowireError`s.
 */
export function createBlobs(folder: string) {
  async function refusing<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const isFull = error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");
      if (isFull)
        throw new RepowireError(
          "storage_full",
          "The disk is full; the file was not kept. Free some space and try again.",
        );
      throw systemRefusal(error) ?? error;
    }
  }

  function draftOf(file: FileHandle, path: string) {
    const hash = new Bun.CryptoHasher("sha256");
    return {
      append: (bytes: Uint8Array): Promise<void> =>
        refusing(async () => {
          hash.update(bytes);
          await file.appendFile(bytes);
        }),
      finish: (): Promise<string> =>
        refusing(async () => {
          await file.sync();
          await file.close();
          const sha256 = hash.digest("hex");
          await rename(path, join(folder, sha256));
          return sha256;
        }),
      async drop(): Promise<void> {
        // Closed already where it was finished.
        await file.close().catch(() => {});
        await rm(path, { force: true });
      },
    };
  }

  return {
    begin: () =>
      refusing(async () => {
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        const path = join(folder, `draft-${crypto.randomUUID()}`);
        return draftOf(await open(path, "wx", 0o600), path);
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
      const names = await readdir(folder).catch((): string[] => []);
      for (const name of names) {
        if (known.has(name) || !(HASH.test(name) || DRAFT.test(name))) continue;
        const path = join(folder, name);
        const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }));
        if (Date.now() - mtimeMs >= YOUNG_MS) await rm(path, { force: true });
      }
    },
  };
}
