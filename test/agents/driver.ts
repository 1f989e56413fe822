import type { AgentRuntime, Runtime } from "../../src/protocol/index.ts";
import type { Model, ModelServer } from "../support/model-script.ts";
import type { World } from "./world.ts";

/**
 * How the suite drives one real agent CLI: installs it outside the repository, starts it in the scene's private tmux on a scripted
 * model, with repowire installed as `repowire setup` would have done. Every scene over all runtimes sees only this.
 */
export interface AgentDriver {
  readonly runtime: Runtime;
  /** The pinned version; another one by `REPOWIRE_<RUNTIME>_VERSION`. */
  readonly version: string;
  /** Installs the CLI into the cache, once, and returns its command. */
  install(): string;
  /** Starts a session in a folder (a git repository of its own) and waits until it is a peer that can receive. */
  start(world: World, name: string, options: AgentOptions): Promise<AgentSession>;
}

export interface AgentOptions {
  model: Model;
  /** Where the session works; its name by default. */
  folder?: string;
  /** Shell commands run without asking. */
  allowShell?: boolean;
  env?: Record<string, string>;
  /** Called when the CLI is up, before it is waited for to join. */
  onReady?(): Promise<void>;
}

export interface AgentSession {
  readonly name: string;
  readonly runtime: AgentRuntime;
  readonly api: ModelServer;
  /** The process that is the peer's. */
  readonly pid: number;
  screen(): string;
  type(text: string): Promise<void>;
  press(...keys: string[]): void;
  /** Stops the turn that runs, with the keys that a person uses. */
  interrupt(): Promise<void>;
  /** Types into the composer without Enter, as a person who has not finished. */
  write(text: string): void;
  /** Resolves when the session is idle by the CLI's own account, not by what repowire says. */
  idle(timeoutMs?: number): Promise<void>;
  /** Resolves when a permission dialog of the CLI is on the screen. */
  dialog(timeoutMs?: number): Promise<void>;
  isDialogOpen(): boolean;
  /** Allows, this once, what the open dialog asks for, as the person at the keyboard would. */
  allowOnce(): void;
  /** What is half typed in the composer, as the screen shows it; empty when it holds nothing of the person's. */
  draft(): string;
  /** Takes the half-typed text away, as the person at the keyboard would. */
  clearDraft(): void;
  /**
   * The conversation as the CLI's own store has it, read by code of the test alone: what the ledger claims is held against it. Only
   * what the model was shown or said; oldest first.
   */
  transcript(): TranscriptEntry[];
  /** Model, agent and permission mode of the turns so far, as the CLI's own store has them, each setting once. */
  settings(): string[];
  /** Ends the CLI without its doing, as `kill -9` would. */
  kill(): Promise<void>;
}

export interface TranscriptEntry {
  from: "input" | "model" | "tool_result";
  text: string;
  /**
   * Where an input stands by the structure of the CLI's store, never by its text: what put it there. Absent where a person's typing
   * would look the same.
   */
  place?: string;
}
