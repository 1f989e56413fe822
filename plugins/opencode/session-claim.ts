import { homedir } from "node:os";
import { join } from "node:path";
import { readCheckout, realPath } from "../../src/platform/checkout.ts";
import { instanceOf } from "../../src/platform/process.ts";
import { readProjectFile } from "../../src/platform/project-file.ts";
import { CircleName, PeerName, RepowireError, type SessionClaim } from "../../src/protocol/index.ts";

/** The seat's claim: this very process and this folder. */
export function claimOf(folder: string, env: Record<string, string | undefined>, conversation?: string): SessionClaim {
  const instance = instanceOf(process.pid);
  if (!instance) throw new RepowireError("unauthorized", "This process cannot be found in the process table.");
  const path = realPath(folder);
  const checkout = readCheckout(path);
  const project = readProjectFile(checkout?.root ?? path);
  return {
    runtime: "opencode",
    process: instance,
    key: path,
    link_pid: process.pid,
    conversation,
    path,
    branch: checkout?.branch,
    worktree_of: checkout?.worktreeOf,
    name: PeerName.safeParse(env.REPOWIRE_NAME ?? project.name).data,
    circle: CircleName.safeParse(env.REPOWIRE_CIRCLE ?? project.circle).data,
    config_dir:
      env.OPENCODE_CONFIG_DIR || join(env.XDG_CONFIG_HOME || join(env.HOME || homedir(), ".config"), "opencode"),
  };
}
