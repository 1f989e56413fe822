import { ancestry, isAlive, type LoopbackConnection, ownsConnection } from "../platform/process.ts";
import { RepowireError, type SessionClaim } from "../protocol/index.ts";

/**
 * Checks a session's claim against the process table: the agent's process lives, belongs to this user, and the process behind
 * this very connection is that process or a descendant of it. Returns `asserted` where the system does not tell.
 */
export function checkSession(claim: SessionClaim, connection: LoopbackConnection | undefined): "proven" | "asserted" {
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
  const owns = connection ? ownsConnection(claim.link_pid, connection) : undefined;
  if (owns === false) {
    throw new RepowireError(
      "unauthorized",
      `This connection does not come from process ${claim.link_pid}, as it says.`,
    );
  }
  return owns ? "proven" : "asserted";
}
