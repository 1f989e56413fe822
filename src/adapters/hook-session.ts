import {
  type Context,
  claimSeat,
  endDeadSessions,
  othersOnline,
  type PeerRecord,
  type SessionStart,
} from "../core/index.ts";
import { readCheckout, realPath } from "../platform/checkout.ts";
import { ancestors, type Instance, isAlive } from "../platform/process.ts";
import { readProjectFile } from "../platform/project-file.ts";
import { CircleName, type HookReport, PeerName, type Runtime } from "../protocol/index.ts";
import { sessionStartLine } from "../words/index.ts";

/** The session that a hook reports on, for its seat. */
export function sessionStartOf(
  runtime: Runtime,
  given: HookReport,
  cwd: string,
  conversation: string,
  instance: Instance | undefined,
): SessionStart {
  const path = realPath(given.project_dir ?? cwd);
  const checkout = readCheckout(path);
  const project = readProjectFile(checkout?.root ?? path);
  return {
    runtime,
    role: "agent",
    instance,
    conversation,
    path,
    branch: checkout?.branch,
    worktree_of: checkout?.worktreeOf,
    name: PeerName.safeParse(given.name ?? project.name).data,
    circle: CircleName.safeParse(given.circle ?? project.circle).data,
    config_dir: given.config_dir,
    capabilities: ["hooks"],
    identity: "proven",
    ancestors: instance && ancestors(instance.pid),
  };
}

/** Told from the spool: its hook has ended, so nothing that it would print reaches the session. */
export const isReplay = (given: HookReport): boolean => given.spooled_at !== undefined;

/** What a session is told at its start: who it is, who else is there, what is open. */
export function meshLine(ctx: Context, peer: PeerRecord): string {
  const others = othersOnline(ctx, peer);
  const open = ctx.tx.asks
    .openTo(peer.id)
    .map((ask) => ({ handle: ask.handle, from: ctx.tx.peers.get(ask.asker)?.name ?? "?" }));
  return sessionStartLine({
    name: peer.name,
    circle: peer.circle,
    online: others.map((other) => ({ name: other.name, runtime: other.runtime, description: other.description })),
    total: others.length,
    open,
    unread: ctx.tx.deliveries.count(peer.id, ["queued", "held"]),
  });
}

/** For a session that has no seat yet; of its folder's seats those of processes that just died are free. */
export function claimSeatAnew(ctx: Context, start: SessionStart): PeerRecord {
  endDeadSessions(ctx, start, isAlive);
  return claimSeat(ctx, start);
}
