import { closeSync, read } from "node:fs";
import { promisify } from "node:util";
import { RepowireError } from "../protocol/errors.ts";
import type { OpenedFile } from "./open-beneath.ts";

const readChunk = promisify(read);
const CHUNK_BYTES = 65_536;

/** A file on its way to be attached; it is closed with its scope. */
export interface ReadableFile extends OpenedFile, AsyncDisposable {
  /**
   * Its bytes, once. Rejects where they are not as many as were said when it was opened: it grows, was cut off, or says nothing true of
   * its size (`/proc`).
   */
  bytes(): AsyncGenerator<Uint8Array>;
}

export function openedFile(file: OpenedFile): ReadableFile {
  let isOpen = true;
  return {
    ...file,
    async *bytes() {
      let total = 0;
      for (;;) {
        const buffer = Buffer.alloc(CHUNK_BYTES);
        const { bytesRead } = await readChunk(file.fd, buffer, 0, buffer.length, null);
        total += bytesRead;
        if (total > file.size || (bytesRead === 0 && total !== file.size)) throw changed(file.name);
        if (bytesRead === 0) return;
        yield buffer.subarray(0, bytesRead);
      }
    },
    async [Symbol.asyncDispose]() {
      if (isOpen) closeSync(file.fd);
      isOpen = false;
    },
  };
}

const changed = (name: string): RepowireError =>
  new RepowireError("attachment_changed", `"${name}" changed while it was read. Attach it when it is written.`);
