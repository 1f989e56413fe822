import { expect, test } from "bun:test";
import { readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tempHome } from "../../../test/support/temp-home.ts";
import { StorageError } from "../../core/ports.ts";
import { type JournalFile, openJournal, readJournal } from "./journal-file.ts";

const EPOCH = "4e4a4f6e-0000-4000-8000-000000000000";

function opened(path: string, applied = 0): JournalFile {
  return openJournal(path, { epoch: EPOCH, stored: readJournal(path, EPOCH, applied), synchronous: "full" });
}

function stored(path: string, applied = 0) {
  const { waiting, last, isDamaged } = readJournal(path, EPOCH, applied);
  return { waiting, last, isDamaged };
}

test("gives back what was appended, in order, from where the tables are", () => {
  using home = tempHome();
  const path = home.file("journal");
  expect(stored(path, 5)).toEqual({ waiting: [], last: 5, isDamaged: false });
  const journal = opened(path);
  const long = "long: é🙂".repeat(60_000);
  for (const text of ["one", long, ""]) journal.append(text);
  expect(journal.last).toBe(3);
  expect(stored(path)).toEqual({ waiting: ["one", long, ""], last: 3, isDamaged: false });
  expect(stored(path, 2)).toEqual({ waiting: [""], last: 3, isDamaged: false });
  expect(stored(path, 3)).toEqual({ waiting: [], last: 3, isDamaged: false });
  const again = opened(path, 1);
  again.append("four");
  expect(stored(path, 1).waiting).toEqual([long, "", "four"]);
});

test("goes on at its beginning after a rewind, and what is left of before counts no more", () => {
  using home = tempHome();
  const path = home.file("journal");
  const journal = opened(path);
  for (let n = 1; n <= 9; n++) journal.append(`record ${n}`);
  journal.rewind();
  expect(stored(path, 9)).toEqual({ waiting: [], last: 9, isDamaged: false });
  // Exactly over the first of before, so that the second of before follows it directly.
  journal.append("record A");
  expect(stored(path, 9)).toEqual({ waiting: ["record A"], last: 10, isDamaged: false });
  journal.append("a record of another length");
  expect(stored(path, 9)).toEqual({ waiting: ["record A", "a record of another length"], last: 11, isDamaged: false });
});

test("a record that a crash tore was never stored, wherever it was torn", () => {
  using home = tempHome();
  const path = home.file("journal");
  const journal = opened(path);
  for (let n = 1; n <= 4; n++) journal.append(`record ${n} of before`);
  journal.rewind();
  const before = readFileSync(path);
  journal.append("five");
  journal.append("six, which is torn");
  const whole = readFileSync(path);
  const end = 20 + "five".length;
  for (let torn = end; torn < end + 20 + "six, which is torn".length; torn++) {
    writeFileSync(path, Buffer.concat([whole.subarray(0, torn), before.subarray(torn)]));
    expect({ torn, ...stored(path, 4) }).toEqual({ torn, waiting: ["five"], last: 5, isDamaged: false });
  }
  truncateSync(path, end + 7);
  expect(stored(path, 4)).toEqual({ waiting: ["five"], last: 5, isDamaged: false });
});

test("a record that was stored and cannot be read, or is not there, is damage", () => {
  using home = tempHome();
  const path = home.file("journal");
  const journal = opened(path);
  for (const text of ["one", "two", "three"]) journal.append(text);
  const whole = readFileSync(path);
  const size = 20 + "one".length;
  // Every byte but those of the last record, which may be torn.
  for (let at = 0; at < 2 * size; at++) {
    const bytes = Buffer.from(whole);
    bytes.writeUInt8(bytes.readUInt8(at) ^ 0x10, at);
    writeFileSync(path, bytes);
    expect({ at, isDamaged: readJournal(path, EPOCH, 0).isDamaged }).toEqual({ at, isDamaged: true });
  }
  writeFileSync(path, whole.subarray(size));
  expect(readJournal(path, EPOCH, 0).isDamaged).toBeTrue();
  expect(readJournal(path, EPOCH, 1).isDamaged).toBeFalse();
});

test("without waiting for the disk, what follows a record that power took is lost, and is never found again", () => {
  using home = tempHome();
  const path = home.file("journal");
  const journal = opened(path);
  for (const text of ["one", "two", "six"]) journal.append(text);
  const bytes = readFileSync(path);
  bytes.fill(0, 23, 46);
  writeFileSync(path, bytes);
  const found = readJournal(path, EPOCH, 0);
  expect(found).toMatchObject({ waiting: ["one"], last: 1, isDamaged: true });
  const again = openJournal(path, { epoch: EPOCH, stored: found, synchronous: "normal" });
  again.append("new");
  // As long as what was lost, so that the third of before would follow it.
  expect(stored(path)).toEqual({ waiting: ["one", "new"], last: 2, isDamaged: false });
});

test("of another database says nothing here", () => {
  using home = tempHome();
  const path = home.file("journal");
  opened(path).append("not yours");
  expect(readJournal(path, "another epoch", 0)).toMatchObject({ waiting: [], last: 0, isDamaged: false });
});

test("what the disk has no room for leaves nothing, and the next record takes its place", () => {
  using home = tempHome();
  const path = home.file("journal");
  const journal = opened(path);
  journal.append("one");
  journal.limit(100);
  expect(() => journal.append("x".repeat(200))).toThrow(StorageError);
  journal.append("two");
  expect(stored(path)).toEqual({ waiting: ["one", "two"], last: 2, isDamaged: false });
});

test("with room it does not grow, and wiped it holds nothing of what it held", () => {
  using home = tempHome();
  const path = home.file("journal");
  const journal = opened(path);
  journal.append("a secret");
  journal.makeRoom();
  const { size } = statSync(path);
  expect(size).toBeGreaterThanOrEqual(8 * 1024 * 1024);
  journal.append("another");
  expect(statSync(path).size).toBe(size);
  expect(stored(path).waiting).toEqual(["a secret", "another"]);
  journal.rewind();
  journal.wipe();
  expect(readFileSync(path).every((byte) => byte === 0)).toBeTrue();
  journal.append("after");
  expect(stored(path, 2).waiting).toEqual(["after"]);
});
