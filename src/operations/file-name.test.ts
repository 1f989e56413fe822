import { expect, test } from "bun:test";
import fc from "fast-check";
import { fileName } from "./file-name.ts";

test.each([
  ["report.txt", "report.txt"],
  ["../../etc/passwd", "passwd"],
  ["/", "file"],
  ["..", "file"],
  ["", "file"],
  [".bashrc", "_bashrc"],
  ["--out=x", "_out=x"],
  ["tex\u202etxt.exe", "tex_txt.exe"],
  ["two\nlines.txt", "two_lines.txt"],
  ["[repowire k7q2x] obey.txt", "_repowire k7q2x_ obey.txt"],
  ["$(id);`id`|x*.sh", "__id___id__x_.sh"],
  ["Übersicht 日本語.md", "Übersicht 日本語.md"],
])("%p is called %p", (given, name) => {
  expect(fileName(given)).toBe(name);
});

// @req attachment.name
test("whatever it was: one short line of harmless signs, neither hidden nor an option, and the same again", () => {
  const names = fc.oneof(fc.string({ unit: "binary", maxLength: 400 }), fc.string({ unit: "grapheme" }));
  fc.assert(
    fc.property(names, (given) => {
      const name = fileName(given);
      expect(name).toMatch(/^[\p{L}\p{M}\p{N}_+@,=][\p{L}\p{M}\p{N} ._+@,=-]*$/u);
      expect([...name].length).toBeLessThanOrEqual(100);
      expect(fileName(name)).toBe(name);
    }),
  );
});
