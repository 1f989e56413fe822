import {
  closeSync,
  constants,
  existsSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { crc32 } from "node:zlib";
import { StorageError } from "../../core/ports.ts";

/**
 * The journal's file: numbered records, one after the other, each with the checksum of all of it. A record counts when all of it is
 * there; one that a crash tore was never acknowledged. Once the tables have what it holds, it is written over from its beginning; the
 * numbers go on, so what is left of before is known by its lower numbers.
 */
export interface JournalFile {
  /** The number of the last record. */
  readonly last: number;
  /** Writes one record, and waits for the disk where the file was opened so. Throws `StorageError`; then nothing was written. */
  append(text: string): void;
  /** The tables hold everything, durably: the next record stands at the beginning. */
  rewind(): void;
  /** Overwrites what it ever held. */
  wipe(): void;
  /** Makes appending faster: a file that need not grow has only the record itself to write. Nothing need wait for it. */
  makeRoom(): void;
  /** For tests of a full disk: so many bytes more. */
  limit(room: number): void;
  /** Nothing is in it: it is removed. Something is: it stays. */
  close(): void;
}

/** What was found in a journal's file when it was opened. */
export interface StoredJournal {
  /** The records that the tables do not have yet, in order, up to where one is missing. */
  waiting: string[];
  /** The number of the last of them, or of the last that the tables have. */
  last: number;
  /** Where the next record stands. */
  end: number;
  /** Records that were stored are missing or cannot be read. */
  isDamaged: boolean;
}

/** Stands before each record: a mark, the length of its text in bytes, the checksum of number and text, the number. */
const HEADER_BYTES = 20;
const MARK = Buffer.from("rwj1");
const ROOM_BYTES = 8 * 1024 * 1024;
/** Kept for the next record; one that is larger is made for its own record alone. */
const BUFFER_BYTES = 256 * 1024;
const ZEROS_BYTES = 64 * 1024;

/** Of another database's journal no record fits. */
const seedOf = (epoch: string): number => crc32(epoch);

/** What the file holds beyond record `applied`. A missing file holds nothing. */
export function readJournal(path: string, epoch: string, applied: number): StoredJournal {
  const nothing: StoredJournal = { waiting: [], last: applied, end: 0, isDamaged: false };
  if (!existsSync(path)) return nothing;
  const bytes = readFileSync(path);
  const seed = seedOf(epoch);
  const waiting: string[] = [];
  let at = 0;
  let first: number | undefined;
  let last: number | undefined;
  for (;;) {
    const found = recordAt(bytes, at, seed);
    if (!found || (last !== undefined && found.number !== last + 1)) break;
    first ??= found.number;
    last = found.number;
    if (last > applied) waiting.push(found.text());
    at += found.bytes;
  }
  // What is missing came before all of it: none of it can be applied.
  if (first !== undefined && first > applied + 1) return { ...nothing, isDamaged: true };
  if (last === undefined || last <= applied) return { ...nothing, isDamaged: hasNewer(bytes, at, seed, applied) };
  return { waiting, last, end: at, isDamaged: hasNewer(bytes, at, seed, last) };
}

/** A torn record has none after it: each is on the disk before the next is written. */
function hasNewer(bytes: Buffer, from: number, seed: number, last: number): boolean {
  for (let at = bytes.indexOf(MARK, from); at >= 0; at = bytes.indexOf(MARK, at + 1)) {
    if (at + HEADER_BYTES <= bytes.length && bytes.readDoubleLE(at + 12) > last && recordAt(bytes, at, seed))
      return true;
  }
  return false;
}

function recordAt(bytes: Buffer, at: number, seed: number) {
  if (at + HEADER_BYTES > bytes.length || bytes.compare(MARK, 0, MARK.length, at, at + MARK.length) !== 0)
    return undefined;
  const end = at + HEADER_BYTES + bytes.readUInt32LE(at + 4);
  if (end > bytes.length || crc32(bytes.subarray(at + 12, end), seed) !== bytes.readUInt32LE(at + 8)) return undefined;
  return {
    number: bytes.readDoubleLE(at + 12),
    bytes: end - at,
    text: () => bytes.toString("utf8", at + HEADER_BYTES, end),
  };
}

/** For a database in memory, which nothing outlives. */
export function noJournalFile(): JournalFile {
  const nothing = () => {};
  return {
    last: 0,
    append: nothing,
    rewind: nothing,
    wipe: nothing,
    makeRoom: nothing,
    limit: nothing,
    close: nothing,
  };
}

export interface OpenJournal {
  epoch: string;
  stored: StoredJournal;
  /** `full`: each record is waited for. */
  synchronous: "full" | "normal";
}

/** Opens the file, so that records follow those that are stored. */
export function openJournal(path: string, { epoch, stored, synchronous }: OpenJournal): JournalFile {
  const isNew = !existsSync(path);
  const file = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  // A new file's name is in its folder, which is another thing to bring to the disk.
  if (isNew) syncFolder(dirname(path));
  const seed = seedOf(epoch);
  const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  let { last, end: at } = stored;
  /** Where anything was ever written since the last wipe. */
  let used = isNew ? 0 : fstatSync(file).size;
  let limit = Number.POSITIVE_INFINITY;

  function encode(text: string): Buffer {
    const most = HEADER_BYTES + text.length * 3;
    const target = most <= BUFFER_BYTES ? buffer : Buffer.allocUnsafe(most);
    const length = target.write(text, HEADER_BYTES, "utf8");
    MARK.copy(target);
    target.writeUInt32LE(length, 4);
    target.writeDoubleLE(last + 1, 12);
    const end = HEADER_BYTES + length;
    target.writeUInt32LE(crc32(target.subarray(12, end), seed), 8);
    return target.subarray(0, end);
  }

  function writeAt(bytes: Buffer, position: number): void {
    for (let done = 0; done < bytes.length; )
      done += writeSync(file, bytes, done, bytes.length - done, position + done);
  }

  /** In small parts: the daemon need not hold as many zeros as the file does. */
  function writeZeros(from: number, to: number): void {
    const zeros = Buffer.alloc(Math.min(ZEROS_BYTES, to - from));
    for (let position = from; position < to; position += zeros.length)
      writeAt(zeros.subarray(0, Math.min(zeros.length, to - position)), position);
  }

  /** What was refused must not be found by the next start: its mark goes. */
  function takeBack(): void {
    try {
      writeAt(Buffer.alloc(MARK.length), at);
      fdatasyncSync(file);
    } catch {
      // The disk takes nothing at all: the next record is written over it, or the next start finds it whole and stores it.
    }
  }

  // Numbers are given again from here on: what has them already must not be found behind them.
  if (stored.isDamaged) writeZeros(at, used);

  return {
    get last() {
      return last;
    },
    append(text) {
      const bytes = encode(text);
      if (at + bytes.length > limit) throw new StorageError("full", "database or disk is full");
      try {
        writeAt(bytes, at);
        if (synchronous === "full") fdatasyncSync(file);
      } catch (error) {
        takeBack();
        throw asStorageError(error);
      }
      at += bytes.length;
      used = Math.max(used, at);
      last++;
    },
    rewind() {
      at = 0;
    },
    wipe() {
      if (used === 0) return;
      writeZeros(0, used);
      fdatasyncSync(file);
      used = at;
    },
    makeRoom() {
      const { size } = fstatSync(file);
      if (size >= ROOM_BYTES) return;
      try {
        writeZeros(size, ROOM_BYTES);
        fdatasyncSync(file);
      } catch {
        // A disk without that room: commits are slower there, or fail by themselves with a sentence.
        ftruncateSync(file, size);
      }
    },
    limit(room) {
      limit = at + room;
    },
    close() {
      closeSync(file);
      if (at === 0) rmSync(path, { force: true });
    },
  };
}

function asStorageError(error: unknown): unknown {
  if (!(error instanceof Error && "code" in error)) return error;
  const isFull = error.code === "ENOSPC" || error.code === "EDQUOT";
  const sentence = isFull ? "database or disk is full" : `the journal could not be written: ${error.message}`;
  return new StorageError(isFull ? "full" : "failed", sentence, { cause: error });
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
