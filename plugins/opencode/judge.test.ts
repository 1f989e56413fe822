import { beforeEach, describe, expect, test } from "bun:test";
import { type FakeOpenCode, fakeOpenCode } from "../../test/support/fake-opencode.ts";
import { judgeTurn, type TurnEvidence } from "./judge.ts";

let store: FakeOpenCode;
let prompt: string;
const OURS = { repowire: { id: "msg_ask", kind: "ask" } };
const done = (parentID: string) => ({
  role: "assistant",
  parentID,
  finish: "stop",
  time: { created: 50, completed: 51 },
});
const judge = async (more: Partial<TurnEvidence> = {}) =>
  judgeTurn({ messages: await store.messages("ses"), ids: new Set(["msg_ask"]), wasRetrying: false, ...more });

beforeEach(() => {
  store = fakeOpenCode();
  prompt = store.store("ses", { role: "user" }, "How many?", OURS);
});

describe("what became of a turn", () => {
  test("the final message under our prompt is the answer", async () => {
    store.store(
      "ses",
      { role: "assistant", parentID: prompt, finish: "tool-calls", time: { created: 9, completed: 9 } },
      "let me look",
    );
    store.store("ses", done(prompt), "Seven.");
    expect(await judge()).toEqual({ type: "answer", text: "Seven." });
  });

  test("nothing is known before anything is stored", async () => {
    expect(await judge()).toEqual({ type: "nothing" });
    expect(await judge({ ids: new Set(["msg_other"]) })).toEqual({ type: "nothing" });
  });

  test("a step that ends in tool calls is no answer", async () => {
    store.store(
      "ses",
      { role: "assistant", parentID: prompt, finish: "tool-calls", time: { created: 9, completed: 9 } },
      "let me look",
    );
    expect(await judge()).toEqual({ type: "no_answer" });
  });

  test("an empty final message is no answer", async () => {
    store.store("ses", done(prompt), "  ");
    expect(await judge()).toEqual({ type: "no_answer" });
  });

  test("an abort is known by the event while the store does not say it yet", async () => {
    store.store("ses", { role: "assistant", parentID: prompt }, "half a");
    expect(await judge({ error: { name: "MessageAbortedError", text: "aborted" } })).toEqual({ type: "interrupted" });
  });

  test("an abort while the service was waited for leaves no error anywhere", async () => {
    store.store("ses", { role: "assistant", parentID: prompt }, "");
    expect(await judge({ wasRetrying: true })).toEqual({ type: "interrupted" });
  });

  test("an error is told in the model's words", async () => {
    const error = { name: "APIError", data: { message: "on strike" } };
    store.store("ses", { role: "assistant", parentID: prompt, error }, "");
    expect(await judge()).toEqual({ type: "model_error", error: "APIError: on strike" });
  });

  test("an overflow on the way is history once the copy of our prompt is answered", async () => {
    store.store("ses", { role: "assistant", parentID: prompt, error: { name: "ContextOverflowError" } }, "");
    store.store("ses", { ...done("msg_compaction"), summary: true }, "What we did");
    const copy = store.store("ses", { role: "user" }, "How many?", OURS);
    store.store("ses", done(copy), "Seven.");
    expect(await judge({ error: { name: "ContextOverflowError", text: "too long" } })).toEqual({
      type: "answer",
      text: "Seven.",
    });
  });

  test("OpenCode's own prompt to go on after a compaction continues ours", async () => {
    const goOn = store.store("ses", { role: "user" }, "Continue", { compaction_continue: true });
    store.store("ses", done(goOn), "Seven.");
    expect(await judge()).toEqual({ type: "answer", text: "Seven." });
  });

  test("what the model says to its user's own words belongs to the user", async () => {
    const human = store.store("ses", { role: "user" }, "and a joke");
    store.store("ses", done(human), "Private words.");
    expect(await judge()).toEqual({ type: "joined" });
  });

  test("an answer given before the user's words came stays the answer", async () => {
    store.store("ses", done(prompt), "Seven.");
    const human = store.store("ses", { role: "user" }, "and a joke");
    store.store("ses", done(human), "Private words.");
    expect(await judge()).toEqual({ type: "answer", text: "Seven." });
  });
});
