import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { messageId, peerRecord } from "../../test/support/records.ts";
import { type TempHome, tempHome } from "../../test/support/temp-home.ts";
import { readOwnTurns } from "../daemon/own-turns.ts";
import { LIMITS } from "../protocol/index.ts";
import { claudeOwnTurns } from "./claude-code/own-turns.ts";
import { codexOwnTurns } from "./codex/own-turns.ts";
import { geminiOwnTurns } from "./gemini/own-turns.ts";
import type { OwnTurns } from "./own-turns.ts";

const lines = (...entries: unknown[]) =>
  entries.map((entry) => (typeof entry === "string" ? entry : `${JSON.stringify(entry)}\n`)).join("");
const brief = (read: OwnTurns) => ("reason" in read ? read.reason : read.turns.map(({ by, text }) => `${by}: ${text}`));

// @req dashboard.own-turns
describe("of a Claude Code transcript", () => {
  const user = (content: unknown, more: object = {}) => ({
    type: "user",
    timestamp: "2026-01-31T10:00:00.000Z",
    message: { role: "user", content },
    ...more,
  });
  const says = (...content: object[]) => ({ type: "assistant", message: { role: "assistant", content } });
  const text = (words: string) => ({ type: "text", text: words });

  function read(home: TempHome, ...entries: unknown[]): OwnTurns {
    mkdirSync(home.file("projects/p"), { recursive: true });
    writeFileSync(home.file("projects/p/c1.jsonl"), lines(...entries));
    return claudeOwnTurns(peerRecord(2, { conversation: "c1", config_dir: home.path }));
  }

  test("what was typed and what was said to it, in order; nothing that came from outside, and nothing of subagents or tools", () => {
    using home = tempHome();
    const got = read(
      home,
      user("add paging", { origin: { kind: "human" } }),
      says({ type: "thinking", thinking: "hm" }, text("I look.")),
      says({ type: "tool_use", id: "t1", name: "Bash", input: { command: "ls" } }),
      user([{ type: "tool_result", tool_use_id: "t1", content: "secret output" }]),
      user('<channel source="repowire" kind="ask" id="k7q2x">\nasks\n</channel>', {
        origin: { kind: "channel", server: "repowire" },
      }),
      user("from another session", { origin: { kind: "peer" } }),
      user("<command-name>/clear</command-name>"),
      user("a summary", { isCompactSummary: true }),
      user("context", { isMeta: true }),
      { ...says(text("of a subagent")), isSidechain: true },
      { ...says(text("API Error")), isApiErrorMessage: true },
      "not JSON\n",
      user([text("and tests")]),
      says(text("Done.")),
    );
    expect(brief(got)).toEqual(["user: add paging", "session: I look.", "user: and tests", "session: Done."]);
    expect(got).toMatchObject({ isWhole: true, turns: [{ at: Date.parse("2026-01-31T10:00:00.000Z") }, {}, {}, {}] });
  });

  test("a question with options has them, and is open until its answer stands there", () => {
    using home = tempHome();
    const options = [{ label: "main", description: "the trunk" }, { label: "next" }];
    const asks = says({
      type: "tool_use",
      id: "q1",
      name: "AskUserQuestion",
      input: { questions: [{ question: "Which branch?", header: "Branch", options, multiSelect: false }] },
    });
    const answered = user([{ type: "tool_result", tool_use_id: "q1", content: "main" }]);
    expect(read(home, asks)).toMatchObject({
      turns: [{ by: "session", text: "Which branch?", options, isOpen: true }],
    });
    expect(read(home, asks, answered)).toMatchObject({ turns: [{ options, isOpen: false }] });
    const odd = says({ type: "tool_use", id: "q2", name: "AskUserQuestion", input: { questions: "?" } });
    expect(brief(read(home, odd))).toEqual([]);
  });

  test("of a long record the end is read, which is said; of none, why", () => {
    using home = tempHome();
    const long = says(text("x".repeat(LIMITS.ownTurnsReadBytes)));
    expect(read(home, long, says(text("last")))).toMatchObject({ isWhole: false, turns: [{ text: "last" }] });
    expect(claudeOwnTurns(peerRecord(2, { conversation: "../c", config_dir: home.path }))).toHaveProperty("reason");
    expect(claudeOwnTurns(peerRecord(2, {}))).toHaveProperty("reason");
  });
});

