import type { Database } from "bun:sqlite";
import type { PeerRecord } from "../../core/ports.ts";
import type { PeerId } from "../../protocol/index.ts";
import { deepFreeze } from "../freeze.ts";
import type { Dirty } from "./dirty.ts";
import type { Statements } from "./statements.ts";

/** The tables that follow the journal: what they hold at the start, and how they are brought up to what was committed. */

/** Everything that waits goes into its table, in the transaction that runs. */
export function writeTables(sql: Statements, dirty: Dirty): void {
  for (const [id, peer] of dirty.peers) {
    if (peer) sql.peers.put(peer);
    else sql.peers.remove(id);
  }
  for (const message of dirty.messages.values()) sql.messages.insert(message);
  for (const delivery of dirty.deliveries.values()) sql.deliveries.put(delivery);
  for (const ask of dirty.asks.values()) sql.asks.put(ask);
  for (const approval of dirty.approvals.values()) sql.approvals.put(approval);
  for (const event of dirty.events) sql.events.insert(event);
  for (const [key, value] of dirty.meta) sql.meta.set(key, value);
  for (const record of dirty.shelved.values()) sql.shelves.put(record);
}

export function storedPeers(sql: Statements, dirty: Dirty): [PeerId, PeerRecord][] {
  const stored = sql.peers.all().map((row) => parsePeer(row.doc));
  const changed = [...dirty.peers].flatMap(([id, peer]): [PeerId, PeerRecord][] => (peer ? [[id, peer]] : []));
  return [...stored.filter(([id]) => !dirty.peers.has(id)), ...changed];
}

/** Seats are handed out from memory: frozen, so that nobody who holds one can change it for all others. */
function parsePeer(doc: string): [PeerId, PeerRecord] {
  const peer = deepFreeze(JSON.parse(doc) as PeerRecord); // written by `tx.peers.put` from a PeerRecord
  return [peer.id, peer];
}

/** The highest number of a delivery, of those that wait and those that are `known`. */
export function newestOf(dirty: Dirty, known: number): number {
  let newest = known;
  for (const { seq } of dirty.deliveries.values()) if (seq > newest) newest = seq;
  return newest;
}

/** `sql` selects one number as `n`; 0 where there is none. */
export function highest(db: Database, sql: string): number {
  return db.query<{ n: number | null }, []>(sql).get()?.n ?? 0;
}
