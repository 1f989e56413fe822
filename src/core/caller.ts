import { type PeerId, RepowireError, type Role } from "../protocol/index.ts";
import type { Context } from "./context.ts";
import type { PeerRecord } from "./ports.ts";

/** Who makes a call, as its credential says; nothing of it comes from the request's own fields. */
export interface Caller {
  peer: PeerId;
  role: Role;
  /** A person at a terminal outside every agent, or logged in to the dashboard. */
  isHuman: boolean;
  /** The chain of processes behind the call, logged with each use of a person's rights. */
  chain?: string;
  /** The browser login that it came by, if it did. */
  login?: string;
  /** Whether the call may come from a subagent of the session: such calls act for the seat but prove nothing about its main conversation. */
  mayBeSubagent: boolean;
}

/** The caller's own seat; it must exist, since a credential is always for one. */
export function seatOf(ctx: Context, caller: Caller): PeerRecord {
  const peer = ctx.tx.peers.get(caller.peer);
  if (!peer)
    throw new RepowireError("not_a_peer", "Your seat in the mesh was removed. Restart the session to join again.");
  return peer;
}
