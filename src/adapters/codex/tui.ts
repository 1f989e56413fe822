import { realPath } from "../../platform/checkout.ts";
import {
  commandLines,
  type Instance,
  instanceOf,
  listenerOwner,
  processArgs,
  processCwd,
  processEnv,
  processInfo,
} from "../../platform/process.ts";
import type { ControlClient } from "./control.ts";
import { isTui } from "./threads.ts";
import { McpStatus, type Thread } from "./wire.ts";

/** The terminal that shows a thread. */
export interface Tui {
  instance: Instance;
  /**
   * Each TUI offers its threads an MCP server of its own, `codex_tui`, on a loopback port (0.169.0); the shared server names the
   * port for each thread, the system names the process that listens there: that proves which terminal a thread belongs to.
   */
  identity: "proven" | "asserted";
}

const TUI_SERVER = "codex_tui";

export async function findTui(
  control: ControlClient,
  thread: Thread,
  codexHome: string,
  isTaken: (pid: number) => boolean,
): Promise<Tui | undefined> {
  const port = await tuiPort(control, thread.id);
  const owner = port === undefined ? undefined : listenerOwner(port);
  if (owner !== undefined && isOwnTui(owner)) {
    const instance = instanceOf(owner);
    return instance && { instance, identity: "proven" };
  }
  if (port !== undefined) return undefined;
  return onlyCandidate(thread, codexHome, isTaken);
}

async function tuiPort(control: ControlClient, threadId: string): Promise<number | undefined> {
  const { data } = await control.call(
    "mcpServerStatus/list",
    { threadId, serverName: TUI_SERVER, detail: "toolsAndAuthOnly" },
    McpStatus,
  );
  const origin = data.find((server) => server.name === TUI_SERVER)?.httpOrigin;
  const port = Number(origin?.match(/^http:\/\/127\.0\.0\.1:(\d+)$/)?.[1]);
  return port > 0 ? port : undefined;
}

/** Without that server: the one terminal of this home in that folder, if there is just one. Likely, not proven. */
function onlyCandidate(thread: Thread, codexHome: string, isTaken: (pid: number) => boolean): Tui | undefined {
  const folder = realPath(thread.cwd);
  const found = commandLines().filter(
    ({ pid, args }) =>
      isTui(args) &&
      isOwnTui(pid) &&
      !isTaken(pid) &&
      codexHomeOf(pid) === codexHome &&
      processCwd(pid) === folder &&
      processInfo(pid)?.hasTerminal === true,
  );
  const instance = found.length === 1 && found[0] ? instanceOf(found[0].pid) : undefined;
  return instance && { instance, identity: "asserted" };
}

/**
 * The one terminal that was started to resume this thread, by its own command line. The shared server goes on naming the port of the
 * terminal before it, where nobody listens any more (0.169.0).
 */
export function findResumed(thread: Thread, codexHome: string, isTaken: (pid: number) => boolean): Tui | undefined {
  const found = commandLines().filter(
    ({ pid, args }) =>
      args.includes("resume") &&
      args.includes(thread.id) &&
      isOwnTui(pid) &&
      !isTaken(pid) &&
      codexHomeOf(pid) === codexHome &&
      processInfo(pid)?.hasTerminal === true,
  );
  const instance = found.length === 1 && found[0] ? instanceOf(found[0].pid) : undefined;
  return instance && { instance, identity: "asserted" };
}

export const isOwnTui = (pid: number): boolean =>
  processInfo(pid)?.uid === process.getuid?.() && isTui(processArgs(pid)) && processEnv(pid, "REPOWIRE_PEER") !== "0";

/** The CODEX_HOME of a process, from the environment that it was started with. */
export function codexHomeOf(pid: number): string | undefined {
  const named = processEnv(pid, "CODEX_HOME");
  if (named) return realPath(named);
  const home = processEnv(pid, "HOME");
  return home ? realPath(`${home}/.codex`) : undefined;
}
