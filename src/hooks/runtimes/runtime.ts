import type { HookReport } from "../../protocol/hooks.ts";

/** What the hook entry knows of a runtime: little, since it starts with every event. */
export interface HookRuntime {
  /** Whether this session is a peer at all; if not, the hook ends at once. */
  isPeer(env: Record<string, string | undefined>): boolean;
  /** The agent CLI's process and what its environment says of the session. */
  describe(
    env: Record<string, string | undefined>,
  ): Pick<HookReport, "pid" | "config_dir" | "project_dir" | "entrypoint" | "opted_in" | "tmux">;
  /** Fields of the input that are large and that nobody reads. */
  unread: readonly string[];
  /** Events whose hook may wait for a person beside an open dialog. */
  waitsForVerdict(event: string): boolean;
  /**
   * What must be printed though the daemon did not say so; `isReached` is false when it did not answer. Such an event is not kept for
   * later: its moment is over.
   */
  insist?(event: string, input: unknown, isReached: boolean): Record<string, unknown> | undefined;
}
