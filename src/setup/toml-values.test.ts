import { describe, expect, test } from "bun:test";
import { parseTomlText } from "./toml-text.ts";
import { placeToml, takeOutToml } from "./toml-values.ts";
import { type Edit, EditConflict } from "./values.ts";

const server = (authorization: string, more: object = {}): Edit => ({
  kind: "key",
  path: ["mcp_servers", "repowire"],
  value: { url: "http://127.0.0.1:8377/mcp", http_headers: { Authorization: authorization }, ...more },
  mark: authorization,
});
const place = (text: string, edit: Edit, known?: Edit) => placeToml(parseTomlText(text), edit, known);
const placed = (edit: Edit) => place("", edit).doc.text;

describe("A table of ours", () => {
  test("that is there is left alone; on record or not, it is known by its credential", () => {
    const edit = server("Bearer a");
    expect(place(placed(edit), edit, edit)).toMatchObject({ state: "there", added: { path: edit.path } });
    expect(place(placed(edit), edit)).toMatchObject({ state: "there", added: { mark: "Bearer a" } });
  });

  test("of an earlier setup gets the new values, and loses those that are not wanted any more", () => {
    const before = server("Bearer a", { tool_timeout_sec: 60 });
    const result = place(`${placed(before)}# mine\nenabled = true\n`, server("Bearer b"), before);
    expect(result.state).toBe("outdated");
    expect(result.doc.root.mcp_servers).toEqual({
      repowire: { url: "http://127.0.0.1:8377/mcp", http_headers: { Authorization: "Bearer b" }, enabled: true },
    });
    expect(result.doc.text).toContain("# mine");
  });

  test("that its user has changed stays as they left it", () => {
    const edit = server("Bearer a", { tool_timeout_sec: 60 });
    const text = placed(edit).replace("60", "90");
    expect(place(text, edit, edit)).toMatchObject({ state: "there", doc: { text } });
  });

  test("is not taken for ours when it has another credential, at the same address too", () => {
    const text = placed(server("Bearer of another home"));
    expect(() => place(text, server("Bearer a"))).toThrow(EditConflict);
    expect(takeOutToml(parseTomlText(text), server("Bearer a"))).toBeUndefined();
  });

  test("that is declined is not written", () => {
    expect(place("", { ...server("Bearer a"), isDeclined: true })).toMatchObject({
      state: "declined",
      doc: { text: "" },
    });
  });

  test("says which tables had to be made around it", () => {
    expect(place("", server("Bearer a")).created).toEqual([["mcp_servers"]]);
    expect(place("[mcp_servers.other]\ncommand = 'x'\n", server("Bearer a")).created).toEqual([]);
  });
});

test("Entries are found by what they hold: the CLI's keys may have changed, and others' entries stay", () => {
  const text =
    '[hooks.state."f:stop:1:0"]\ntrusted_hash = "ours"\n\n[hooks.state."f:stop:0:0"]\ntrusted_hash = "theirs"\n';
  const entry: Edit = { kind: "entry", path: ["hooks", "state"], value: { trusted_hash: "ours" } };
  expect(takeOutToml(parseTomlText(text), entry)?.text).toBe('\n[hooks.state."f:stop:0:0"]\ntrusted_hash = "theirs"\n');
  expect(takeOutToml(parseTomlText(""), entry)).toBeUndefined();
});
