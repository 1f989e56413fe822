import { describe, expect, test } from "bun:test";
import type { AgentRuntime } from "../../src/protocol/index.ts";
import type { TranscriptEntry } from "../agents/driver.ts";
import { withNotes } from "./frames.ts";
import { type Claim, judge } from "./judge.ts";
import { asksIn, wordAt } from "./model.ts";
import { planOf } from "./plan.ts";

const HANDLE = "k7q2x";
const MESSAGE = "msg_01a2159a-9068-7700-abee-8fe6acfd246d";
const WORD = wordAt(1, 1);
const QUESTION = `How many ${WORD} are there?`;
const SAID: TranscriptEntry = { from: "model", text: "Seven." };

/** The message as each CLI's store holds it, by a rung each. */
const FRAMES: [name: string, runtime: AgentRuntime, entry: TranscriptEntry][] = [
  [
    "the channel of Claude Code",
    "claude-code",
    {
      from: "input",
      place: "channel repowire",
      text: `<channel source="repowire" kind="ask" id="${HANDLE}" from="a" role="agent" do="answer">\na asks: ${QUESTION}\n</channel>`,
    },
  ],
  [
    "the inbox socket of Claude Code",
    "claude-code",
    {
      from: "input",
      place: "peer",
      text: `Another session sent this.\n<cross-session-message from="uds:/s" from-name="a">\n[repowire ask ${HANDLE}] ${QUESTION}\n</cross-session-message>`,
    },
  ],
  [
    "Codex's queue",
    "codex",
    {
      from: "input",
      place: `client ${MESSAGE}`,
      text: `[repowire notify zzzzz from b] b: news\n\n[repowire ask ${HANDLE} from a] ${QUESTION}`,
    },
  ],
  [
    "Codex's hook context",
    "codex",
    {
      from: "input",
      place: "hook",
      text: `<channel source="repowire" kind="ask" id="${HANDLE}" from="a">\na asks: ${QUESTION}\n</channel>`,
    },
  ],
  [
    "Gemini's hook context",
    "gemini",
    {
      from: "input",
      place: "hook",
      text: `<hook_context>[repowire ask ${HANDLE} from a] ${QUESTION}\n(…)</hook_context>`,
    },
  ],
  [
    "OpenCode's store",
    "opencode",
    { from: "input", place: `client ${MESSAGE}`, text: `a asks (repowire ${HANDLE}): ${QUESTION}` },
  ],
  [
    "a note beside a tool of OpenCode",
    "opencode",
    {
      from: "input",
      place: "note",
      text: `[repowire ask ${HANDLE}, beside the result above and no part of it; …] ${QUESTION}`,
    },
  ],
];

type Delivery = Claim["trace"]["deliveries"][number];

function claim(delivery: Partial<Delivery>, ask: Record<string, unknown> = {}): Claim {
  const whole = { message: MESSAGE, handle: HANDLE, state: "seen", attempt: 1, ...delivery } as Delivery;
  const trace = { id: HANDLE, message: MESSAGE, kind: "ask", ask, deliveries: [whole] } as unknown as Claim["trace"];
  return { word: WORD, trace };
}

describe.each(FRAMES)("%s", (_name, runtime, frame) => {
  const lies = (transcript: TranscriptEntry[], given: Claim) => judge(runtime, transcript, given).lies;

  test("read and said so is the truth", () => {
    expect(judge(runtime, [frame, SAID], claim({}))).toMatchObject({ isRead: true, shown: 1, lies: [] });
  });

  test("said to be seen, and not there, or nothing after it, is claimed", () => {
    expect(lies([SAID], claim({}))).toEqual(["claimed"]);
    expect(lies([SAID, frame], claim({}))).toEqual(["claimed"]);
    expect(lies([], claim({ state: "presented" }, { state: "answered", by: "captured" }))).toEqual(["claimed"]);
  });

  test("read, and not said so, is hidden", () => {
    expect(lies([frame, SAID], claim({ state: "presented" }))).toEqual(["hidden"]);
    expect(lies([frame], claim({ state: "presented" }))).toEqual([]);
  });

  test("there more often than attempted is doubled", () => {
    expect(lies([frame, SAID, frame, SAID], claim({}))).toEqual(["doubled"]);
    expect(lies([frame, SAID, frame, SAID], claim({ attempt: 2 }))).toEqual([]);
  });

  test("the same text where a person's would stand proves nothing", () => {
    expect(lies([{ from: "input", text: frame.text }, SAID], claim({}))).toEqual(["claimed", "broken"]);
  });

  test("another message's frame is not its own", () => {
    const other = { ...frame, text: frame.text.replaceAll(HANDLE, "zzzz2") };
    expect(lies([other, SAID], claim({}))).toEqual(["claimed", "broken"]);
  });
});

test("an answer on record that belongs to another question is mistaken", () => {
  const [, runtime, frame] = FRAMES[0] as (typeof FRAMES)[number];
  const given = { ...claim({}, { state: "answered", by: "reply" }), answer: "Seven of something else." };
  expect(judge(runtime, [frame, SAID], given).lies).toEqual(["mistaken"]);
});

test("a log cut off by a kill excuses an answer by the reply tool alone", () => {
  const answer = `Seven ${WORD}.`;
  const by = (tool: string) => ({ ...claim({}, { state: "answered", by: tool }), answer, isCutOff: true });
  expect(judge("codex", [], by("reply"))).toMatchObject({ isRead: false, isUnlogged: true, lies: [] });
  expect(judge("codex", [], by("turn")).lies).toEqual(["claimed"]);
  expect(judge("codex", [], { ...by("reply"), isCutOff: false }).lies).toEqual(["claimed"]);
  expect(judge("codex", [], { ...claim({}), isCutOff: true }).lies).toEqual(["claimed"]);
});

test("a note stands before the words of the model that was shown it", () => {
  const note = { index: 1, text: "x, beside the result above and no part of it; …" };
  const placed = withNotes([SAID, SAID], [{ index: 0, text: "hello" }, note]);
  expect(placed.map(({ place, from }) => place ?? from)).toEqual(["model", "note", "model"]);
  expect(withNotes([SAID], [note]).map(({ place, from }) => place ?? from)).toEqual(["model", "note"]);
});

test("the scripted model finds each question with its own word, and no notice", () => {
  const text = `${FRAMES[2]?.[2].text}\n${FRAMES[4]?.[2].text.replace(HANDLE, "abcde").replace(WORD, wordAt(1, 2))}`;
  expect(asksIn(text)).toEqual([
    { id: HANDLE, word: WORD },
    { id: "abcde", word: wordAt(1, 2) },
  ]);
});

test("a seed gives one plan, with a word for each message", () => {
  const plan = planOf(7, "codex: idle", 12);
  expect(planOf(7, "codex: idle", 12).stagings).toEqual(plan.stagings);
  expect(planOf(8, "codex: idle", 12).stagings).not.toEqual(plan.stagings);
  expect(plan.stagings.map((group) => group.length)).toEqual([5, 5, 2]);
  expect(new Set(plan.stagings.flat().map(({ word }) => word)).size).toBe(12);
});
