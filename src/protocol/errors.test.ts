import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { asRepowireError, ERRORS, ErrorCode, fromZod, Problem, RepowireError, toProblem } from "./errors.ts";
import { Body } from "./messages.ts";

/** Everything that one schema says about one value. */
function refused(schema: z.ZodType, value: unknown): RepowireError {
  const parsed = schema.safeParse(value);
  if (parsed.success) throw new Error("it was taken");
  return fromZod(parsed.error, "notify");
}

test.each(ErrorCode.options)("%s becomes a problem that says what the table says", (code) => {
  const problem = toProblem(new RepowireError(code, "What was found."));
  expect(Problem.parse(problem)).toEqual({
    type: `https://repowire.dev/errors/${code}`,
    title: ERRORS[code].title,
    status: ERRORS[code].status,
    detail: "What was found.",
    code,
    retryable: ERRORS[code].retryable,
  });
});

describe("a failed parse is one sentence", () => {
  test("with the field, however deep", () => {
    const schema = z.object({ session: z.object({ pid: z.number() }) });
    expect(refused(schema, { session: { pid: "1" } }).message).toStartWith('notify: "session.pid": ');
  });

  test("with what is not known and what to do", () => {
    const schema = z.strictObject({ text: z.string() });
    expect(refused(schema, { text: "x", from: "boss", to: "all" })).toMatchObject({
      code: "invalid_input",
      message: 'notify does not know "from", "to". Remove it and try again.',
    });
  });

  test("under the row of the table that a schema names", () => {
    const error = refused(z.object({ text: Body }), { text: "x".repeat(300_000) });
    expect(error.code).toBe("body_too_large");
    expect(error.message).toContain("is 300000 bytes");
    expect(refused(z.object({ text: Body }), { text: " " }).code).toBe("invalid_input");
  });
});

test("what was thrown by mistake says nothing of its inside", () => {
  const refusal = new RepowireError("forbidden", "no");
  expect(asRepowireError(refusal)).toBe(refusal);
  const bug = asRepowireError(new Error("password=hunter2"));
  expect(bug.code).toBe("internal");
  expect(bug.message).not.toContain("hunter2");
});
