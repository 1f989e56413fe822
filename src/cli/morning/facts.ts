import type { Ask, MeshEvent, OperationOutput, Peer, PresenceState } from "../../protocol/index.ts";

/** What happened in a span of time, counted from the record. Pure: the same records give the same facts. */

export type Heard = OperationOutput<"history">["messages"][number];

export interface Commit {
  hash: string;
  /** Epoch ms. */
  at: number;
  author: string;
  subject: string;
}

export interface Repository {
  path: string;
  commits: Commit[];
  /** There are more than are listed. */
  isCut: boolean;
}

export interface Records {
  since: number;
  until: number;
  peers: readonly Peer[];
  /** The oldest first. */
  messages: readonly Heard[];
  asks: readonly Ask[];
  /** The oldest first, from `since` on. */
  events: readonly MeshEvent[];
  repositories: readonly Repository[];
}

export interface Question {
  at: number;
  from: string;
  to: string;
  text: string;
  state: Ask["state"];
  /** How long it took, or has taken so far. */
  tookMs: number;
  answer?: string;
  why?: string;
}

/** Why a session could not go on. */
export type Stuck = "waiting" | "limited" | "paused" | "offline";

export interface Night {
  since: number;
  until: number;
  counts: { messages: number; asked: number; answered: number; open: number; failed: number; commits: number };
  /** Who wrote to whom, the most first. */
  pairs: { from: string; to: string; asked: number; answered: number; told: number }[];
  questions: Question[];
  stuck: { peer: string; kind: Stuck; why: string; ms: number; times: number }[];
  repositories: readonly Repository[];
  decisions: { at: number; peer: string; tool: string; verdict: string; tookMs?: number }[];
  mismatches: { at: number; peer: string; kind: string }[];
  held: { peer: string; reason: string; times: number }[];
}

export function nightOf(records: Records): Night {
  const questions = questionsOf(records);
  const count = (fits: (question: Question) => boolean) => questions.filter(fits).length;
  return {
    since: records.since,
    until: records.until,
    counts: {
      messages: records.messages.length,
      asked: questions.length,
      answered: count(({ state }) => state === "answered" || state === "declined"),
      open: count(({ state }) => state === "open"),
      failed: count(({ state }) => state === "failed" || state === "expired"),
      commits: records.repositories.reduce((sum, { commits }) => sum + commits.length, 0),
    },
    pairs: pairsOf(records.messages),
    questions,
    stuck: stuckOf(records),
    repositories: records.repositories,
    decisions: decisionsOf(records),
    mismatches: records.events
      .filter(({ type }) => type === "truth.mismatch")
      .map(({ at, peer, data }) => ({ at, peer: nameOf(records.peers, peer), kind: String(data.kind ?? "") })),
    held: heldOf(records),
  };
}

const nameOf = (peers: readonly Peer[], id: string | undefined): string =>
  peers.find((peer) => peer.id === id)?.name ?? "a peer that left";

function questionsOf({ messages, asks, peers, until }: Records): Question[] {
  const byId = new Map(messages.map((message) => [message.message as string, message]));
  return asks.map((ask) => {
    const question = byId.get(ask.message);
    const answer = ask.answer ? byId.get(ask.answer) : undefined;
    return {
      at: ask.opened_at,
      from: question?.from ?? nameOf(peers, ask.asker),
      to: question?.to[0]?.peer ?? nameOf(peers, ask.askee),
      text: question?.text ?? "",
      state: ask.state,
      tookMs: Math.max(0, (ask.closed_at ?? until) - ask.opened_at),
      answer: answer?.text,
      why: ask.detail ?? ask.reason,
    };
  });
}

function pairsOf(messages: readonly Heard[]): Night["pairs"] {
  const pairs = new Map<string, Night["pairs"][number]>();
  for (const message of messages) {
    for (const { peer } of message.to) {
      const key = `${message.from}\u0000${peer}`;
      const pair = pairs.get(key) ?? { from: message.from, to: peer, asked: 0, answered: 0, told: 0 };
      if (message.kind === "ask") pair.asked++;
      else if (message.kind === "answer") pair.answered++;
      else pair.told++;
      pairs.set(key, pair);
    }
  }
  const total = (pair: Night["pairs"][number]) => pair.asked + pair.answered + pair.told;
  return [...pairs.values()].sort((a, b) => total(b) - total(a) || a.from.localeCompare(b.from));
}

