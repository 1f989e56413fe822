import { statSync } from "node:fs";
import { ancestry, processEnv } from "../../platform/process.ts";
import { type TmuxServer, tmuxServer } from "./server.ts";

/** The pane that a process runs in. */
export interface Pane {
  readonly server: TmuxServer;
  /** `%3`: never used again by that server while it lives. */
  readonly id: string;
  /** The process that the pane was opened with, an ancestor of the session or the session itself. */
  readonly rootPid: number;
  /** As people name it: `work:1.0`. */
  readonly label: string;
}

/** What a hook found in the environment of its session; only ever a hint for where to look. */
export interface PaneHint {
  /** The value of `TMUX`: socket, server pid and session, with commas between. */
  tmux?: string;
}

/** A pane's id as tmux writes it: the only text of this kind that is ever put into a command. */
export const PANE_ID = /^%\d+$/;

/**
 * Finds the pane of a process. The server is the one that the process's own environment names, since a machine may have several; the
 * pane is the one whose first process is among the ancestors of this one. What the environment says of the pane is not believed: it
 * is inherited through anything. Undefined when the process runs in no pane; throws `TmuxError` when tmux cannot be asked.
 */
export async function findPane(pid: number, hint: PaneHint = {}): Promise<Pane | undefined> {
  const socket = (processEnv(pid, "TMUX") ?? hint.tmux)?.split(",")[0];
  if (!socket || !isOwnSocket(socket)) return undefined;
  const server = tmuxServer(socket);
  const listing = await server.run([
    "list-panes",
    "-a",
    "-F",
    "#{pane_id}\t#{pane_pid}\t#{session_name}:#{window_index}.#{pane_index}",
  ]);
  const panes = listing
    .split("\n")
    .map((line) => line.split("\t"))
    .flatMap(([id, rootPid, label]) =>
      id && PANE_ID.test(id) && label ? [{ server, id, rootPid: Number(rootPid), label }] : [],
    );
  // Nearest first, so that a pane inside a pane is found as the inner one.
  for (const info of ancestry(pid)) {
    const pane = panes.find((candidate) => candidate.rootPid === info.pid);
    if (pane) return pane;
  }
  return undefined;
}

/** A socket of somebody else would be a server that shows and takes what somebody else wants. */
function isOwnSocket(path: string): boolean {
  const found = path.startsWith("/") ? statSync(path, { throwIfNoEntry: false }) : undefined;
  return found?.isSocket() === true && found.uid === process.getuid?.();
}
