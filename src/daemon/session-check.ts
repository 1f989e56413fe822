import type { Engine } from "../core/index.ts";
import {
  ancestry,
  isAlive,
  type LoopbackConnection,
  ownsConnection,
  type ProcessInfo,
  processExecutable,
} from "../platform/process.ts";
import { RepowireError, type SessionClaim } from "../protocol/index.ts";
import { peerOfChain } from "./callers.ts";

/**
 * Checks a session's claim against the process table: the agent's process lives, belongs to this user, and the process behind
 * this very connection is that process or a descendant of it. Returns `asserted` where the system does not tell.
 */
export function checkSession(
  engine: Engine,
  claim: SessionClaim,
  connection: LoopbackConnection | undefined,
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
  checkOutermost(engine, chain, claim.process.pid);
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
 * that runs below it. `chain` begins with the speaking process and holds `pid`, the session's own.
 */
export function checkOutermost(engine: Engine, chain: readonly ProcessInfo[], pid: number): void {
  const below = chain.slice(
    0,
    chain.findIndex((info) => info.pid === pid),
  );
  const nearer = peerOfChain(engine, below);
  if (nearer)
    throw new RepowireError(
      "unauthorized",
      `This comes from the session ${nearer.name} (process ${nearer.instance?.pid}); it cannot speak for process ${pid}, which it runs in.`,
    );
  const program = processExecutable(pid)?.split("/").at(-1) ?? "";
  if (PARENTS_OF_ALL.test(program) || (pid === 1 && !FIRST_MAY_BE.test(program)))
    throw new RepowireError("unauthorized", `Process ${pid} (${program || "unknown"}) is no agent session.`);
}