const STUCK: ReadonlySet<string> = new Set<PresenceState>(["waiting", "limited", "offline"]);

/** One stretch of time in one state. */
interface Stretch {
  peer: string;
  kind: Stuck;
  why: string;
  from: number;
  to: number;
}

function stuckOf(records: Records): Night["stuck"] {
  const stretches = [...records.peers.flatMap((peer) => presenceStretches(peer, records)), ...pauseStretches(records)];
  const sums = new Map<string, Night["stuck"][number]>();
  for (const { peer, kind, why, from, to } of stretches) {
    if (to <= from) continue;
    const key = [peer, kind, why].join("\u0000");
    const sum = sums.get(key) ?? { peer, kind, why, ms: 0, times: 0 };
    sums.set(key, { ...sum, ms: sum.ms + to - from, times: sum.times + 1 });
  }
  return [...sums.values()].sort((a, b) => b.ms - a.ms);
}

/** Its states over the span: before its first change the one that this names, without any the one that it has now. */
function presenceStretches(peer: Peer, { events, since, until }: Records): Stretch[] {
  // People come and go as they please, and a seat that was empty all the time waits for nothing.
  if (peer.role === "human") return [];
  const changes = events.filter((event) => event.peer === peer.id && event.type === "peer.presence");
  const [first] = changes;
  const start = Math.max(since, peer.joined_at);
  const states = first
    ? [{ at: start, state: String(first.data.was ?? ""), detail: "" }]
    : [{ at: start, state: peer.presence.state as string, detail: peer.presence.detail ?? "" }];
  for (const { at, data } of changes)
    states.push({ at, state: String(data.state ?? ""), detail: typeof data.detail === "string" ? data.detail : "" });
  if (states.every(({ state }) => state === "offline")) return [];
  return states.flatMap(({ at, state, detail }, index) =>
    STUCK.has(state)
      ? [
          {
            peer: peer.name,
            kind: state as Stuck,
            why: detail,
            from: Math.max(at, since),
            to: states[index + 1]?.at ?? until,
          },
        ]
      : [],
  );
}

function pauseStretches({ events, until, peers }: Records): Stretch[] {
  return events
    .filter(({ type }) => type === "guard.paused")
    .map(({ at, peer, data }) => {
      const lifted = events.find((one) => one.type === "guard.resumed" && one.data.id === data.id && one.at >= at);
      const names = Array.isArray(data.names) ? data.names.map(String).join(" and ") : nameOf(peers, peer);
      return { peer: names, kind: "paused", why: String(data.reason ?? ""), from: at, to: lifted?.at ?? until };
    });
}

const VERDICTS: Record<string, string> = {
  "approval.allowed": "allowed",
  "approval.denied": "denied",
  "approval.withdrawn": "withdrawn",
  "approval.expired": "expired",
};

function decisionsOf({ events, peers }: Records): Night["decisions"] {
  return events
    .filter(({ type }) => type === "approval.requested")
    .map(({ at, peer, message, data }) => {
      const ended = events.find((one) => one.message === message && one.type in VERDICTS && one.at >= at);
      return {
        at,
        peer: nameOf(peers, peer),
        tool: String(data.tool ?? ""),
        verdict: ended ? (VERDICTS[ended.type] ?? "") : "open",
        tookMs: ended && ended.at - at,
      };
    });
}

function heldOf({ events, peers }: Records): Night["held"] {
  const held = new Map<string, Night["held"][number]>();
  for (const { type, peer, data } of events) {
    if (type !== "delivery.held") continue;
    const reason = String(data.reason ?? "");
    const key = `${peer}\u0000${reason}`;
    const one = held.get(key) ?? { peer: nameOf(peers, peer), reason, times: 0 };
    held.set(key, { ...one, times: one.times + 1 });
  }
  return [...held.values()].sort((a, b) => b.times - a.times);
}
