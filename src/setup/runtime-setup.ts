import type { HomePaths } from "../platform/paths.ts";
import type { Runtime } from "../protocol/index.ts";
import type { Launcher } from "./launchers.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** An agent CLI as it was found on this machine. */
export interface FoundCli {
  path: string;
  /** Undefined where it gave none. */
  version?: string;
}

/** Something that keeps a part of repowire from working, and the one thing to do about it. */
export interface SetupNotice {
  found: string;
  next: string;
  /** Matters only for sessions with channels. */
  isAboutChannels?: boolean;
}

/**
 * What setup, status and uninstall need to know of one runtime; there is a row for each in the table beside this file. Looking
 * changes nothing; what is written is recorded in `setup.json` and can be taken back exactly.
 */
export interface RuntimeSetup {
  readonly runtime: Runtime;
  /** As people call it: "Claude Code". */
  readonly label: string;
  /** What to do when it is not on this machine. */
  readonly howToGet: string;
  find(env: Environment): Promise<FoundCli | undefined>;
  /** The commands that its configuration names. */
  launchers(options: { withChannels: boolean }): readonly Launcher[];
  /** What in the environment and its settings keeps parts of repowire from working. */
  notices(env: Environment, paths: HomePaths, cli: FoundCli | undefined): readonly SetupNotice[];
}
