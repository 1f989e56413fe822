import { expect, test } from "bun:test";
import { gemini } from "./gemini.ts";

const deny = (event: string, prompt: unknown, isReached: boolean) =>
  gemini.insist?.(event, { prompt }, isReached)?.decision;

test("without the daemon no prompt with a tag goes on, any other does", () => {
  expect(deny("BeforeAgent", "[repowire k7q2x]", false)).toBe("deny");
  expect(deny("BeforeAgent", "x [repowire k7q2x] y", false)).toBe("deny");
  expect(deny("BeforeAgent", "hello", false)).toBeUndefined();
  expect(deny("AfterAgent", "[repowire k7q2x]", false)).toBeUndefined();
  expect(deny("BeforeAgent", 7, false)).toBeUndefined();
});

test("with a daemon that said nothing of it, a tag alone does not go on either; a text about tags does", () => {
  expect(deny("BeforeAgent", "[repowire k7q2x]", true)).toBe("deny");
  expect(deny("BeforeAgent", "what is [repowire k7q2x]", true)).toBeUndefined();
});
