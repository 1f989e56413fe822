import { runBriefly } from "../run.ts";
import { type Finding, ok, warn } from "./finding.ts";

const VERSION_MS = 3_000;

/** What sessions are started in. */
export async function lookAtTmux(env: Record<string, string | undefined>): Promise<Finding[]> {
  const install =
    process.platform === "darwin"
      ? "brew install tmux"
      : "install tmux with your system's packages (apt-get install tmux)";
  const program = Bun.which("tmux", { PATH: env.PATH ?? "" });
  if (!program) return [warn("tmux", "not found: no session can be started, and no pane attached", install)];
  const result = await runBriefly([program, "-V"], { cwd: "/", env, timeoutMs: VERSION_MS });
  const version = result?.out.trim();
  return version ? [ok("tmux", version)] : [warn("tmux", `${program} -V gave no version`, "see whether it starts")];
}
