import { type Context, createLive, type Effect, type PeerRecord, type Tx } from "../core/index.ts";
import type { ExportedMessage, ExportedPeer, MeshEvent, MessageId, PeerId } from "../protocol/index.ts";
import { memoryStore } from "../store/memory.ts";
import type { Run } from "./file.ts";

/**
 * The real core on a store in memory, without edges: no routes and no calls that wait, so nothing goes anywhere by itself. People's
 * clock is set to the instant of what is replayed; the awake clock stands still, so that no time runs out unless it is recorded.
 */
export interface ReplayMesh {
  /** Runs one decision at that instant; the ids it needs are those given. Returns the events that it made. */
  decide(at: number, ids: NextIds, decide: (ctx: Context) => void): MeshEvent[];
  read<T>(look: (tx: Tx) => T): T;
  /** Who that is; a seat that is gone is made from what its messages say. */
  peer(id: PeerId): PeerRecord;
  /** The text of a message; where bodies were left out, one of the same length and of its own. */
  bodyOf(message: ExportedMessage): string;
}

export interface NextIds {
  message(): MessageId;
  handle(): string;
}

export function createReplayMesh(run: Run): ReplayMesh {
  const store = memoryStore({ epoch: run.header.epoch });
  const live = createLive();
  const order = new Map(run.messages.map((message, index) => [message.id, index]));
  // Nothing here takes a seat or waits.
  const unused = () => {
    throw new Error("a replay makes no such id");
  };
  store.transaction((tx) => {
    for (const [seat, peer] of allPeers(run).entries()) tx.peers.put(recordOf(peer, seat + 1));
    // Their facts are in the file, their bytes are not: nothing in core looks into them.
    for (const { from, attachments } of run.messages)
      for (const { id, name, ...facts } of attachments)
        if (!tx.shelves.attachment.get(id))
          tx.shelves.attachment.put(id, {
            ...facts,
            id,
            name: name ?? id,
            owner: from,
            at: 0,
            messages: [],
            shown: {},
          });
  });

  return {
    decide(at, ids, decide) {
      const effects: Effect[] = [];
      store.transaction((tx) =>
        decide({
          tx,
          now: { wall: at, awake: 0 },
          ids: { peer: unused, secret: unused, message: ids.message, handle: ids.handle },
          live,
          config: { machine: "replay", inboundWithoutPrompts: "accept", budgets: NO_BUDGETS },
          effects,
          stirred: new Set(),
        }),
      );
      return effects.flatMap((effect) => (effect.type === "event" ? [effect.event] : []));
    },
    read: (look) => store.read(look),
    peer(id) {
      const peer = store.read((tx) => tx.peers.get(id));
      if (!peer) throw new Error(`${id} is in no record of the file`);
      return peer;
    },
    bodyOf: (message) => message.body ?? filler(message.body_bytes, order.get(message.id) ?? 0),
  };
}

/** What was refused then is not in the record, so nothing is counted now. */
const NO_BUDGETS = {
  pairPerMinute: 0,
  pairPerNight: 0,
  circlePerMinute: 0,
  threadDepth: Number.MAX_SAFE_INTEGER,
};

function allPeers(run: Run): ExportedPeer[] {
  const known = new Map(run.peers.map((peer) => [peer.id, peer]));
  const add = (id: PeerId, message: ExportedMessage | undefined) => {
    if (known.has(id)) return;
    const own = message?.from === id ? message : undefined;
    known.set(id, {
      id,
      name: own?.from_name ?? `gone-${known.size}`,
      circle: own?.from_circle ?? message?.from_circle ?? "default",
      role: own?.from_role ?? "agent",
      runtime: "mcp",
      machine: "replay",
    });
  };
  for (const message of run.messages) add(message.from, message);
  const byId = new Map(run.messages.map((message) => [message.id, message]));
  for (const delivery of run.deliveries) add(delivery.peer, byId.get(delivery.message));
  return [...known.values()];
}

/** Gates and presence decided before what is recorded; here all are online and take everything. */
function recordOf(peer: ExportedPeer, seat: number): PeerRecord {
  return {
    ...peer,
    seat,
    presence: { state: "online", since: 0 },
    capabilities: [],
    identity: "proven",
    inbound_policy: "accept",
    proofs: {},
    had_link: false,
    last_seen_at: 0,
    joined_at: 0,
  };
}

/** Different for each message: the same question asked twice is one question. */
function filler(bytes: number, index: number): string {
  return index.toString(36).padStart(bytes, ".").slice(-bytes);
}
