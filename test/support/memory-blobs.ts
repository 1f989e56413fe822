import type { Blobs } from "../../src/core/index.ts";
import { RepowireError } from "../../src/protocol/index.ts";

/** Attachments without a disk. */
export function memoryBlobs(): Blobs & { readonly hashes: string[] } {
  const files = new Map<string, Uint8Array>();
  return {
    get hashes() {
      return [...files.keys()];
    },
    async begin() {
      const parts: Uint8Array[] = [];
      return {
        async append(bytes) {
          parts.push(bytes);
        },
        async finish() {
          const whole = Buffer.concat(parts);
          const sha256 = new Bun.CryptoHasher("sha256").update(whole).digest("hex");
          files.set(sha256, whole);
          return sha256;
        },
        async drop() {},
      };
    },
    async read(sha256, offset, length) {
      const bytes = files.get(sha256);
      if (!bytes) throw new RepowireError("not_found", "its bytes are gone");
      return bytes.subarray(offset, offset + length);
    },
    async keepOnly(known) {
      for (const sha256 of files.keys()) if (!known.has(sha256)) files.delete(sha256);
    },
  };
}
