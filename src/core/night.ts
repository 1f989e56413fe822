import type { MeshEvent, Night, NightQuestion, Peer, PeerId, Stuck } from "../protocol/index.ts";
import { DEFAULT_CIRCLE, LIMITS } from "../protocol/index.ts";

/** A night counted from the record. Pure: the same records give the same facts. */

export interface NightRecords {
  since: number;
  until: number;
  peers: readonly Pick<Peer, "id" | "name" | "circle" | "role" | "presence" | "joined_at">[];
  /** Every message of the span: who wrote it to whom, in words of `addressOf`. */
  messages: readonly { kind: string; from: string; to: readonly string[] }[];
  /** Questions asked in the span, the oldest first. */
  questions: readonly NightQuestion[];
  openFromBefore: readonly NightQuestion[];
  /** Of the span, the oldest first. */
  events: readonly MeshEvent[];
  /** Each peer's last presence before the span, where the log still has it. */
  before: ReadonlyMap<PeerId, MeshEvent>;
  /** Pauses that are active now. */
  pauses: readonly { id: string; names: readonly string[]; reason: string; paused_at: number }[];
  repositories: Night["repositories"];
}

export const addressOf = ({ name, circle }: { name: string; circle: string }): string =>
  circle === DEFAULT_CIRCLE ? name : `${name}@${circle}`;

export function nightOf(records: NightRecords): Night {
  const { questions, since, until } = records;
  const count = (state: NightQuestion["state"]) => questions.filter((question) => question.state === state).length;
  const away = awayOf(records);
  const decisions = decisionsOf(records);
  return {
    since,
    until,
    counts: {
      messages: records.messages.length,
      asked: questions.length,
      answered: count("answered"),
      declined: count("declined"),
      open: count("open"),
      failed: count("failed"),
      expired: count("expired"),
      cancelled: count("cancelled"),
      commits: records.repositories.reduce((sum, { total }) => sum + total, 0),
    },
    open_from_before: records.openFromBefore.slice(-LIMITS.nightListedMax),
    pairs: pairsOf(records.messages),
    questions: questions.slice(-LIMITS.nightListedMax),
    stuck: stuckOf(records, away),
    away,
    repositories: records.repositories,
    decisions: decisions.slice(-LIMITS.nightListedMax),
    mismatches: records.events
      .filter(({ type }) => type === "truth.mismatch")
      .map((event) => ({ at: event.at, peer: nameOf(records, event), kind: String(event.data.kind ?? "") })),
    held: heldOf(records),
    tokens: "not reported",
    left_out: {
      questions: Math.max(0, questions.length - LIMITS.nightListedMax),
      decisions: Math.max(0, decisions.length - LIMITS.nightListedMax),
    },
  };
}

/** As it is called now; one that has left, as it was called then. */
function nameOf({ peers }: NightRecords, { peer: id, data }: MeshEvent): string {
  const peer = peers.find((one) => one.id === id);
  if (peer) return addressOf(peer);
  return typeof data.name === "string" ? data.name : "a peer that left";
}

function pairsOf(messages: NightRecords["messages"]): Night["pairs"] {
  const pairs = new Map<string, Night["pairs"][number]>();
  for (const { kind, from, to: recipients } of messages) {
    for (const to of recipients) {
      const key = `${from}\u0000${to}`;
      const pair = pairs.get(key) ?? { from, to, asked: 0, answered: 0, told: 0 };
      if (kind === "ask") pair.asked++;
      else if (kind === "answer") pair.answered++;
      else pair.told++;
      pairs.set(key, pair);
    }
  }
  const total = (pair: Night["pairs"][number]) => pair.asked + pair.answered + pair.told;
  return [...pairs.values()].sort((a, b) => total(b) - total(a) || a.from.localeCompare(b.from));
}

interface Span {
  from: number;
  to: number;
}

/** From the last that is known of one daemon to the start of the next. */
function awayOf({ events, since, until }: NightRecords): Span[] {
  let lastAt = since;
  const spans: Span[] = [];
  for (const { type, at, data } of events) {
    if (type === "daemon.started") {
      const alive = typeof data.alive_at === "number" ? data.alive_at : lastAt;
      const from = Math.min(at, Math.max(lastAt, alive));
      if (at > from) spans.push({ from, to: at });
    }
    lastAt = at;
  }
  // The one that is asked now runs.
  return spans.filter(({ from }) => from < until);
}

const lengthWithout = ({ from, to }: Span, holes: readonly Span[]): number =>
  holes.reduce((rest, hole) => rest - Math.max(0, Math.min(to, hole.to) - Math.max(from, hole.from)), to - from);

interface Stretch extends Span {
  peer: string;
  kind: Stuck;
  why: string;
}

