import type { PeerRecord } from "../core/index.ts";
import {
  ancestry,
  bootId,
  isAlive,
  type LoopbackConnection,
  ownsConnection,
  type ProcessInfo,
  processExecutable,
} from "../platform/process.ts";
import { RepowireError, type SessionClaim, sameInstance } from "../protocol/index.ts";

/**
 * Checks a session's claim against the process table: the agent's process lives, belongs to this user, and the process behind
 * this very connection is that process or a descendant of it. Returns `asserted` where the system does not tell.
 */
export function checkSession(
  claim: SessionClaim,
  connection: LoopbackConnection | undefined,
  peers: readonly PeerRecord[],
): "proven" | "asserted" {
  if (!isAlive(claim.process)) {
    throw new RepowireError(
      "unauthorized",
      `Process ${claim.process.pid} is not the running session it is said to be. Restart the session.`,
    );
  }
  const chain = ancestry(claim.link_pid);
  const session = chain.find((info) => info.pid === claim.process.pid);
  if (!session) {
    throw new RepowireError(
      "unauthorized",
      `Process ${claim.link_pid} does not belong to session ${claim.process.pid}. A link is for the session that started it.`,
    );
  }
  if (session.uid !== process.getuid?.()) {
    throw new RepowireError("unauthorized", `Process ${claim.process.pid} belongs to another user.`);
  }
  checkOutermost(chain, claim.process.pid, peers);
  const owns = connection ? ownsConnection(claim.link_pid, connection) : undefined;
  if (owns === false) {
    throw new RepowireError(
      "unauthorized",
      `This connection does not come from process ${claim.link_pid}, as it says.`,
    );
  }
  return owns ? "proven" : "asserted";
}

/** Programs that other people's and agents' processes hang under alike: whoever claimed one of them would be all of these. */
const PARENTS_OF_ALL = /^(?:systemd|init|launchd|tmux|screen|zellij|sshd|login|tini|docker-init|dumb-init)$/;
/** The first process of a container may be an agent CLI itself, or what it runs on; elsewhere it takes in everybody's orphans. */
const FIRST_MAY_BE = /^(?:node|bun|deno|claude|codex|gemini|opencode)(?:$|\W)/;

/**
 * A process may speak for the session that it belongs to, and for none around that one: an ancestor's seat would be the seat of everything
 * that runs below it. `chain` begins with the speaking process; `pid` is the session's process in it.
 */
export function checkOutermost(chain: readonly ProcessInfo[], pid: number, peers: readonly PeerRecord[]): void {
  for (const info of chain) {
    if (info.pid === pid) break;
    const instance = { pid: info.pid, started: info.started, boot: bootId() };
    const nearer = peers.find((peer) => peer.presence.state !== "offline" && sameInstance(peer.instance, instance));
    if (nearer)
      throw new RepowireError(
        "unauthorized",
        `This comes from the session ${nearer.name} (process ${info.pid}); it cannot speak for process ${pid}, which it runs in.`,
      );
  }
  const program = processExecutable(pid)?.split("/").at(-1) ?? "";
  if (PARENTS_OF_ALL.test(program) || (pid === 1 && !FIRST_MAY_BE.test(program)))
    throw new RepowireError("unauthorized", `Process ${pid} (${program || "unknown"}) is no agent session.`);
}
