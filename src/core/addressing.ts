import { RepowireError, type Role } from "../protocol/index.ts";
import type { Context } from "./context.ts";
import type { PeerRecord } from "./ports.ts";

/** Roles that see and reach every circle; agents see their own, and people wherever they sit. */
const WIDE_VIEW: readonly Role[] = ["orchestrator", "human", "service"];
const NAMES_SHOWN = 8;

export function mayReach(from: PeerRecord, to: PeerRecord): boolean {
  return WIDE_VIEW.includes(from.role) || to.role === "human" || from.circle === to.circle;
}

/**
 * Finds the one peer that `text` names, among those that `from` may reach: a name, `name@circle`, `name@machine`, an id, or the
 * beginning of an id that fits no other. Refuses with the candidates when none or several fit.
 */
export function resolvePeer(ctx: Context, from: PeerRecord, text: string): PeerRecord {
  const wanted = text.trim().replace(/^@/, "");
  const reachable = ctx.tx.peers.all().filter((peer) => mayReach(from, peer));
  const fits = matching(reachable, wanted);
  const found = fits.length > 1 ? preferLive(fits) : fits;
  if (found.length === 1 && found[0]) return found[0];
  if (found.length === 0) throw notFound(from, reachable, wanted);
  const candidates = found.map((peer) => `${peer.name}@${peer.circle}`).join(", ");
  throw new RepowireError(
    "peer_ambiguous",
    `"${wanted}" fits ${found.length} peers: ${candidates}. Use one of these addresses, or an id from list_peers.`,
  );
}

function matching(peers: PeerRecord[], wanted: string): PeerRecord[] {
  const exact = peers.filter((peer) => peer.id === wanted || peer.name === wanted);
  if (exact.length > 0) return exact;
  const at = wanted.lastIndexOf("@");
  if (at > 0) {
    const name = wanted.slice(0, at);
    const place = wanted.slice(at + 1);
    return peers.filter((peer) => peer.name === name && (peer.circle === place || peer.machine === place));
  }
  const prefix = wanted.startsWith("peer_") ? wanted : `peer_${wanted}`;
  if (prefix.length >= "peer_".length + 4) {
    const byPrefix = peers.filter((peer) => peer.id.startsWith(prefix));
    if (byPrefix.length > 0) return byPrefix;
  }
  const folded = wanted.toLowerCase();
  return peers.filter((peer) => peer.name.toLowerCase() === folded);
}

/** Where one of several is alive and the others are empty seats in other circles, the live one is meant. */
function preferLive(peers: PeerRecord[]): PeerRecord[] {
  const live = peers.filter((peer) => peer.presence.state !== "offline");
  return live.length === 1 ? live : peers;
}

function notFound(from: PeerRecord, reachable: PeerRecord[], wanted: string): RepowireError {
  const others = reachable.filter((peer) => peer.id !== from.id && peer.role !== "human");
  const online = others.filter((peer) => peer.presence.state !== "offline").map((peer) => peer.name);
  const shown =
    online.slice(0, NAMES_SHOWN).join(", ") + (online.length > NAMES_SHOWN ? `, +${online.length - NAMES_SHOWN}` : "");
  const list =
    online.length > 0
      ? `Online: ${shown}.`
      : "Nobody else is online; list_peers with include_offline shows empty seats.";
  return new RepowireError(
    "peer_not_found",
    `No peer named "${printable(wanted)}" in circle "${from.circle}". ${list}`,
  );
}

/** What a caller typed, safe and short enough to repeat in a sentence. */
export function printable(text: string): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}]/gu, "?");
  return clean.length > 60 ? `${clean.slice(0, 60)}…` : clean;
}
