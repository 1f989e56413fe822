import type { DeliveryState, MeshEvent, MessageKind, Peer, PresenceState } from "../../protocol/index.ts";

/**
 * The mesh as it was at each event of a span, put together from the event log alone. What the log of that span does not tell is not
 * known, and is not guessed. No document in here, and no network.
 */
export interface ReplayPeer {
  id: string;
  name: string;
  circle: string;
  /** `unknown`: nothing in the span tells, and it has changed since. `absent`: it had no seat yet, or no more. */
  presence: PresenceState | "unknown" | "absent";
}

/** A message on its way to one peer. */
export interface Flight {
  message: string;
  /** Absent where the message was accepted before the span. */
  from?: string;
  to: string;
  kind?: MessageKind;
  state: DeliveryState | "entered";
}

export interface Instant {
  peers: Map<string, ReplayPeer>;
  /** By message and recipient. */
  flights: Map<string, Flight>;
  /** Questions of the span that are open: message to asker. */
  asks: Map<string, string>;
  /** Messages of the span that may still be delivered to somebody: who sent what. */
  accepted: Map<string, { from: string; kind?: MessageKind }>;
}

export interface Replay {
  readonly events: readonly MeshEvent[];
  /** Everybody who takes part in the span, in an order that does not change with the instant. */
  readonly cast: readonly string[];
  /** After the event at that index; -1: as the span began. What is returned is the caller's until the next call. */
  at(index: number): Instant;
}

/** Between two kept instants at most so many events are gone through. */
const CHECKPOINT = 250;
/** Senders of messages are remembered for what is delivered later; of the oldest of very many it is then not known. */
const ACCEPTED_MAX = 5_000;
const ENDED: ReadonlySet<string> = new Set<DeliveryState>(["seen", "refused", "expired", "dead", "cancelled"]);
const ASK_ENDED: ReadonlySet<string> = new Set(["answered", "declined", "failed", "cancelled", "expired"]);

/** `now`: the peers as they are now. */
export function createReplay(events: readonly MeshEvent[], now: readonly Peer[]): Replay {
  const start = startOf(events, now);
  const kept: Instant[] = [clone(start)];
  let state = clone(start);
  let reached = -1;

  function at(index: number): Instant {
    const wanted = Math.max(-1, Math.min(index, events.length - 1));
    if (wanted < reached) {
      const checkpoint = Math.floor((wanted + 1) / CHECKPOINT);
      state = clone(kept[checkpoint] ?? start);
      reached = checkpoint * CHECKPOINT - 1;
    }
    while (reached < wanted) {
      const event = events[++reached];
      if (event) apply(state, event);
      if ((reached + 1) % CHECKPOINT === 0) kept[(reached + 1) / CHECKPOINT] ??= clone(state);
    }
    return state;
  }

  return { events, cast: castOf(events, start), at };
}

function clone({ peers, flights, asks, accepted }: Instant): Instant {
  return { peers: new Map(peers), flights: new Map(flights), asks: new Map(asks), accepted: new Map(accepted) };
}

/** As the span began: from now backwards through every change that the span tells of with what was before it. */
function startOf(events: readonly MeshEvent[], now: readonly Peer[]): Instant {
  const peers = new Map<string, ReplayPeer>();
  const end = events.at(-1)?.at ?? 0;
  for (const { id, name, circle, presence, joined_at } of now) {
    if (joined_at > end && end > 0) continue;
    peers.set(id, { id, name, circle, presence: presence.since <= end ? presence.state : "unknown" });
  }
  for (const event of events.toReversed()) undo(peers, event);
  return { peers, flights: new Map(), asks: new Map(), accepted: new Map() };
}

function undo(peers: Map<string, ReplayPeer>, { type, peer: id, data }: MeshEvent): void {
  if (!id) return;
  const known = peers.get(id) ?? { id, name: text(data.name) || id, circle: "", presence: "absent" as const };
  const was = text(data.was);
  if (type === "peer.joined") peers.set(id, { ...known, presence: "absent" });
  else if (type === "peer.left") peers.set(id, { ...known, name: text(data.name) || known.name, presence: "unknown" });
  else if (type === "peer.presence" && was)
    peers.set(id, { ...known, presence: was as PresenceState }); // as core writes it
  else if (type === "peer.renamed" && was) peers.set(id, { ...known, name: was });
  else if (type === "peer.moved" && was) peers.set(id, { ...known, circle: was });
}

function apply(state: Instant, event: MeshEvent): void {
  const [subject, what = ""] = event.type.split(".");
  if (subject === "peer") applyToPeer(state.peers, event, what);
  else if (event.type === "message.accepted" && event.message && event.peer) {
    state.accepted.set(event.message, { from: event.peer, kind: event.data.kind as MessageKind });
    for (const oldest of state.accepted.keys()) if (state.accepted.size > ACCEPTED_MAX) state.accepted.delete(oldest);
    if (event.data.kind === "ask") state.asks.set(event.message, event.peer);
  } else if (subject === "delivery") applyToFlight(state, event, what);
  else if (subject === "ask" && event.message && ASK_ENDED.has(what)) state.asks.delete(event.message);
}

function applyToPeer(peers: Map<string, ReplayPeer>, { peer: id, data }: MeshEvent, what: string): void {
  if (!id) return;
  const name = text(data.name);
  const known = peers.get(id) ?? { id, name: name || id, circle: "", presence: "unknown" as const };
  if (what === "joined")
    peers.set(id, { ...known, name: name || known.name, circle: text(data.circle), presence: "online" });
  else if (what === "left") peers.set(id, { ...known, presence: "absent" });
  else if (what === "presence") peers.set(id, { ...known, presence: data.state as PresenceState });
  else if (what === "renamed" && name) peers.set(id, { ...known, name });
  else if (what === "moved") peers.set(id, { ...known, circle: text(data.circle) });
}

function applyToFlight({ flights, accepted }: Instant, { message, peer: to }: MeshEvent, what: string): void {
  if (!message || !to) return;
  const key = `${message}:${to}`;
  if (ENDED.has(what)) flights.delete(key);
  else flights.set(key, { message, to, ...accepted.get(message), state: what as Flight["state"] });
}

/** Whoever does anything in the span, or was there when it began. */
function castOf(events: readonly MeshEvent[], start: Instant): string[] {
  const cast = new Set<string>();
  for (const { id, presence } of start.peers.values())
    if (presence !== "offline" && presence !== "absent" && presence !== "unknown") cast.add(id);
  for (const { peer } of events) if (peer) cast.add(peer);
  const nameOf = (id: string) => start.peers.get(id)?.name ?? id;
  return [...cast].sort((a, b) => nameOf(a).localeCompare(nameOf(b)));
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");
