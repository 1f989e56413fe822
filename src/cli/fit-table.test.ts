import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Column, fit, fitTable } from "./fit-table.ts";

const COLUMNS: Column[] = [
  { head: "NAME", min: 8 },
  { head: "DOING", min: 6, drops: 2 },
  { head: "N", isNumber: true },
];

describe("a table for a terminal", () => {
  test("with room stands as it is, numbers to the right", () => {
    expect(
      fitTable(
        COLUMNS,
        [
          ["backend", "tests", "7"],
          ["web", "", "12"],
        ],
        80,
      ),
    ).toEqual(["NAME     DOING   N", "backend  tests   7", "web             12"]);
  });

  test("without room cuts the widest cells, and says so by an ellipsis", () => {
    const lines = fitTable(COLUMNS, [["backend", "moving the users to cursors", "7"]], 24);
    expect(lines).toEqual(["NAME     DOING         N", "backend  moving the …  7"]);
  });

  test("with less still leaves out what matters least", () => {
    expect(fitTable(COLUMNS, [["backend", "moving the users", "7"]], 14)).toEqual(["NAME     N", "backend  7"]);
  });

  test("a column of nothing is left out where it may be", () => {
    expect(fitTable(COLUMNS, [["backend", "", "7"]], 80)).toEqual(["NAME     N", "backend  7"]);
  });

  test("no line is ever wider, whatever stands in the cells", () => {
    const cell = fc.oneof(fc.string(), fc.constantFrom("日本語のなまえ", "👩‍👩‍👧‍👦", "e\u0301", ""));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(cell, cell, cell), { maxLength: 5 }),
        fc.integer({ min: 1, max: 60 }),
        (rows, width) => {
          const clean = rows.map((row) => row.map((text) => text.replace(/\p{Cc}/gu, "")));
          for (const line of fitTable(COLUMNS, clean, width)) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(width);
        },
      ),
    );
  });

  test("a coloured line that is cut ends its colour", () => {
    expect(fit("\u001b[31mred and long\u001b[0m", 5)).toBe("\u001b[31mred …\u001b[0m");
    expect(fit("plain and long", 5)).toBe("plai…");
  });
});
