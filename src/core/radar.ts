import { LIMITS, type PeerId } from "../protocol/index.ts";
import { type BucketSize, isSpent, spend } from "./budget.ts";
import type { Context } from "./context.ts";
import { effectiveInbound } from "./inbound.ts";
import { pairKey } from "./loop-guard.ts";
import { acceptNotice } from "./mailbox.ts";
import type { PeerRecord, Tx } from "./ports.ts";

/**
 * Two sessions that write the same file of one checkout hear of each other, once. It is kept in memory only: after a restart of the
 * daemon what was written before is not known, and a warning may come once more.
 */
export interface Radar {
  /** When this peer was last known to write that file; epoch ms. */
  lastWrite(peer: PeerId, file: string): number | undefined;
  noteWrite(tx: Tx, peer: PeerId, file: string, at: number): void;
  wasTold(pair: string, file: string, since: number): boolean;
  noteTold(tx: Tx, pair: string, file: string, at: number): void;
  /** How many files and warnings are remembered. */
  readonly size: number;
}

export function createRadar(): Radar {
  const writes = new Map<PeerId, Map<string, number>>();
  const told = new Map<string, number>();

  /** The newest stand last; the oldest are forgotten first. */
  function put<K>(tx: Tx, map: Map<K, number>, key: K, at: number, max: number): void {
    const before = map.get(key);
    map.delete(key);
    map.set(key, at);
    for (const oldest of map.keys()) {
      if (map.size <= max) break;
      map.delete(oldest);
    }
    tx.onRollback(() => {
      if (before === undefined) map.delete(key);
      else map.set(key, before);
    });
  }

  return {
    lastWrite: (peer, file) => writes.get(peer)?.get(file),
    noteWrite(tx, peer, file, at) {
      const own = writes.get(peer) ?? new Map<string, number>();
      writes.delete(peer);
      writes.set(peer, own);
      for (const oldest of writes.keys()) {
        if (writes.size <= LIMITS.radarPeersMax) break;
        writes.delete(oldest);
      }
      put(tx, own, file, at, LIMITS.radarFilesPerPeerMax);
    },
    wasTold: (pair, file, since) => (told.get(`${pair} ${file}`) ?? Number.NEGATIVE_INFINITY) > since,
    noteTold: (tx, pair, file, at) => put(tx, told, `${pair} ${file}`, at, LIMITS.radarToldMax),
    get size() {
      return told.size + [...writes.values()].reduce((sum, files) => sum + files.size, 0);
    },
  };
}

/** What is about to be written, or was: `file` is a real path in the checkout of the peer that writes. */
export interface FileWrite {
  peer: PeerId;
  file: string;
  /** Epoch ms. */
  at: number;
}

/** The texts of a warning, for the one who writes now and for the one who wrote before. */
export interface CollisionWords {
  toSecond(first: PeerRecord, agoMs: number): string;
  toFirst(second: PeerRecord, agoMs: number): string;
}

const perHour: BucketSize = { max: LIMITS.radarPairPerHourMax, fullInMs: LIMITS.radarToldMs };

/**
 * Notes a write and warns both sides where another live session of the circle wrote that file lately. Returns whether the one who
 * writes now was warned. A report can only name files of the reporter's own checkout, and a pair has a budget: nobody makes a
 * storm of warnings for another.
 */
export function noteFileWrite(ctx: Context, radar: Radar, given: FileWrite, words: CollisionWords): boolean {
  // A record that claims the future would be news again and again.
  const write = { ...given, at: Math.min(given.at, ctx.now.wall) };
  const second = ctx.tx.peers.get(write.peer);
  if (!second || ctx.now.wall - write.at > LIMITS.radarWindowMs) return false;
  const before = radar.lastWrite(second.id, write.file) ?? Number.NEGATIVE_INFINITY;
  // Heard of late, and known already.
  if (before >= write.at) return false;
  radar.noteWrite(ctx.tx, second.id, write.file, write.at);
  let isWarned = false;
  for (const first of ctx.tx.peers.all()) {
    const agoMs = write.at - (radar.lastWrite(first.id, write.file) ?? Number.NEGATIVE_INFINITY);
    if (!mayCollide(first, second) || agoMs > LIMITS.radarWindowMs || !takeTurn(ctx, radar, first, second, write))
      continue;
    const isLate = agoMs < 0;
    isWarned = warn(ctx, first, second, words.toSecond(first, Math.abs(agoMs))) || isWarned;
    warn(ctx, second, first, isLate ? words.toSecond(second, -agoMs) : words.toFirst(second, agoMs));
  }
  return isWarned;
}

/** A session sees those of its own circle; what is over cannot be in anybody's way. */
function mayCollide(first: PeerRecord, second: PeerRecord): boolean {
  return first.id !== second.id && first.circle === second.circle && first.presence.state !== "offline";
}

/** Once for each pair, file and hour, and only so many a pair. */
function takeTurn(ctx: Context, radar: Radar, first: PeerRecord, second: PeerRecord, { file }: FileWrite): boolean {
  const pair = pairKey(first.id, second.id);
  const key = `radar ${pair}`;
  if (radar.wasTold(pair, file, ctx.now.wall - LIMITS.radarToldMs) || isSpent(ctx, key, perHour)) return false;
  radar.noteTold(ctx.tx, pair, file, ctx.now.wall);
  spend(ctx, key, perHour);
  return true;
}

function warn(ctx: Context, from: PeerRecord, to: PeerRecord, body: string): boolean {
  if (!takesNotices(ctx, to)) return false;
  acceptNotice(ctx, { from, to, body, urgency: "fyi" });
  return true;
}

/** Our own news never wait at a gate, where they would ring for a person, and never fill a mailbox. */
export function takesNotices(ctx: Context, to: PeerRecord): boolean {
  const unread = ctx.tx.deliveries.count(to.id, ["queued", "held", "leased"]);
  return effectiveInbound(ctx, to).policy === "accept" && unread < LIMITS.noticesUnreadMax;
}
