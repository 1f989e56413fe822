import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Block, type Inline, parseMarkdown, visible } from "./markdown.ts";

/** Every text and every address in a tree. */
function leaves(blocks: readonly Block[]): { texts: string[]; links: string[] } {
  const found = { texts: [] as string[], links: [] as string[] };
  const inline = (part: Inline): void => {
    if (part.type === "text" || part.type === "code") found.texts.push(part.text);
    else if (part.type !== "break") {
      if (part.type === "link") found.links.push(part.href);
      part.content.forEach(inline);
    }
  };
  const block = (one: Block): void => {
    switch (one.type) {
      case "paragraph":
      case "heading":
        return one.content.forEach(inline);
      case "code":
        return void found.texts.push(one.text);
      case "quote":
        return one.blocks.forEach(block);
      case "list":
        return one.items.forEach((item) => void item.blocks.forEach(block));
      case "table":
        for (const cell of [...one.head, ...one.rows.flat()]) cell.forEach(inline);
        return;
      case "rule":
        return;
      default:
        one satisfies never;
    }
  };
  blocks.forEach(block);
  return found;
}

const textOf = (markdown: string) => leaves(parseMarkdown(markdown)).texts.join("");

test("what people write comes out as what they mean", () => {
  expect(parseMarkdown("# Users\n\n**50** a `page`, *not* ~~20~~\n\n- one\n- two\n\n```ts\nconst a = 1;\n```")).toEqual(
    [
      { type: "heading", content: [{ type: "text", text: "Users" }] },
      {
        type: "paragraph",
        content: [
          { type: "strong", content: [{ type: "text", text: "50" }] },
          { type: "text", text: " a " },
          { type: "code", text: "page" },
          { type: "text", text: ", " },
          { type: "emphasis", content: [{ type: "text", text: "not" }] },
          { type: "text", text: " " },
          { type: "struck", content: [{ type: "text", text: "20" }] },
        ],
      },
      {
        type: "list",
        ordered: false,
        start: 1,
        items: ["one", "two"].map((text) => ({
          checked: undefined,
          blocks: [{ type: "paragraph", content: [{ type: "text", text }] }],
        })),
      },
      { type: "code", text: "const a = 1;", language: "ts" },
    ],
  );
});

test("signs that markup would have to escape stand as they were written", () => {
  expect(textOf("a < b && c > \"d\" 'e' &lt;")).toBe("a < b && c > \"d\" 'e' &lt;");
  expect(textOf("`<b>&amp;</b>`")).toBe("<b>&amp;</b>");
});

// @req dashboard.hostile-text
test.each([
  ["<script>alert(1)</script>"],
  ["<img src=x onerror=alert(1)>"],
  ["a <b onclick=alert(1)>b</b> c"],
  ["<!-- comment -->"],
])("HTML stays text: %s", (html) => {
  expect(textOf(html)).toContain(html);
});

test.each([
  ["javascript", "[x](javascript:alert(1))"],
  ["with a tab", "[x](java\tscript:alert(1))"],
  ["with an entity", "[x](&#106;avascript:alert(1))"],
  ["data", "[x](data:text/html,<script>alert(1)</script>)"],
  ["vbscript", "[x](vbscript:x)"],
  ["file", "[x](file:///etc/passwd)"],
  ["relative", "[x](/v1/decide)"],
  ["of the page itself", "[x](#/waits)"],
  ["protocol-relative", "[x](//evil.test)"],
  ["angle brackets", "<javascript:alert(1)>"],
])("no link leads elsewhere than to http, https or mail: %s", (_name, markdown) => {
  expect(leaves(parseMarkdown(markdown)).links).toEqual([]);
});

test("a link says where it leads; an image is a link, and nothing loads it", () => {
  expect(parseMarkdown("[bank.test](https://evil.test/a)")).toEqual([
    {
      type: "paragraph",
      content: [
        {
          type: "link",
          href: "https://evil.test/a",
          host: "evil.test",
          content: [{ type: "text", text: "bank.test" }],
        },
      ],
    },
  ]);
  expect(leaves(parseMarkdown("![a](https://evil.test/pixel.png)"))).toEqual({
    texts: ["image: a"],
    links: ["https://evil.test/pixel.png"],
  });
});

test("characters that turn or hide their neighbours are shown", () => {
  expect(visible("a\u202eb\u200bc\u0007\u2066d\r\ne\tf")).toBe("a⟨202e⟩b⟨200b⟩c⟨0007⟩⟨2066⟩d\ne\tf");
});

test("the deepest nesting and the longest text are shown, soon", () => {
  const startedAt = performance.now();
  for (const text of [
    ">".repeat(5_000),
    "- ".repeat(5_000),
    "[".repeat(9_000),
    "*a_".repeat(5_000),
    "`".repeat(9_000),
    "x".repeat(262_144),
  ])
    expect(parseMarkdown(text).length).toBeGreaterThan(0);
  expect(performance.now() - startedAt).toBeLessThan(3_000);
});

test("whatever the text, every link of its tree leads to http, https or mail", () => {
  const part = fc.constantFrom(
    "[",
    "]",
    "(",
    ")",
    "<",
    ">",
    "!",
    "javascript:",
    "https://a.test",
    "\n",
    " ",
    "`",
    "*",
    "&#106;",
    "|",
    "-",
    "x",
    "\\",
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 30 }), (parts) => {
      for (const href of leaves(parseMarkdown(parts.join(""))).links) expect(href).toMatch(/^(https?|mailto):/);
    }),
  );
});
