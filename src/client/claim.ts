import { readCheckout, realPath } from "../platform/checkout.ts";
import { instanceOf } from "../platform/process.ts";
import { readProjectFile } from "../platform/project-file.ts";
import { CircleName, PeerName, RepowireError, type Runtime, type SessionClaim } from "../protocol/index.ts";

/** What a process that an agent CLI started knows of its session. */
export interface OwnSession {
  runtime: Runtime;
  env: Record<string, string | undefined>;
  /** Process of the agent CLI. */
  cliPid: number;
  /** The session's folder. */
  folder: string;
  configDir?: string;
  conversation?: string;
}

/** The claim of such a process; name and circle come from the environment, else from the project's file. */
export function claimOf(session: OwnSession): SessionClaim {
  const { env, cliPid } = session;
  const instance = instanceOf(cliPid);
  if (!instance) throw new RepowireError("unauthorized", "The session that started this process has ended.");
  const path = realPath(session.folder);
  const checkout = readCheckout(path);
  const project = readProjectFile(checkout?.root ?? path);
  return {
    runtime: session.runtime,
    process: instance,
    link_pid: process.pid,
    conversation: session.conversation,
    path,
    branch: checkout?.branch,
    worktree_of: checkout?.worktreeOf,
    name: PeerName.safeParse(env.REPOWIRE_NAME ?? project.name).data,
    circle: CircleName.safeParse(env.REPOWIRE_CIRCLE ?? project.circle).data,
    config_dir: session.configDir,
  };
}
