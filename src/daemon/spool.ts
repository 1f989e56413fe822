import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { logger } from "../platform/log.ts";
import type { HomePaths } from "../platform/paths.ts";
import { asRepowireError, HookReport } from "../protocol/index.ts";

const log = logger("spool");

const SpooledReport = HookReport.extend({ runtime: z.string().max(60) });

/** Hook reports that could not be brought while the daemon was down wait on disk, in files named by time. */
export function createSpoolReader(paths: HomePaths, replay: (runtime: string, report: HookReport) => Promise<unknown>) {
  return {
    /** Reads them in order and removes them; what a session was told meanwhile cannot be changed any more. */
    async drain(): Promise<number> {
      const files = readdirSync(paths.spool)
        .filter((name) => name.endsWith(".json"))
        .sort();
      for (const name of files) {
        const file = join(paths.spool, name);
        await replayOne(file);
        rmSync(file, { force: true });
      }
      return files.length;
    },
  };

  async function replayOne(file: string): Promise<void> {
    try {
      const { runtime, ...report } = SpooledReport.parse(JSON.parse(readFileSync(file, "utf8")));
      // Its dialog has long been answered where it stood.
      if (report.event === "PermissionRequest") return;
      await replay(runtime, report);
    } catch (error) {
      log.info("a spooled hook report was dropped", { reason: asRepowireError(error).message });
    }
  }
}
