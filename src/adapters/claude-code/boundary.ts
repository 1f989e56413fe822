import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Keeps the files that tell the hooks' launcher which sessions need it: between tool calls (`paths.between`), or before one that
 * writes (`paths.writing`).
 */
export function createBoundaryFlags(folder: string) {
  rmSync(folder, { recursive: true, force: true });
  return {
    keep(pid: number, isNeeded: boolean): void {
      const file = join(folder, String(pid));
      if (!isNeeded) {
        if (existsSync(file)) rmSync(file, { force: true });
        return;
      }
      if (existsSync(file)) return;
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      writeFileSync(file, "", { mode: 0o600 });
    },
  };
}
