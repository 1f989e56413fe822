import { describe, expect, test } from "bun:test";
import { attemptOf, clientIdOf, limitFromText, oursInQueue, readTurn } from "./turns.ts";
import { Turn } from "./wire.ts";

const ID = "msg_01a2142f-0000-7000-8000-000000000001";
const OTHER = "msg_01a2142f-0000-7000-8000-000000000002";
const user = (clientId: string | null, text: string) => ({
  type: "userMessage",
  clientId,
  content: [{ type: "text", text }],
});
const says = (text: string) => ({ type: "agentMessage", text });
const turn = (status: string, items: object[], error?: object) =>
  readTurn(Turn.parse({ id: "t", status, items, error }));

describe("ids of attempts", () => {
  test("the first is the message's id, later ones say which", () => {
    expect(clientIdOf(ID, 1)).toBe(ID);
    expect(attemptOf(clientIdOf(ID, 3))).toEqual({ message: ID, attempt: 3 });
  });

  test("what a TUI makes up, or anybody else, is no attempt of ours", () => {
    for (const id of ["fc79e553-ef15-4611-93c6-4eb3617ec186", "", "msg_1", `${ID}:x`, `${ID}:1234`])
      expect(attemptOf(id)).toBeUndefined();
  });
});

describe("a turn", () => {
  test("taken in but without output is not seen", () => {
    expect(turn("inProgress", [user(ID, "[repowire ask k7q2x from web] Why?")])).toMatchObject({
      state: "running",
      ours: [{ message: ID, attempt: 1, handles: ["k7q2x"], isSeen: false }],
      hasOthers: false,
    });
  });

  test("output after it is what makes it seen, and only after it", () => {
    const view = turn("inProgress", [user(ID, "a"), says("working"), user(OTHER, "b")]);
    expect(view.ours.map((input) => input.isSeen)).toEqual([true, false]);
  });

  test("the last text is the answer, to every question that joined", () => {
    const view = turn("completed", [user(ID, "a"), says("first"), user(OTHER, "b"), says("last")]);
    expect(view).toMatchObject({ answer: "last", hasOthers: false });
    expect(view.ours.map((input) => input.message)).toEqual([ID, OTHER]);
  });

  test("an answer by the reply tool that reached nobody is kept, with the question that it names; a refusal is not", () => {
    const reply = (more: object) => ({
      type: "mcpToolCall",
      server: "repowire",
      tool: "reply",
      status: "failed",
      ...more,
    });
    const given = { id: "k7q2x", text: "Seven." };
    const error = { message: "HTTP request failed" };
    const view = turn("completed", [
      user(ID, "a"),
      reply({ arguments: given, error }),
      reply({ arguments: given, error: null, result: { isError: true } }),
      reply({ arguments: { ...given, outcome: "decline" }, error }),
      reply({ arguments: given, error, server: "other" }),
      reply({ arguments: "k7q2x", error }),
      says("Noted."),
    ]);
    expect(view).toMatchObject({ unsent: [{ handle: "k7q2x", text: "Seven." }], answer: "Noted." });
  });

  test("what its user typed makes it the user's", () => {
    expect(turn("completed", [user(ID, "a"), user("fc79e553", "also this"), says("ok")]).hasOthers).toBe(true);
    expect(turn("completed", [user(null, "typed"), says("ok")]).hasOthers).toBe(true);
  });

  test("a tag in somebody's text that is not at the beginning of a line names no delivery", () => {
    const view = turn("completed", [
      user(ID, "[repowire ask k7q2x from web] see (repowire ask zzzzz] x [repowire ask m3xdp from y]"),
    ]);
    expect(view.ours[0]?.handles).toEqual(["k7q2x"]);
  });

  test("news that rode along is named too", () => {
    const view = turn("completed", [
      user(ID, "[repowire notify m3xdp from a] x\n(No reply.)\n\n[repowire ask k7q2x from b] y"),
    ]);
    expect(view.ours[0]?.handles).toEqual(["m3xdp", "k7q2x"]);
  });

  test("failures: the error's words, and whether it is a usage limit", () => {
    const failed = (codexErrorInfo: unknown) => turn("failed", [user(ID, "a")], { message: "no", codexErrorInfo });
    expect(failed("usageLimitExceeded")).toMatchObject({ state: "failed", error: "no", isLimit: true });
    expect(failed({ responseTooManyFailedAttempts: { httpStatusCode: 429 } }).isLimit).toBe(false);
  });
});

test("of Codex's queue only our own attempts count", () => {
  const input = [{ text: "[repowire ask k7q2x from web] Why?" }];
  const queue = [
    { id: "q1", clientUserMessageId: `${ID}:2`, input },
    { id: "q2", clientUserMessageId: "typed", input },
  ];
  expect(oursInQueue(queue)).toEqual([{ id: "q1", message: ID, attempt: 2, handles: ["k7q2x"] }]);
});

describe("a limit in words", () => {
  const now = new Date(2026, 10, 25, 23, 30).getTime();
  test("the next such minute, tomorrow if it is past", () => {
    expect(limitFromText("You've hit your usage limit, try again at 11:51 PM.", now)).toBe(
      new Date(2026, 10, 25, 23, 51).getTime(),
    );
    expect(limitFromText("… try again at 5:51 AM", now)).toBe(new Date(2026, 10, 26, 5, 51).getTime());
    expect(limitFromText("… try again at 12:05 AM", now)).toBe(new Date(2026, 10, 26, 0, 5).getTime());
  });
  test("no time, no guess", () => expect(limitFromText("try again later", now)).toBeUndefined());
});