// @req dashboard.own-turns
test("of a Gemini transcript: what was typed and said, a message that grows once, no prompt of ours", () => {
  using home = tempHome();
  const parts = (...texts: string[]) => texts.map((words) => ({ text: words }));
  writeFileSync(
    home.file("t.jsonl"),
    lines(
      { id: "u0", type: "user", content: parts("<session_context>here</session_context>") },
      { id: "u1", type: "user", content: parts("hello") },
      { id: "g1", type: "gemini", content: "Sev" },
      { id: "g1", type: "gemini", content: "Seven." },
      {
        id: "u2",
        type: "user",
        content: parts("[repowire k7q2x]", "<hook_context>[repowire ask k7q2x from a] How many?</hook_context>"),
        displayContent: parts("[repowire k7q2x]"),
      },
      { id: "i1", type: "info", content: "Request cancelled." },
    ),
  );
  expect(brief(geminiOwnTurns(peerRecord(2, { runtime: "gemini", transcript: home.file("t.jsonl") })))).toEqual([
    "user: hello",
    "session: Seven.",
  ]);
});

// @req dashboard.own-turns
test("of a Codex rollout: what was typed and said, of old versions too; what we queued is left out by its id", () => {
  using home = tempHome();
  const item = (type: string, words: string, client_id?: string) => ({
    timestamp: "2026-01-31T10:00:00.000Z",
    type: "event_msg",
    payload: { type: "item_completed", item: { type, client_id, content: [{ type: "text", text: words }] } },
  });
  writeFileSync(
    home.file("r.jsonl"),
    lines(
      { type: "session_meta", payload: { id: "t" } },
      {
        type: "response_item",
        payload: { type: "message", role: "user", content: [{ text: "<environment_context>" }] },
      },
      item("UserMessage", "typed", "0b8f4f4e-3d43-4a0f-9d3e-0d6d7f1c2b3a"),
      item("AgentMessage", "said"),
      item("UserMessage", "[repowire ask k7q2x from a] ours", messageId(1)),
      item("FileChange", "no turn"),
      { type: "event_msg", payload: { type: "user_message", message: "typed before" } },
      { type: "event_msg", payload: { type: "user_message", message: "[repowire ask k7q2x from a] ours" } },
      { type: "event_msg", payload: { type: "agent_message", message: "said before" } },
    ),
  );
  expect(brief(codexOwnTurns(home.file("r.jsonl")))).toEqual([
    "user: typed",
    "session: said",
    "user: typed before",
    "session: said before",
  ]);
  expect(codexOwnTurns(undefined)).toHaveProperty("reason");
  expect(codexOwnTurns(home.path)).toHaveProperty("reason");
});

// @req dashboard.own-turns
test("what leaves the daemon is masked and bounded, and says what it left out", async () => {
  const peer = peerRecord(2);
  const from = (turns: { by: "user"; text: string; options?: { label: string }[] }[]) =>
    readOwnTurns({ ownTurns: async () => ({ turns, isWhole: true }) }, peer);
  const secret = await from([
    { by: "user", text: "use token=abcdef123456789", options: [{ label: "password=hunter22" }] },
  ]);
  expect(JSON.stringify(secret)).not.toMatch(/abcdef123456789|hunter22/);
  const long = await from([{ by: "user", text: "x".repeat(100_000) }]);
  expect(long).toMatchObject({
    turns: [{ text: "x".repeat(LIMITS.findTextCharsMax), rest_chars: 100_000 - LIMITS.findTextCharsMax }],
  });
  const many = await from(Array.from({ length: LIMITS.ownTurnsMax + 1 }, () => ({ by: "user" as const, text: "x" })));
  expect(many).toMatchObject({ isWhole: false, turns: { length: LIMITS.ownTurnsMax } });
  expect(await readOwnTurns(undefined, peer)).toHaveProperty("reason");
});
