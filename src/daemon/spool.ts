import { lstatSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { logger } from "../platform/log.ts";
import type { HomePaths } from "../platform/paths.ts";
import { startedAt } from "../platform/process.ts";
import { readSmallFile } from "../platform/read-small.ts";
import { asRepowireError, HookReport, LIMITS, RepowireError } from "../protocol/index.ts";

const log = logger("spool");

/** Start times are known to about a second. */
const CLOCK_SLACK_MS = 2_000;

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
        // What could not be stored waits for the next start, and what follows with it: order matters.
        if (!(await replayOne(file))) break;
        rmSync(file, { force: true, recursive: true });
      }
      return files.length;
    },
  };

  /** False: try again later. */
  async function replayOne(file: string): Promise<boolean> {
    try {
      const { uid } = lstatSync(file);
      if (uid !== process.getuid?.()) throw new RepowireError("unauthorized", "it belongs to another user");
      const { runtime, ...report } = SpooledReport.parse(JSON.parse(readSmallFile(file, LIMITS.frameBytesMax)));
      // Its dialog has long been answered where it stood.
      if (report.event === "PermissionRequest") return true;
      // The pid belongs to another process by now: the session that this is about has ended.
      const started = startedAt(report.pid);
      if (started !== undefined && report.spooled_at !== undefined && started > report.spooled_at + CLOCK_SLACK_MS)
        return true;
      await replay(runtime, report);
      return true;
    } catch (error) {
      if (error instanceof RepowireError && error.retryable) return false;
      log.info("a spooled hook report was dropped", { reason: asRepowireError(error).message });
      return true;
    }
  }
}
