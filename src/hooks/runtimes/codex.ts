import { ancestry, processArgs } from "../../platform/process.ts";
import type { HookRuntime } from "./runtime.ts";

/**
 * Codex starts hooks from the process that runs the agent: its shared server, or the TUI itself where there is none (0.169.0). A
 * shell may stand between.
 */
function codexPid(): number {
  const found = ancestry(process.ppid).find((info) => processArgs(info.pid)[0]?.split("/").at(-1) === "codex");
  return found?.pid ?? process.ppid;
}

export const codex: HookRuntime = {
  // The environment is that of whichever terminal started the server: a wish to stay out of the mesh is read from the session's own.
  isPeer: () => true,
  describe: (env) => ({ pid: codexPid(), opted_in: env.REPOWIRE_PEER === "1" }),
  unread: ["tool_response"],
  // While a hook waits, the TUI shows no dialog: verdicts go by the control socket.
  waitsForVerdict: () => false,
};
