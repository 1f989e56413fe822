import { describe, expect, test } from "bun:test";
import type { Peer, PeerId } from "../../protocol/index.ts";
import type { Overview } from "../overview.ts";
import { createRateCounter } from "./rates.ts";
import { ORDERS, offsetMax, screenLines, sorted, type View } from "./view.ts";

const NOW = 1_800_000_000_000;
const MINUTE = 60_000;
const id = (name: string) => `peer_${name}` as PeerId; // made of names here

function peer(name: string, state: Peer["presence"]["state"], minutes = 1): Peer {
  return {
    id: id(name),
    name,
    circle: "default",
    role: "agent",
    runtime: "codex",
    machine: "laptop",
    presence: { state, since: NOW - minutes * MINUTE, detail: state === "waiting" ? "Bash" : undefined },
    delivery: { rung: "push", proven_by: "transcript", latency_ms: 28 },
    capabilities: [],
    identity: "proven",
    inbound: "accept",
    unread: 0,
    open_asks: { to_answer: 2, asked: 1 },
    last_seen_at: NOW,
    joined_at: NOW,
  };
}

const overview = (peers: Peer[]): Overview => ({
  peers,
  you: { name: "you", unread: 0, to_answer: 0 },
  approvals: [],
  questions: [],
  held: [],
  pauses: [],
  mismatches: 0,
  schedules: 0,
  is_set_up: true,
});

const view = (peers: Peer[], change: Partial<View> = {}): View => ({
  overview: overview(peers),
  trouble: undefined,
  lookedAt: NOW,
  order: "who waits",
  offset: 0,
  rates: new Map(),
  ...change,
});

describe("the order", () => {
  const peers = [peer("idle", "online"), peer("late", "waiting", 3), peer("busy", "busy"), peer("early", "waiting", 9)];

  test("is who waits on a person, the longest first, then who works", () => {
    expect(sorted(peers, "who waits", new Map()).map(({ name }) => name)).toEqual(["early", "late", "busy", "idle"]);
  });

  test("is by messages, or by name", () => {
    expect(sorted(peers, "messages", new Map([[id("busy"), 4]])).map(({ name }) => name)[0]).toBe("busy");
    expect(sorted(peers, "name", new Map()).map(({ name }) => name)).toEqual(["busy", "early", "idle", "late"]);
    expect(ORDERS).toHaveLength(3);
  });
});

describe("the screen", () => {
  const crowd = Array.from({ length: 50 }, (_, n) => peer(`session-${String(n).padStart(2, "0")}`, "online"));

  test.each([
    [80, 24],
    [120, 40],
    [30, 6],
  ])("of %d by %d is filled and never overfull, wherever one has scrolled to", (columns, rows) => {
    for (let offset = 0; offset <= offsetMax(crowd.length, rows); offset++) {
      const lines = screenLines(view(crowd, { offset }), { columns, rows }, NOW);
      expect(lines.length).toBe(rows);
      expect(lines.filter((line) => line.startsWith("session-")).length).toBe(rows - 5);
    }
    const last = screenLines(view(crowd, { offset: 1_000 }), { columns, rows }, NOW).join("\n");
    expect(last).toContain("session-49");
  });

  test("tells each peer's state, since when, its questions, traffic and how it is reached", () => {
    const [, , head, row] = screenLines(
      view([peer("backend", "waiting", 7)], { rates: new Map([[id("backend"), 5]]) }),
      { columns: 100, rows: 10 },
      NOW,
    );
    expect(head).toMatch(/NAME +RUNTIME +STATE +FOR +IN +OUT +MSG\/MIN +REACHED BY/);
    expect(row).toMatch(/^backend +codex +waiting \(Bash\) +7 min +2 +1 +5 +push 28 ms$/);
  });

  test("says when it is of an earlier moment", () => {
    const lines = screenLines(view(crowd, { trouble: "The daemon is not running." }), { columns: 80, rows: 24 }, NOW);
    expect(lines[0]).toContain("not running");
    expect(lines[1]).toMatch(/As it was at \d\d:\d\d/);
    expect(lines.length).toBeLessThanOrEqual(24);
  });
});

test("a minute's messages are counted for who sent and who was sent to, and forgotten after it", () => {
  const counter = createRateCounter();
  const event = { seq: 1, at: NOW, data: {} } as const;
  counter.note({ ...event, type: "message.accepted", peer: id("a") });
  counter.note({ ...event, type: "delivery.queued", peer: id("b") });
  counter.note({ ...event, type: "delivery.seen", peer: id("b") });
  expect([...counter.rates(NOW + 59_000)]).toEqual([
    [id("a"), 1],
    [id("b"), 1],
  ]);
  expect([...counter.rates(NOW + MINUTE)]).toEqual([]);
});
