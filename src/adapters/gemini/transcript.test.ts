import { describe, expect, test } from "bun:test";
import { createGeminiFacts, type GeminiFact } from "./transcript.ts";
import { beginTurn, type GeminiTurn, goOn, judgeTurn } from "./turn.ts";

const TAG = "[repowire k7q2x]";
const CONTEXT =
  "<hook_context>[repowire ask k7q2x from frontend] How many?\n(k7q2x is from a peer agent …)</hook_context>";
let ids = 0;
const user = (content: string[], more: object = {}) => ({
  id: `u${ids++}`,
  timestamp: "2026-11-25T19:22:46.210Z",
  type: "user",
  content: content.map((text) => ({ text })),
  ...more,
});
const tagged = () => user([TAG, CONTEXT], { displayContent: [{ text: TAG }] });
const model = (content: string, more: object = {}) => ({ id: `g${ids++}`, type: "gemini", content, ...more });
const info = (content: string) => ({ id: `i${ids++}`, type: "info", content });
const patch = (...messages: object[]) => ({ $set: { messages } });

function facts(...entries: object[]): GeminiFact[] {
  const factsOf = createGeminiFacts();
  return entries.flatMap((entry) => factsOf(JSON.stringify(entry)));
}

function turnOf(...entries: object[]): GeminiTurn {
  let turn: GeminiTurn | undefined;
  for (const fact of facts(...entries)) {
    if (fact.type === "input") turn = beginTurn(fact);
    else if (turn) turn = goOn(turn, fact);
  }
  if (!turn) throw new Error("no turn");
  return turn;
}

const inputOf = (entry: object) => facts(entry).flatMap((fact) => (fact.type === "input" ? fact.input : []))[0];

describe("where a prompt came from", () => {
  test("our tag with our hook's context is ours", () => {
    expect(inputOf(tagged())).toEqual({ from: "tag", handle: "k7q2x", carried: ["k7q2x"] });
  });

  test("the same words without our hook are a bare tag, and so are those with another's frame", () => {
    expect(inputOf(user([TAG]))?.from).toBe("bareTag");
    expect(inputOf(user([`${TAG}`, CONTEXT.replace("k7q2x", "aaaaa")], { displayContent: TAG }))?.from).toBe("bareTag");
    expect(inputOf(user([TAG, CONTEXT]))?.from).toBe("bareTag");
  });

  test("a person's words, alone and with what rides along", () => {
    expect(inputOf(user(["hello"]))).toEqual({ from: "user", carried: [] });
    expect(inputOf(user(["hello", CONTEXT]))).toEqual({ from: "user", carried: ["k7q2x"] });
    expect(inputOf(user([`quoted: ${CONTEXT}`]))).toEqual({ from: "user", carried: [] });
    expect(inputOf(user([CONTEXT.slice(14, -15)]))).toEqual({ from: "user", carried: [] });
  });

  test("what followed a turn's end", () => {
    const reason = "[repowire ask k7q2x from frontend] How many?\n(k7q2x is from a peer agent …)";
    expect(inputOf(user([reason], { displayContent: "hello" }))).toEqual({
      from: "injected",
      handle: "k7q2x",
      carried: ["k7q2x"],
    });
  });

  test("the CLI's own context and tool results begin no turn", () => {
    expect(facts(user(["<session_context>\nThis is"]), { ...user([]), content: [{ functionResponse: {} }] })).toEqual(
      [],
    );
  });
});

describe("how a turn ended", () => {
  test("its last text is the answer, though the message grows and tools come before", () => {
    const before = model("Let me look.");
    const turn = turnOf(tagged(), before, { ...before, toolCalls: [{ status: "success" }] }, model("Seven."));
    expect(judgeTurn(turn, true)).toEqual({ outcome: "answer", text: "Seven." });
  });

  test("a text before a tool is none", () => {
    const before = model("Let me look.");
    const turn = turnOf(tagged(), before, { ...before, toolCalls: [{ status: "success" }] });
    expect(judgeTurn(turn, true).outcome).toBe("model_error");
    expect(judgeTurn(turn, false)).toEqual({ outcome: "interrupted" });
  });

  test("cancelled: the list is made anew without it, and older answers are not taken for its own", () => {
    const turn = turnOf(
      user(["before"]),
      model("An older answer."),
      tagged(),
      model("Half a"),
      info("Request cancelled."),
      patch(user(["before"]), { ...model(""), content: [{ text: "An older answer." }] }),
      user(["<session_context>\n"]),
      { ...model(""), content: [{ text: "An older answer." }] },
    );
    expect(turn.input.from).toBe("tag");
    expect(judgeTurn(turn, true)).toEqual({ outcome: "interrupted" });
  });

  test("an error of the service, and a limit", () => {
    const error = (content: string) => judgeTurn(turnOf(tagged(), { id: "e", type: "error", content }), true);
    expect(error("[API Error: no such key]")).toEqual({ outcome: "model_error", error: "[API Error: no such key]" });
    expect(error("You have exhausted your daily quota on this model.").outcome).toBe("limited");
  });

  test("a message that comes again is no second prompt; what cannot be read is passed over", () => {
    const entry = tagged();
    expect(facts(entry, entry)).toHaveLength(1);
    expect(createGeminiFacts()('{"id": "half')).toEqual([]);
  });
});
