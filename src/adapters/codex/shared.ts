import { processArgs, processEnv } from "../../platform/process.ts";
import { RepowireError } from "../../protocol/index.ts";
import type { SharedServer } from "../adapter.ts";
import type { CodexHome } from "./home.ts";
import { isAppServer } from "./threads.ts";
import { codexHomeOf } from "./tui.ts";

/** Whose calls come through Codex's shared server: each names its thread, and the server must be the one that holds it. */
export function createSharedServer(homeAt: (codexHome: string) => CodexHome): SharedServer {
  return {
    isShared: (process) => isAppServer(processArgs(process.pid)),
    // Set for every command that a thread runs (0.169.0).
    sessionOfCommand: (pid) => processEnv(pid, "CODEX_THREAD_ID"),
    sessionOfCall: (meta) => (typeof meta?.threadId === "string" ? meta.threadId : undefined),
    async caller(process, session) {
      const path = codexHomeOf(process.pid);
      const home = path === undefined ? undefined : homeAt(path);
      const isServer = home?.isUp === true && (home.serverPid === undefined || home.serverPid === process.pid);
      if (session === undefined || !home)
        throw new RepowireError(
          "unauthorized",
          "This call comes from Codex's background server without the thread that makes it, so nobody can tell whose it is. Call from a Codex session.",
        );
      const owner = await home.sessionOf(session);
      if (!owner || !isServer)
        throw new RepowireError(
          "not_a_peer",
          "No Codex terminal shows the thread that makes this call (a headless run, or one whose terminal is gone), so it is no peer of the mesh.",
        );
      return { peer: owner.session.peer, isSubagent: owner.isSubagent };
    },
  };
}
