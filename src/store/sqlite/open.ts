import { Database, SQLiteError } from "bun:sqlite";
import {
  chmodSync,
  closeSync,
  existsSync,
  fdatasyncSync,
  ftruncateSync,
  openSync,
  renameSync,
  statSync,
  writeSync,
} from "node:fs";
import { MIGRATIONS } from "./migrations.ts";

/** The database was made by a newer repowire; opening it with this one could lose what that one knows. */
export class NewerSchemaError extends Error {
  constructor(file: string, found: number, known: number) {
    super(
      `${file} was written by a newer repowire (schema ${found}; this one knows ${known}). Update repowire, or start with another REPOWIRE_HOME. Nothing was changed.`,
    );
    this.name = "NewerSchemaError";
  }
}

export interface Opened {
  db: Database;
  /** Where a damaged file was moved to; said aloud by whoever opens the store. */
  damagedMovedTo?: string;
  /** The copy made before the schema was changed. */
  backup?: string;
  /** Makes commits faster from then on; some twenty milliseconds that nothing need wait for. */
  makeRoomForLog(): void;
}

export interface OpenOptions {
  /** `full` survives power loss; `normal` survives process death only. */
  synchronous: "full" | "normal";
  /** The steps that make the schema; those of this program, unless a test brings its own. */
  migrations?: readonly string[];
  /** Told how long each commit took, with its wait for the disk; milliseconds. */
  onCommit?: (ms: number) => void;
}

/** The log goes to the database when it has this many pages of 4 kB; a transaction may make it somewhat longer. */
const CHECKPOINT_PAGES = 2_000;
const LOG_BYTES = (CHECKPOINT_PAGES + 500) * 4_120;

/** Above this, checking every page would make the daemon's start slow; damage is then found when it is met. */
const CHECK_BYTES_MAX = 64 * 1024 * 1024;

/** Opens or makes the database, checks it, moves a damaged one aside, brings the schema up to date with a backup first. */
export function openDatabase(file: string, options: OpenOptions): Opened {
  const isOnDisk = file !== ":memory:";
  let damagedMovedTo: string | undefined;
  if (isOnDisk && existsSync(file) && isDamaged(file)) damagedMovedTo = moveAside(file);
  const db = new Database(file, { create: true, strict: true });
  if (isOnDisk) chmodSync(file, 0o600);
  db.run("PRAGMA journal_mode = WAL");
  db.run(`PRAGMA synchronous = ${options.synchronous === "full" ? "FULL" : "NORMAL"}`);
  db.run("PRAGMA temp_store = MEMORY");
  // What was purged must not be readable in the file's free pages.
  db.run("PRAGMA secure_delete = ON");
  db.run("PRAGMA busy_timeout = 2000");
  // Twice SQLite's own: what is written often goes to its place less often, and the log is still short to read at a start.
  db.run(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  const backup = migrate(db, file, isOnDisk, options.migrations ?? MIGRATIONS);
  const makeRoom = () => {
    if (isOnDisk) makeRoomForLog(`${file}-wal`);
  };
  return { db, damagedMovedTo, backup, makeRoomForLog: makeRoom };
}

/**
 * Where the log does not grow with a commit, the disk has only the commit itself to write, and not the file's new size too: half the
 * time (0.20 ms became 0.10 ms on ext4). SQLite begins its log anew after each checkpoint and keeps the file, so it needs room once.
 * Zeros after the last frame are no frame to it.
 */
function makeRoomForLog(file: string): void {
  if (!existsSync(file)) return;
  const { size } = statSync(file);
  if (size >= LOG_BYTES) return;
  const descriptor = openSync(file, "r+");
  try {
    writeSync(descriptor, new Uint8Array(LOG_BYTES - size), 0, LOG_BYTES - size, size);
    fdatasyncSync(descriptor);
  } catch {
    // A disk without that room: commits are slower there, or fail by themselves with a sentence.
    ftruncateSync(descriptor, size);
  } finally {
    closeSync(descriptor);
  }
}

function isDamaged(file: string): boolean {
  let db: Database | undefined;
  try {
    db = new Database(file, { readwrite: true });
    db.query("SELECT count(*) FROM sqlite_master").get();
    if (statSync(file).size > CHECK_BYTES_MAX) return false;
    const result = db.query<{ quick_check: string }, []>("PRAGMA quick_check(1)").get();
    return result?.quick_check !== "ok" || hasUnreadableJournal(db);
  } catch (error) {
    if (isCorruption(error)) return true;
    throw error;
  } finally {
    db?.close();
  }
}

/** What was committed and cannot be read any more would be lost without a word. */
function hasUnreadableJournal(db: Database): boolean {
  const isThere = db.query("SELECT 1 FROM sqlite_master WHERE name = 'journal'").get() !== null;
  return isThere && db.query("SELECT 1 FROM journal WHERE NOT json_valid(writes)").get() !== null;
}

export function isCorruption(error: unknown): boolean {
  return error instanceof SQLiteError && (error.code?.startsWith("SQLITE_CORRUPT") || error.code === "SQLITE_NOTADB");
}

function moveAside(file: string): string {
  const aside = `${file}.damaged-${new Date().toISOString().replaceAll(":", "-")}`;
  for (const suffix of ["", "-wal", "-shm"]) {
    if (existsSync(file + suffix)) renameSync(file + suffix, aside + suffix);
  }
  return aside;
}

function migrate(db: Database, file: string, isOnDisk: boolean, migrations: readonly string[]): string | undefined {
  const found = db.query<{ user_version: number }, []>("PRAGMA user_version").get()?.user_version ?? 0;
  if (found > migrations.length) {
    db.close();
    throw new NewerSchemaError(file, found, migrations.length);
  }
  if (found === migrations.length) return undefined;
  let backup: string | undefined;
  if (found > 0 && isOnDisk) {
    backup = `${file}.before-schema-${migrations.length}`;
    if (!existsSync(backup)) db.query("VACUUM INTO ?1").run(backup);
    chmodSync(backup, 0o600);
  }
  for (let version = found; version < migrations.length; version++) {
    db.transaction(() => {
      db.run(migrations[version] ?? "");
      db.run(`PRAGMA user_version = ${version + 1}`);
    })();
  }
  return backup;
}
