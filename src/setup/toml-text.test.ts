import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ConfigTextError } from "./text-error.ts";
import { scanToml } from "./toml-scan.ts";
import { addTable, changeValues, findToml, parseTomlText, removeEmptyTable, removeToml } from "./toml-text.ts";

const PATH = ["mcp_servers", "repowire"];
const SERVER = {
  url: "http://127.0.0.1:8377/mcp",
  http_headers: { Authorization: "Bearer x" },
  tool_timeout_sec: 3600,
};
const TOOL = [...PATH, "tools", "ask_peer"];

const added = (text: string) =>
  addTable(addTable(parseTomlText(text), PATH, SERVER), TOOL, { approval_mode: "approve" });

const USERS = [
  "",
  "# only a comment\n",
  'model = "gpt-5"',
  'model = "gpt-5" # mine\r\n\r\n[features]\r\nhooks = true\r\n',
  `# mine
model = "gpt-5" # the good one
note = """
[mcp_servers.repowire]
url = "not a table"
"""
args = [ # a list
  "a", 'b # no comment', # "x
]

# servers of mine
[mcp_servers.other]
command = "npx" # trailing

[[profiles]]
name = "a"

[projects."/work/a.b"]
trust_level = "trusted"
`,
];

describe("A table", () => {
  test("is added as lines of its own at the end, as a person would write it", () => {
    expect(added('model = "x"\n').text).toBe(`model = "x"

[mcp_servers.repowire]
url = "http://127.0.0.1:8377/mcp"
http_headers = { Authorization = "Bearer x" }
tool_timeout_sec = 3600

[mcp_servers.repowire.tools.ask_peer]
approval_mode = "approve"
`);
  });

  test.each(USERS)("leaves what is there, and is taken out without a trace: %j", (text) => {
    const doc = added(text);
    expect(doc.text.startsWith(text)).toBe(true);
    expect(findToml(doc, TOOL)).toEqual({ approval_mode: "approve" });
    const back = removeToml(doc, PATH).text;
    expect(back.trimEnd()).toBe(text.trimEnd());
    if (text === "" || text.endsWith("\n")) expect(back).toBe(text);
  });

  test("is taken out from among what others wrote below, around and inside it; their comments stay", () => {
    const text = added("a = 1\n").text.replace(
      "tool_timeout_sec = 3600",
      "tool_timeout_sec = 60 # mine\n# note\nenabled = true",
    );
    const later = '\n# the trust of hooks\n[hooks.state."/x/hooks.json:stop:0:0"]\ntrusted_hash = "sha256:aa"\n';
    expect(removeToml(parseTomlText(text + later), PATH).text).toBe(`a = 1\n# note\n${later}`);
  });

  test("goes into an inline table, where its parent is one, and out of it again", () => {
    const text = "mcp_servers = { other = { command = 'a' } } # all of them\nb = 2\n";
    const doc = added(text);
    expect(findToml(doc, [...PATH, "url"])).toBe(SERVER.url);
    expect(doc.text.split("\n").length).toBe(3);
    expect(removeToml(doc, PATH).text).toBe(text);
  });

  test("is changed in its place, and what else is in it stays", () => {
    const text = added("").text.replace("3600", "3600 # long");
    const doc = parseTomlText(`${text}\n# mine\n[tui]\ntheme = "x" # nice\n`);
    const next = changeValues(doc, PATH, {
      http_headers: { Authorization: "Bearer new" },
      tool_timeout_sec: 60,
      b: "c",
    });
    expect(next.text).toBe(`[mcp_servers.repowire]
b = "c"
url = "http://127.0.0.1:8377/mcp"
http_headers = { Authorization = "Bearer new" }
tool_timeout_sec = 60 # long

[mcp_servers.repowire.tools.ask_peer]
approval_mode = "approve"

# mine
[tui]
theme = "x" # nice
`);
  });

  test("is changed in an inline table too", () => {
    const doc = parseTomlText("mcp_servers = { repowire = { url = 'a', more = 1 } }\nb = 2 # two\n");
    expect(changeValues(doc, PATH, { url: "b" }).text).toBe(
      "mcp_servers = { repowire = { url = 'b', more = 1 } }\nb = 2 # two\n",
    );
  });

  test("that is empty is taken out with its header, one that is not stays", () => {
    const text = '[hooks.state]\n\n[hooks.state."k"]\ntrusted_hash = "x"\n';
    const empty = removeToml(parseTomlText(text), ["hooks", "state", "k"]);
    expect(removeEmptyTable(empty, ["hooks", "state"]).text).toBe("");
    expect(removeEmptyTable(parseTomlText(text), ["hooks", "state"]).text).toBe(text);
  });
});

test("What is no TOML is named with its line", () => {
  const refused = () => parseTomlText('a = 1\nb = "x"\nc = \n');
  expect(refused).toThrow(ConfigTextError);
  try {
    refused();
  } catch (error) {
    expect(error).toMatchObject({ line: 3 });
  }
});

test("Whatever strings, keys and lists a file holds: taking ours out gives the same text back", () => {
  const key = fc.oneof(
    fc.stringMatching(/^[A-Za-z0-9_-]{1,8}$/),
    fc.string({ maxLength: 8 }).map((text) => JSON.stringify(text)),
  );
  const scalar = fc.oneof(
    fc.integer().map(String),
    fc.string({ maxLength: 12 }).map((text) => JSON.stringify(text)),
    fc.stringMatching(/^[a-z#[\]="\\ ]{0,10}$/).map((text) => `'${text}'`),
    fc.stringMatching(/^[a-z#[\]=' ]{0,10}$/).map((text) => `"""\n${text}\n[x]\n"""`),
    fc.constant("[1, # one ]\n  2,\n]"),
    fc.constant("{ a = 1, b = { c = '#' } }"),
  );
  const comment = fc.constantFrom("", " # said", "\n# alone", "\n");
  const line = fc.tuple(key, scalar, comment).map(([name, value, after]) => `${name} = ${value}${after}\n`);
  const table = fc
    .tuple(key, fc.array(line, { maxLength: 3 }))
    .map(([name, lines]) => `[t.${name}]\n${lines.join("")}`);
  fc.assert(
    fc.property(fc.array(line, { maxLength: 3 }), fc.array(table, { maxLength: 3 }), (lines, tables) => {
      const text = lines.join("") + tables.join("");
      try {
        parseTomlText(text);
      } catch {
        // A key that stands twice, or a character that TOML does not have.
        return;
      }
      expect(removeToml(added(text), PATH).text).toBe(text);
      expect(scanToml(text).filter(({ kind }) => kind === "table").length).toBe(tables.length);
    }),
    { numRuns: 300 },
  );
});
