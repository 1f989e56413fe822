import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HomePaths } from "../../platform/paths.ts";

/**
 * Hooks between tool calls cost a process each, so they run only for sessions that no push can reach. The launcher, a shell
 * script, looks for a file named after the session's pid and ends at once when there is none.
 */
export const BOUNDARY_FOLDER = "between";

export function createBoundaryFlags(paths: HomePaths) {
  const folder = join(paths.run, BOUNDARY_FOLDER);
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
