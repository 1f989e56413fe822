import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { findNode, insert, type Json, parseJsonText, remove, replace } from "./json-text.ts";

const SERVER: Json = { command: "/x", args: [] };

/** Adds a property to the whole, or (with `list`) elements to the list at `x`. */
function added(text: string, values: Json[], list = false): string {
  let doc = parseJsonText(text);
  for (const value of values) {
    const container = list ? findNode(doc, ["x"]) : doc.root;
    if (container) doc = insert(doc, container, value, list ? undefined : "ours");
  }
  return doc.text;
}

/** Takes the property, or the elements, out again. */
function removed(text: string, values: Json[], list = false): string {
  let doc = parseJsonText(text);
  for (const value of values) {
    const container = list ? findNode(doc, ["x"]) : doc.root;
    const child = list
      ? container?.children?.find((element) => element.value === value)
      : findNode(doc, ["ours"])?.parent;
    if (container && child) doc = remove(doc, container, child);
  }
  return doc.text;
}

describe("A property that is added", () => {
  test.each([
    ["two spaces", '{\n  "a": 1\n}\n', '{\n  "a": 1,\n  "ours": {\n    "command": "/x",\n    "args": []\n  }\n}\n'],
    [
      "four spaces, no line end",
      '{\n    "a": 1\n}',
      '{\n    "a": 1,\n    "ours": {\n        "command": "/x",\n        "args": []\n    }\n}',
    ],
    [
      "tabs and CRLF",
      '{\r\n\t"a": 1\r\n}\r\n',
      '{\r\n\t"a": 1,\r\n\t"ours": {\r\n\t\t"command": "/x",\r\n\t\t"args": []\r\n\t}\r\n}\r\n',
    ],
    ["one line", '{"a":1}', '{"a":1,"ours":{"command":"/x","args":[]}}'],
    ["one line with spaces", '{ "a": 1 }\n', '{ "a": 1, "ours": {"command":"/x","args":[]} }\n'],
    ["an empty object", "{}\n", '{\n  "ours": {\n    "command": "/x",\n    "args": []\n  }\n}\n'],
    ["an empty file", "", '{\n  "ours": {\n    "command": "/x",\n    "args": []\n  }\n}\n'],
    [
      "a comment behind the last",
      '{\n  "a": 1 // why\n}\n',
      '{\n  "a": 1, // why\n  "ours": {\n    "command": "/x",\n    "args": []\n  }\n}\n',
    ],
    [
      "a comma behind the last",
      '{\n  "a": 1, // why\n}\n',
      '{\n  "a": 1, // why\n  "ours": {\n    "command": "/x",\n    "args": []\n  },\n}\n',
    ],
    [
      "nothing but a comment",
      "{\n  // later\n}\n",
      '{\n  // later\n  "ours": {\n    "command": "/x",\n    "args": []\n  }\n}\n',
    ],
  ])("is written the way the file is: %s", (_name, before, after) => {
    expect(added(before, [SERVER])).toBe(after);
    if (before !== "") expect(removed(after, [SERVER])).toBe(before);
  });
});

describe("Elements that are added to a list", () => {
  test.each([
    ["one line", '["a"]', '["a", "one", "two"]'],
    ["one line, tight", '["a","b"]', '["a","b","one","two"]'],
    ["one line, comma behind the last", '["a",]', '["a", "one", "two",]'],
    ["empty", "[]", '[\n    "one",\n    "two"\n  ]'],
    ["lines", '[\n    "a"\n  ]', '[\n    "a",\n    "one",\n    "two"\n  ]'],
    ["several a line", '[\n    "a", "b"\n  ]', '[\n    "a", "b",\n    "one",\n    "two"\n  ]'],
    ["a comment behind the last", '[\n    "a" // why\n  ]', '[\n    "a", // why\n    "one",\n    "two"\n  ]'],
    ["a comma behind the last", '[\n    "a", // why\n  ]', '[\n    "a", // why\n    "one",\n    "two",\n  ]'],
  ])("keep its shape, and leave it as it was, in whatever order they go: %s", (_name, before, after) => {
    const whole = (list: string) => `{\n  "x": ${list},\n  "y": 1\n}\n`;
    expect(added(whole(before), ["one", "two"], true)).toBe(whole(after));
    expect(removed(whole(after), ["one", "two"], true)).toBe(whole(before));
    expect(removed(whole(after), ["two", "one"], true)).toBe(whole(before));
  });
});

test("A comment that somebody wrote behind our element stays when that is removed", () => {
  expect(removed('{\n  "x": [\n    "a",\n    "one" // theirs\n  ]\n}', ["one"], true)).toBe(
    '{\n  "x": [\n    "a"\n     // theirs\n  ]\n}',
  );
});

test("A value is replaced where it stands", () => {
  const doc = parseJsonText('{\n  "m": {\n    "ours": {\n      "a": 1\n    } // why\n  }\n}\n');
  const node = findNode(doc, ["m", "ours"]);
  expect(node && replace(doc, node, SERVER).text).toBe(
    '{\n  "m": {\n    "ours": {\n      "command": "/x",\n      "args": []\n    } // why\n  }\n}\n',
  );
});

describe("A text that cannot be edited says what is wrong, and in which line", () => {
  test.each([
    ['{\n  "a": 1,\n  "b": \n}', 4, "value expected"],
    ['{\n  "a": tru\n}', 2, "invalid symbol"],
    ['{\n  "a": 1\n', 3, "close brace expected"],
    ['{"a": 1}\n{}', 2, "end of file expected"],
    ["[1]", 1, "the file does not hold an object"],
  ])("%j", (text, line, message) => {
    expect(() => parseJsonText(text)).toThrow(expect.objectContaining({ line, message }));
  });

  test("a key that stands there twice, since readers differ about which one counts", () => {
    const doc = parseJsonText('{\n  "hooks": {},\n  "hooks": {}\n}');
    expect(() => findNode(doc, ["hooks"])).toThrow(
      expect.objectContaining({ line: 3, message: '"hooks" stands there twice' }),
    );
  });
});

test("Whatever the file holds and however it is laid out, adding changes nothing else and removing gives the same text back", () => {
  const layout = fc.record({
    value: fc.dictionary(fc.string(), fc.jsonValue()).filter((value) => !("ours" in value)),
    space: fc.constantFrom(undefined, 2, 4, "\t"),
    eol: fc.constantFrom("\n", "\r\n"),
    end: fc.constantFrom("", "\n"),
  });
  fc.assert(
    fc.property(layout, ({ value, space, eol, end }) => {
      const text = JSON.stringify(value, null, space).replaceAll("\n", eol) + end;
      const after = added(text, [SERVER]);
      expect(JSON.parse(after)).toEqual({ ...JSON.parse(text), ours: SERVER });
      expect(removed(after, [SERVER])).toBe(text);
    }),
    { numRuns: 300 },
  );
});
