import { findDaemon } from "../../client/index.ts";
import { readDaemonRecord } from "../../platform/daemon-record.ts";
import type { HomePaths } from "../../platform/paths.ts";
import { processesFrom } from "../../platform/process.ts";
import { runBriefly } from "../../platform/run.ts";
import { RepowireError } from "../../protocol/index.ts";
import type { InstalledProgram } from "../../setup/install.ts";
import { stopDaemon } from "../commands/daemon.ts";

export interface StartedDaemon {
  port: number;
  /** `kept`: it ran already, from this very version. */
  how: "started" | "restarted" | "kept";
}

const TRIES = 3;
/** Longer than `daemon start` itself waits for the daemon. */
const START_MS = 30_000;

/**
 * Has the daemon run from the installed program, started through its launcher as sessions will do it. One that runs from elsewhere,
 * or with settings that have changed, is replaced; sessions come back to it by themselves.
 */
export async function startInstalledDaemon(
  paths: HomePaths,
  program: InstalledProgram,
  options: { mustRestart: boolean },
): Promise<StartedDaemon> {
  let how: StartedDaemon["how"] = "kept";
  let { mustRestart } = options;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const running = await findDaemon(paths.home);
    if (running && !mustRestart && runsFrom(paths, program)) return { port: running.port, how };
    if (running) await stopDaemon(paths.home, { comesBack: true });
    if (how === "kept") how = running ? "restarted" : "started";
    mustRestart = false;
    await startThrough(paths);
    // A session of an older version may have been quicker to start its own.
  }
  throw new RepowireError(
    "unavailable",
    "Sessions of an older repowire keep starting its daemon. Close them, then run `repowire setup` again.",
  );
}

export function runsFrom(paths: HomePaths, program: Pick<InstalledProgram, "folder">): boolean {
  const record = readDaemonRecord(paths.home);
  return record !== undefined && processesFrom(program.folder).some((process) => process.pid === record.pid);
}

async function startThrough(paths: HomePaths): Promise<void> {
  const result = await runBriefly([paths.cliLauncher, "daemon", "start"], { cwd: "/", timeoutMs: START_MS });
  if (result?.code === 0) return;
  const said = result?.err
    .trim()
    .split("\n")
    .at(-1)
    ?.replace(/^repowire: /, "");
  throw new RepowireError("unavailable", said || `\`${paths.cliLauncher} daemon start\` failed without a word.`);
}
