import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HomePaths } from "../../platform/paths.ts";

/** Keeps the files that tell the hooks' launcher which sessions need it between tool calls. */
export function createBoundaryFlags(paths: HomePaths) {
  const folder = paths.between;
  rmSync(folder, { recursive: true, force: true });
  return {
    keep(pid: number, isReachable: boolean): void {
      const file = join(folder, String(pid));
      if (isReachable) {
        if (existsSync(file)) rmSync(file, { force: true });
        return;
      }
      if (existsSync(file)) return;
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      writeFileSync(file, "", { mode: 0o600 });
    },
  };
}
