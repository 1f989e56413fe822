import { beforeEach, expect, test } from "bun:test";
import { byteLength, LIMITS, RecordedTurns } from "../../src/protocol/index.ts";
import { type FakeOpenCode, fakeOpenCode } from "../../test/support/fake-opencode.ts";
import type { StoredMessage } from "./api.ts";
import { ownTurns } from "./own-turns.ts";

const SESSION = "ses_a";
const CHOICE = { type: "session", id: SESSION } as const;
let api: FakeOpenCode;

beforeEach(() => {
  api = fakeOpenCode();
});

const says = (role: "user" | "assistant", text: string, more: object = {}, metadata?: Record<string, unknown>) =>
  api.store(SESSION, { role, ...more }, text, metadata);

/** As the store gives it, with parts of every kind. */
function storedAs(...messages: { role: string; parts: StoredMessage["parts"]; summary?: unknown }[]): void {
  api.messages = async () =>
    messages.map(({ role, parts, summary }, at) => ({
      info: { id: `msg_${at}`, role, summary, time: { created: at } },
      parts,
    }));
}

async function brief(): Promise<string[] | string> {
  const read = RecordedTurns.parse(await ownTurns(api, CHOICE));
  return "why" in read ? read.why : read.turns.map(({ by, text }) => `${by}: ${text}`);
}

// @req dashboard.own-turns
test("what its user wrote and its model said is read in order, without prompts of the mesh, tools and OpenCode's own words", async () => {
  const text = (words: string, more: object = {}) => ({ type: "text", text: words, ...more });
  storedAs(
    { role: "user", parts: [text("add paging"), text("a file's content", { synthetic: true })] },
    { role: "assistant", parts: [{ type: "reasoning", text: "hm" }, text("I look.")] },
    { role: "assistant", parts: [{ type: "tool", tool: "bash", state: { status: "completed", output: "secret" } }] },
    { role: "user", parts: [text("frontend asks", { metadata: { repowire: { id: "msg_q", kind: "ask" } } })] },
    { role: "assistant", parts: [text("Seven.")] },
    { role: "user", parts: [{ type: "compaction" }, text("compact")], summary: { title: "a" } },
    { role: "assistant", parts: [text("a summary")], summary: true },
    { role: "user", parts: [text("continue", { synthetic: true })] },
    { role: "user", parts: [text("and tests"), text("only shown", { ignored: true })], summary: { diffs: [] } },
  );
  expect(await brief()).toEqual(["user: add paging", "session: I look.", "session: Seven.", "user: and tests"]);
});

// @req dashboard.own-turns
test("a question with options has them, and is open while its call runs", async () => {
  const asks = (status: string) => ({
    type: "tool",
    tool: "question",
    state: { status, input: { questions: [{ question: "Which?", options: [{ label: "main", description: "d" }] }] } },
  });
  storedAs({ role: "assistant", parts: [asks("completed"), asks("running"), { ...asks("pending"), state: {} }] });
  const question = { by: "session", text: "Which?", options: [{ label: "main", description: "d" }] };
  expect(await ownTurns(api, CHOICE)).toMatchObject({
    turns: [
      { ...question, is_open: false },
      { ...question, is_open: true },
    ],
    is_whole: true,
  });
});

test("what is undone is not shown", async () => {
  says("user", "one");
  const undone = says("user", "two");
  says("assistant", "Done.");
  api.sessions.set(SESSION, { id: SESSION, revert: { messageID: undone } });
  expect(await brief()).toEqual(["user: one"]);
  for (let n = 0; n < LIMITS.ownTurnMessagesMax; n++) says("user", "undone, too");
  expect(await brief()).toEqual([]);
});

test("only the newest are sent, each in part where it is long, and never more than a frame carries", async () => {
  for (let n = 0; n < LIMITS.ownTurnsMax + 1; n++) says("user", `turn ${n}`);
  const many = RecordedTurns.parse(await ownTurns(api, CHOICE));
  if ("why" in many) throw new Error(many.why);
  expect([many.turns.length, many.turns[0]?.text, many.is_whole]).toEqual([LIMITS.ownTurnsMax, "turn 1", false]);
  // Six bytes a sign, once it is JSON.
  for (let n = 0; n < LIMITS.ownTurnsMax; n++) says("user", `${n} ${"\u0001".repeat(LIMITS.ownTurnTextCharsMax)}`);
  const large = RecordedTurns.parse(await ownTurns(api, CHOICE));
  if ("why" in large) throw new Error(large.why);
  expect(byteLength(JSON.stringify(large))).toBeLessThan(LIMITS.frameBytesMax / 2 + 1_000);
  expect(large.turns.at(-1)).toMatchObject({ text: expect.stringMatching(/^49 /), rest_chars: 3 });
  expect([large.turns.length > 5, large.is_whole]).toEqual([true, false]);
});

test("a TUI at home has said nothing; where nothing tells which conversation is meant, that is said", async () => {
  expect(await ownTurns(api, { type: "create" })).toEqual({ turns: [], is_whole: true });
  expect(await ownTurns(api, { type: "hold", why: "screen_unknown" })).toEqual({
    why: "nothing tells which of its conversations is on its screen, until its user prompts there",
  });
});
