import type { AttachedFiles } from "../../src/operations/index.ts";

/** For meshes without a disk: what files are called and who may have them is all there is of them. */
export const noFiles: AttachedFiles = {
  readText: (_file, offset, maxBytes) => {
    const part = "x".repeat(Math.max(0, Math.min(maxBytes, _file.size - offset)));
    return Promise.resolve({ part, end: offset + part.length });
  },
  ticket: () => ({ ticket: "none", expires_at: 0 }),
  sweep: () => Promise.resolve(),
};