function stuckOf(records: NightRecords, away: readonly Span[]): Night["stuck"] {
  const ids = new Set<PeerId>(records.peers.map(({ id }) => id));
  for (const { type, peer } of records.events) if (type === "peer.presence" && peer) ids.add(peer);
  const stretches = [...[...ids].flatMap((id) => presenceStretches(id, records)), ...pauseStretches(records)];
  const sums = new Map<string, Night["stuck"][number]>();
  for (const stretch of stretches) {
    const ms = lengthWithout(stretch, away);
    if (ms <= 0) continue;
    const { peer, kind, why } = stretch;
    const key = [peer, kind, why].join("\u0000");
    const sum = sums.get(key) ?? { peer, kind, why, ms: 0, times: 0 };
    sums.set(key, { ...sum, ms: sum.ms + ms, times: sum.times + 1 });
  }
  return [...sums.values()].sort((a, b) => b.ms - a.ms || a.peer.localeCompare(b.peer));
}

interface State {
  at: number;
  state: string;
  why: string;
}

const stateIn = ({ at, data }: MeshEvent): State => ({
  at,
  state: String(data.state ?? ""),
  why: typeof data.detail === "string" ? data.detail : "",
});

/** Its states over the span. People come and go as they please, and a seat that was empty all the time waits for nothing. */
function presenceStretches(id: PeerId, records: NightRecords): Stretch[] {
  const { events, since, until } = records;
  const peer = records.peers.find((one) => one.id === id);
  const own = events.filter((event) => event.peer === id);
  const joined = own.find(({ type }) => type === "peer.joined");
  if (peer?.role === "human" || joined?.data.role === "human") return [];
  const changes = own.filter(({ type }) => type === "peer.presence");
  const left = own.find(({ type }) => type === "peer.left")?.at ?? until;
  const states = [firstState(id, changes[0], joined, records), ...changes.map(stateIn)];
  if (states.every(({ state }) => state === "offline")) return [];
  const [named] = peer ? [addressOf(peer)] : own.map((event) => nameOf(records, event));
  return states.flatMap(({ at, state, why }, index) => {
    const kind = KINDS[state];
    const to = Math.min(left, states[index + 1]?.at ?? until);
    return kind && named !== undefined ? [{ peer: named, kind, why, from: Math.max(at, since), to }] : [];
  });
}

const KINDS: Record<string, Stuck | undefined> = { waiting: "waiting", limited: "limited", offline: "offline" };

/** What it was when the span began, or when it joined. */
function firstState(
  id: PeerId,
  change: MeshEvent | undefined,
  joined: MeshEvent | undefined,
  { before, peers, since }: NightRecords,
): State {
  if (joined) return { at: joined.at, state: String(change?.data.was ?? "online"), why: "" };
  const earlier = before.get(id);
  if (earlier) return stateIn(earlier);
  if (change) return { at: since, state: String(change.data.was ?? ""), why: "" };
  // Nothing changed: it is as it is now.
  const peer = peers.find((one) => one.id === id);
  return { at: peer?.joined_at ?? since, state: peer?.presence.state ?? "", why: peer?.presence.detail ?? "" };
}

function pauseStretches({ events, since, until, pauses }: NightRecords): Stretch[] {
  const spans = new Map<string, { names: string[]; why: string; from: number; to: number }>();
  // One from before the span that still holds; one that was lifted in it is known by that.
  for (const { id, names, reason, paused_at } of pauses)
    if (paused_at < until)
      spans.set(id, { names: [...names], why: reason, from: Math.max(since, paused_at), to: until });
  for (const { type, at, data } of events) {
    if (type !== "guard.paused" && type !== "guard.resumed") continue;
    const id = String(data.id ?? "");
    const names = Array.isArray(data.names) ? data.names.map(String) : [];
    const known = spans.get(id) ?? { names, why: String(data.reason ?? ""), from: since, to: until };
    spans.set(id, type === "guard.paused" ? { ...known, from: at } : { ...known, to: at });
  }
  return [...spans.values()].flatMap(({ names, why, from, to }) =>
    names.map((peer): Stretch => ({ peer, kind: "paused", why, from, to })),
  );
}

const VERDICTS: Record<string, Night["decisions"][number]["verdict"] | undefined> = {
  "approval.allowed": "allowed",
  "approval.denied": "denied",
  "approval.withdrawn": "withdrawn",
  "approval.expired": "expired",
};

function decisionsOf(records: NightRecords): Night["decisions"] {
  const ends = new Map(records.events.filter(({ type }) => VERDICTS[type]).map((event) => [event.message, event]));
  return records.events
    .filter(({ type }) => type === "approval.requested")
    .map((event) => {
      const end = ends.get(event.message);
      return {
        at: event.at,
        peer: nameOf(records, event),
        tool: String(event.data.tool ?? ""),
        verdict: (end && VERDICTS[end.type]) ?? "open",
        took_ms: end && Math.max(0, end.at - event.at),
      };
    });
}

function heldOf(records: NightRecords): Night["held"] {
  const held = new Map<string, Night["held"][number]>();
  for (const event of records.events) {
    if (event.type !== "delivery.held") continue;
    const reason = String(event.data.reason ?? "");
    const key = `${event.peer}\u0000${reason}`;
    const one = held.get(key) ?? { peer: nameOf(records, event), reason, times: 0 };
    held.set(key, { ...one, times: one.times + 1 });
  }
  return [...held.values()].sort((a, b) => b.times - a.times || a.peer.localeCompare(b.peer));
}
