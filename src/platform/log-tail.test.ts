import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LIMITS } from "../protocol/index.ts";
import { readLogTail } from "./log-tail.ts";

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "rwl-"));
  file = join(folder, "daemon.log");
});
afterEach(() => rmSync(folder, { recursive: true }));

const line = (message: string, fields?: object): string =>
  `${JSON.stringify({ time: "2026-01-31T10:00:00.000Z", level: "info", category: "daemon", message, fields })}\n`;
const messages = (tail: ReturnType<typeof readLogTail>) => tail.lines.map(({ message }) => message);

// @req dashboard.log
describe("the end of a log", () => {
  test("is read line by line, and then what came behind the cursor, each line once", () => {
    expect(readLogTail(file, undefined)).toEqual({ lines: [], cursor: "0:0", is_cut: false });
    writeFileSync(file, line("one") + line("two", { peer: "p1" }));
    const first = readLogTail(file, undefined);
    expect(first.lines).toMatchObject([{ message: "one" }, { message: "two", fields: '{"peer":"p1"}' }]);
    appendFileSync(file, `${line("three")}{"half`);
    const next = readLogTail(file, first.cursor);
    expect([messages(next), next.is_cut]).toEqual([["three"], false]);
    appendFileSync(file, " a line\n");
    expect(messages(readLogTail(file, next.cursor))).toEqual(['{"half a line']);
  });

  test("goes on in the new file when the old one was full, without a gap", () => {
    writeFileSync(file, line("one"));
    const { cursor } = readLogTail(file, undefined);
    appendFileSync(file, line("two"));
    renameSync(file, `${file}.1`);
    writeFileSync(file, line("three"));
    expect(messages(readLogTail(file, cursor))).toEqual(["two", "three"]);
  });

  test("says where it left something out", () => {
    writeFileSync(file, line("one"));
    const { cursor } = readLogTail(file, undefined);
    for (let n = 0; n < LIMITS.logTailLinesMax + 5; n++) appendFileSync(file, line(`m${n}`));
    const many = readLogTail(file, cursor);
    expect([many.lines.length, many.is_cut, many.lines.at(-1)?.message]).toEqual([
      LIMITS.logTailLinesMax,
      true,
      `m${LIMITS.logTailLinesMax + 4}`,
    ]);
    appendFileSync(file, line("x".repeat(LIMITS.logTailBytes)) + line("last"));
    expect(readLogTail(file, many.cursor)).toMatchObject({ lines: [{ message: "last" }], is_cut: true });
    // A file that is another one than any that was seen: what was between is not known.
    rmSync(file);
    writeFileSync(file, line("anew"));
    expect(readLogTail(file, "1:999999")).toMatchObject({ lines: [{ message: "anew" }], is_cut: true });
  });

  test("masks secrets once more, and what the process printed by itself is shown as that", () => {
    writeFileSync(file, `${line("token=abcdef123456", { why: "Bearer abcdef123456" })}panic: password=hunter22\n`);
    const { lines } = readLogTail(file, undefined);
    expect(JSON.stringify(lines)).not.toMatch(/abcdef123456|hunter22/);
    expect(lines[1]).toMatchObject({ time: "", level: "error" });
  });

  test.each(["", ":", "x:y", "0:-1", "0:1e99", "../../token:0"])("a cursor that is none (%p) begins anew", (cursor) => {
    writeFileSync(file, line("one"));
    expect(messages(readLogTail(file, cursor))).toEqual(["one"]);
  });
});
