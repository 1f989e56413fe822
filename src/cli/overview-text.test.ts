import { describe, expect, test } from "bun:test";
import type { Approval, Peer } from "../protocol/index.ts";
import type { Overview } from "./overview.ts";
import { nextStep, overviewText } from "./overview-text.ts";

const NOW = 1_800_000_000_000;
const MINUTE = 60_000;

function peer(name: string, change: Partial<Peer> = {}): Peer {
  return {
    id: `peer_${name}`,
    name,
    circle: "default",
    role: "agent",
    runtime: "codex",
    machine: "laptop",
    presence: { state: "online", since: NOW - MINUTE },
    capabilities: [],
    identity: "proven",
    inbound: "accept",
    unread: 0,
    last_seen_at: NOW,
    joined_at: NOW,
    ...change,
  } as Peer; // ids are made of names here
}

const approval = (handle: string): Approval => ({
  message: "msg_1" as Approval["message"],
  handle,
  peer: "peer_1" as Approval["peer"],
  peer_name: "backend",
  tool: "Bash",
  preview: "npm test -- --filter everything in the whole repository, and then some more of it",
  state: "pending",
  requested_at: NOW - MINUTE,
});

const overview = (change: Partial<Overview> = {}): Overview => ({
  peers: [peer("backend"), peer("frontend")],
  you: { name: "you", unread: 0, to_answer: 0 },
  approvals: [],
  questions: [],
  held: [],
  pauses: [],
  mismatches: 0,
  schedules: 0,
  is_set_up: true,
  ...change,
});

const question = { id: "k7q2x", from: "backend", text: "May I drop the column?", asked_at: NOW - MINUTE };
const CROWD = Array.from({ length: 60 }, (_, n) =>
  peer(`session-number-${n}`, {
    circle: n % 3 ? "night" : "default",
    description: "a long line on the task ".repeat(6),
  }),
);

describe("what repowire alone shows", () => {
  // @req cli.alone
  test.each([
    [80, 24],
    [120, 40],
    [200, 60],
  ])("fits a screen of %d columns and %d rows, however much there is", (columns, rows) => {
    const full = overview({
      peers: [...CROWD, peer("stuck", { presence: { state: "waiting", detail: "Bash", since: NOW - 5 * MINUTE } })],
      you: { name: "you", unread: 3, to_answer: 12 },
      approvals: Array.from({ length: 15 }, () => approval("k7q2x")),
      questions: Array.from({ length: 10 }, () => question),
      mismatches: 2,
    });
    const lines = overviewText(full, { columns, rows }, NOW).split("\n");
    expect(lines.length).toBeLessThan(rows);
    for (const line of lines) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(columns);
    const text = lines.join("\n");
    // What was left out is counted, and who waits for a person never is.
    expect(text).toContain("stuck");
    expect(text).toMatch(/and \d+ more: repowire peer list/);
    expect(text).toMatch(/and \d+ more\n/);
    expect(text).toContain("repowire approve ID");
  });

  test("to a program it is a line for each peer, whole", () => {
    const text = overviewText(overview({ peers: CROWD }), undefined, NOW);
    expect(text.split("\n").filter((line) => line.startsWith("  session-number-"))).toHaveLength(60);
    expect(text).toContain("a long line on the task ".repeat(6).trim());
    expect(text).not.toContain("NAME");
  });

  test("questions to you are named, and how many older ones there are", () => {
    const text = overviewText(
      overview({ questions: [question], you: { name: "you", unread: 0, to_answer: 3 } }),
      { columns: 100, rows: 30 },
      NOW,
    );
    expect(text).toContain("k7q2x  backend asks you since");
    expect(text).toContain("2 older questions to you");
    expect(text).toContain("repowire reply k7q2x TEXT");
  });
});

test("the next step is what waits, else setup, else a question to somebody", () => {
  expect(nextStep(overview({ approvals: [approval("aaaaa")] }))).toStartWith("repowire approve aaaaa");
  expect(nextStep(overview({ you: { name: "you", unread: 0, to_answer: 1 } }))).toStartWith("repowire inbox");
  expect(nextStep(overview({ mismatches: 1 }))).toStartWith("repowire doctor");
  expect(nextStep(overview({ is_set_up: false }))).toStartWith("repowire setup");
  expect(nextStep(overview())).toContain("repowire peer ask backend");
  expect(nextStep(overview({ peers: [] }))).toStartWith("start a session");
});
