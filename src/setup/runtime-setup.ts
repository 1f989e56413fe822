import type { HomePaths } from "../platform/paths.ts";
import type { Runtime } from "../protocol/index.ts";
import type { FileEdits } from "./edits.ts";
import type { Launcher } from "./launchers.ts";
import type { OwnFile } from "./own-file.ts";

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
  /** Good to know once; nothing is wrong, so status does not repeat it. */
  isGeneral?: boolean;
}

/** A session that a person has open. */
export interface OpenSession {
  pid: number;
  cwd?: string;
  version?: string;
  /** Epoch milliseconds, give or take a second. */
  started_at: number;
}

export interface RunningSession extends OpenSession {
  runtime: Runtime;
  /** It began before setup's last edit, and reads its configuration only at its start. */
  needs_restart: boolean;
}

/** With what the files of a runtime are filled. */
export interface SetupContext {
  paths: HomePaths;
  env: Environment;
  /** Whether the user agreed that the tools need no prompt. */
  allowTools: boolean;
  /** Where the daemon listens. */
  port: number;
  /** The folder of the installed version, once there is one. */
  program: string | undefined;
}

export type WantedFile = FileEdits | OwnFile;

export const isOwnFile = (wanted: WantedFile): wanted is OwnFile => "homeOf" in wanted;

/** A step that the CLI itself takes for us, since only it may. */
export interface CliStep {
  /** For the plan: "trust for its 6 hooks". */
  what: string;
  /** What is asked before it is taken. */
  question: string;
  /** What the person has to do where it was not taken. */
  otherwise: string;
  /** Whether everything is as the step leaves it. Asks the CLI's files, not the CLI. */
  isDone(context: SetupContext): boolean;
  /** Takes it; throws a `RepowireError` when the CLI does not do it. What it changed in files is on record then. */
  take(context: SetupContext, cli: FoundCli): Promise<void>;
}

/**
 * What setup, status and uninstall need to know of one runtime; there is a row for each in the table beside this file. Looking
 * changes nothing; what is written is recorded in `setup.json` and can be taken back exactly.
 */
export interface RuntimeSetup {
  readonly runtime: Runtime;
  /** As people call it: "Claude Code". */
  readonly label: string;
  /** What starts a session. */
  readonly command: string;
  /** What to do when it is not on this machine. */
  readonly howToGet: string;
  /** Removes a server of our name that is not ours. */
  readonly removeServer: string;
  find(env: Environment): Promise<FoundCli | undefined>;
  configDir(env: Environment): string;
  /** The commands that its configuration names. */
  launchers(options: { withChannels: boolean }): readonly Launcher[];
  /** Everything that setup wants in files. */
  files(context: SetupContext): WantedFile[];
  /** What in the environment and its settings keeps parts of repowire from working. */
  notices(env: Environment, paths: HomePaths, cli: FoundCli | undefined): readonly SetupNotice[];
  /** Sessions that are open now, peers or not. */
  sessions(env: Environment): OpenSession[];
  /** Why a session is no peer although it is new enough; undefined where nothing is known. */
  whyNoPeer?(env: Environment, session: OpenSession): SetupNotice | undefined;
  step?: CliStep;
}
