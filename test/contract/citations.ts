import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A citation is a line of its own, so that it is found without running anything. */
const CITATION = /^\s*\/\/ @req ([a-z-]+\.[a-z-]+)$/gm;

/** Where tests cite promises: the id, and the files. */
export function citations(root: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const pattern of ["{src,channels}/**/*.test.ts", "test/**/*.ts"]) {
    for (const file of [...new Bun.Glob(pattern).scanSync({ cwd: root })].sort()) {
      for (const [, id = ""] of readFileSync(join(root, file), "utf8").matchAll(CITATION)) {
        const files = found.get(id) ?? [];
        if (!files.includes(file)) found.set(id, [...files, file]);
      }
    }
  }
  return found;
}
