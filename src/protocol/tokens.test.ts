import { expect, test } from "bun:test";
import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { estimatedTokens } from "./tokens.ts";

test("each recipient pays for the text and for its frame", () => {
  expect(estimatedTokens("", 1)).toBe(60);
  expect(estimatedTokens("main is green", 2)).toBe(2 * (4 + 60));
  expect(estimatedTokens("main is green", 0)).toBe(0);
});

test("is near what a tokenizer counts", () => {
  const text =
    "The staging database was migrated this morning: users.email is now unique, and POST /users answers 409 where it is taken. Pull main before you run the tests, or they fail in src/store/users.test.ts.";
  const counted = encode(text).length + 60;
  expect(Math.abs(estimatedTokens(text, 1) - counted) / counted).toBeLessThan(0.15);
});
