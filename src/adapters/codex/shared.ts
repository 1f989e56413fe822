import { type ProcessInfo, processArgs, processEnv } from "../../platform/process.ts";
import { RepowireError } from "../../protocol/index.ts";
import type { SharedServer } from "../adapter.ts";
import type { CodexHome } from "./home.ts";
import { isAppServer, isHeadless, isTui } from "./threads.ts";
import { codexHomeOf } from "./tui.ts";

const EMBEDDED_WAIT_MS = 4_000;
const EMBEDDED_LOOK_MS = 200;

/** Whose calls come from a Codex process: each names its thread, and the process must be the one that holds it. */
export function createSharedServer(homeAt: (codexHome: string) => CodexHome): SharedServer {
  function homeOf(process: ProcessInfo): CodexHome {
    const path = codexHomeOf(process.pid);
    if (path === undefined)
      throw new RepowireError(
        "unauthorized",
        "The Codex process behind this call has ended. Call from a live session.",
      );
    return homeAt(path);
  }

  async function onServer(process: ProcessInfo, thread: string) {
    const home = homeOf(process);
    const owner = await home.sessionOf(thread);
    const isServer = home.isUp && (home.serverPid === undefined || home.serverPid === process.pid);
    return owner && isServer ? { peer: owner.session.peer, isSubagent: owner.isSubagent } : undefined;
  }

  /** A terminal that runs its agent itself has one seat; a call of another thread than the one it shows is of a sub-agent, or may be. */
  async function ofTerminal(process: ProcessInfo, thread: string | undefined) {
    const { embedded } = homeOf(process);
    const deadline = Date.now() + EMBEDDED_WAIT_MS;
    do {
      await embedded.scan();
      const own = embedded.sessions().find((session) => session.instance.pid === process.pid);
      if (own) return { peer: own.peer, isSubagent: thread !== undefined && own.thread !== thread };
      await Bun.sleep(EMBEDDED_LOOK_MS);
    } while (Date.now() < deadline);
    return undefined;
  }

  return {
    isShared({ pid }) {
      const args = processArgs(pid);
      if (isHeadless(args)) return processEnv(pid, "REPOWIRE_PEER") !== "1";
      return isAppServer(args) || isTui(args);
    },
    // Set for every command that a thread runs (0.169.0).
    sessionOfCommand: (pid) => processEnv(pid, "CODEX_THREAD_ID"),
    sessionOfCall: (meta) => (typeof meta?.threadId === "string" ? meta.threadId : undefined),
    async caller(process, session) {
      const args = processArgs(process.pid);
      if (isAppServer(args) && session === undefined)
        throw new RepowireError(
          "unauthorized",
          "This call comes from Codex's background server without the thread that makes it, so nobody can tell whose it is. Call from a Codex session.",
        );
      const owner = isTui(args)
        ? await ofTerminal(process, session)
        : session !== undefined && isAppServer(args)
          ? await onServer(process, session)
          : undefined;
      if (owner) return owner;
      throw new RepowireError(
        "not_a_peer",
        "No Codex terminal shows the thread that makes this call (a headless run, or one whose terminal is gone), so it is no peer of the mesh.",
      );
    },
  };
}
