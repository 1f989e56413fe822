import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { fitsSearch, parseSearch, relevance, snippetOf, wordsOf } from "./text-search.ts";

const words = (text: string) => wordsOf(text).map((word) => word.text);

test.each([
  ["GET /users?page=2", ["get", "users", "page", "2"]],
  ["snake_case, kebab-case", ["snake", "case", "kebab", "case"]],
  ["Äpfel straße İstanbul ﬁne", ["apfel", "straße", "istanbul", "fine"]],
  ["受信 box", ["受", "信", "box"]],
  ["x受信y", ["x", "受", "信", "y"]],
  ["½ ② a\u0301b", ["12", "2", "ab"]],
  [" \n\u0000\u001b[31m", ["31m"]],
  ["", []],
])("the words of %p", (text, expected) => expect(words(text)).toEqual(expected));

test("a word knows where it stands", () => {
  const text = "«Größe» 受信 ok";
  expect(wordsOf(text).map((word) => text.slice(word.start, word.end))).toEqual(["Größe", "受", "信", "ok"]);
});

describe("what is typed", () => {
  test.each([
    [
      "held mail",
      [
        { words: ["held"], isPrefix: false },
        { words: ["mail"], isPrefix: true },
      ],
    ],
    ["src/store.ts", [{ words: ["src", "store", "ts"], isPrefix: true }]],
    [
      '"held mail" rou',
      [
        { words: ["held", "mail"], isPrefix: false },
        { words: ["rou"], isPrefix: true },
      ],
    ],
    [
      'x "held mail"',
      [
        { words: ["x"], isPrefix: false },
        { words: ["held", "mail"], isPrefix: false },
      ],
    ],
    ["a", [{ words: ["a"], isPrefix: false }]],
    ["say *", [{ words: ["say"], isPrefix: true }]],
  ])("%p", (text, terms) => expect(parseSearch(text)).toEqual(terms));

  test.each(["", "  ", '""', "*", "()", "\u0000", "🦊"])("%p has no word, and that is said", (text) =>
    expect(() => parseSearch(text)).toThrow("no word to search for"),
  );

  test("too many words are refused with the limit", () =>
    expect(() => parseSearch("w ".repeat(33))).toThrow("may have 32 words; this one has 33"));
});

// @req find.no-syntax
test("whatever a text is, its own words find it", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 60 }), (text) => {
      const own = words(text).slice(0, 20);
      if (own.length === 0) return;
      expect(fitsSearch(text, parseSearch(`"${own.join(" ")}"`))).toBeTrue();
      expect(fitsSearch(text, parseSearch(own.join(" ")))).toBeTrue();
    }),
    { numRuns: 3_000, examples: [["\u3280\ua000"], ["\u337f"]] },
  );
});

describe("a snippet", () => {
  const show = (text: string, query: string) => {
    const { text: line, marks } = snippetOf(text, parseSearch(query));
    return { line, hits: marks.map(([start, end]) => line.slice(start, end)) };
  };

  test("of a short text is the text, on one line, with its hits", () =>
    expect(show("Held mail\nis \u001b mail\u202e that is held", "held mai")).toEqual({
      line: "Held mail is   mail  that is held",
      hits: ["Held", "mail", "mail", "held"],
    }));

  test("of a long text begins at a word near the first hit and says what it leaves out", () => {
    const { line, hits } = show(`${"lorem ipsum ".repeat(50)}the needle ${"dolor ".repeat(100)}`, "needle");
    expect(line).toMatch(/^…(ipsum|lorem) .*the needle dolor .*…$/);
    expect(line.length).toBeLessThanOrEqual(202);
    expect(hits).toEqual(["needle"]);
  });

  test("marks what overlaps once, and phrases whole", () => {
    expect(show("a core/router.ts b", '"core router" router.ts').hits).toEqual(["core/router.ts"]);
  });

  test("has its marks within it and is well formed, whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 600 }), fc.nat(20), (text, at) => {
        const own = words(text);
        const query = own[at % Math.max(1, own.length)];
        if (query === undefined) return;
        const { text: line, marks } = snippetOf(text, [{ words: [query], isPrefix: false }]);
        expect(line.isWellFormed()).toBeTrue();
        expect(line).not.toMatch(/[\p{Cc}\p{Cf}]/u);
        expect(marks.length).toBeGreaterThan(0);
        let last = 0;
        for (const [start, end] of marks) {
          expect(start).toBeGreaterThanOrEqual(last);
          expect(end).toBeGreaterThan(start);
          expect(end).toBeLessThanOrEqual(line.length);
          last = end;
        }
      }),
      { numRuns: 500 },
    );
  });
});

test("more hits in a shorter text fit better", () => {
  const terms = parseSearch("router");
  const long = "word ".repeat(200);
  const scores = [`router router ${long}`, "router", `router ${long}`, "none"].map((text) => relevance(text, terms));
  expect(scores[1]).toBeGreaterThan(scores[0] ?? 0);
  expect(scores[0]).toBeGreaterThan(scores[2] ?? 0);
  expect(scores[3]).toBe(0);
});
