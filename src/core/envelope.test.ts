import { describe, expect, test } from "bun:test";
import { byteLength } from "../protocol/index.ts";
import { excerpt, shownBytes, sliceBytes } from "./envelope.ts";

describe("a part of a text", () => {
  const text = "aé€🦊z";

  test("never cuts a character in two, and ends before the limit rather than after it", () => {
    const ends = Array.from({ length: byteLength(text) + 1 }, (_, max) => sliceBytes(text, 0, max));
    expect(ends.map(({ part }) => part)).toEqual([
      "",
      "a",
      "a",
      "aé",
      "aé",
      "aé",
      "aé€",
      "aé€",
      "aé€",
      "aé€",
      "aé€🦊",
      "aé€🦊z",
    ]);
    for (const { part, end } of ends) expect(byteLength(part)).toBe(end);
  });

  test("after part gives the whole, whatever the size of a part", () => {
    for (const size of [4, 5, 6, 7, 100]) {
      let whole = "";
      for (let offset = 0; offset < byteLength(text); ) {
        const { part, end } = sliceBytes(text, offset, size);
        whole += part;
        offset = end;
      }
      expect(whole).toBe(text);
    }
  });

  test("past the end is empty", () => {
    expect(sliceBytes("abc", 3, 10)).toEqual({ part: "", end: 3 });
  });

  test("that is shown is counted as it is cut", () => {
    for (const max of [0, 1, 2, 3, 7, 100])
      expect(shownBytes({ body: text, body_bytes: byteLength(text) }, max)).toBe(sliceBytes(text, 0, max).end);
  });
});

test("an excerpt is one line of limited length that says where it was cut", () => {
  expect(excerpt("  what\n\tdoes\r\n it return?  ")).toBe("what does it return?");
  expect(excerpt("abcdef", 6)).toBe("abcdef");
  expect(excerpt("abcdefg", 6)).toBe("abcde…");
});
