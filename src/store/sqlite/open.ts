import { Database, SQLiteError } from "bun:sqlite";
import { chmodSync, copyFileSync, existsSync, renameSync, statSync } from "node:fs";
import { DATABASE_SUFFIXES, JOURNAL_SUFFIX } from "../../protocol/index.ts";
import { readJournal, type StoredJournal } from "./journal-file.ts";
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
}

export interface OpenedWithJournal extends Opened {
  /** Made with the database and never changed: cursors of another epoch mean nothing here. */
  epoch: string;
  /** What the journal holds and the tables do not. */
  stored: StoredJournal;
}

export interface OpenOptions {
  /** What was accepted survives power loss with `full`, process death only with `normal`. */
  synchronous: "full" | "normal";
  /** The steps that make the schema; those of this program, unless a test brings its own. */
  migrations?: readonly string[];
  /** Told how long each commit took, with its wait for the disk; milliseconds. */
  onCommit?: (ms: number) => void;
}

/** The log goes to the database when it has this many pages; a transaction may make it somewhat longer. */
const CHECKPOINT_PAGES = 2_000;
export const PAGE_BYTES = 4_096;

/** In `meta`: the number of the last record of the journal that the tables have. */
export const APPLIED_KEY = "journal_applied";

/** Above this, checking every page would make the daemon's start slow; damage is then found when it is met. */
const CHECK_BYTES_MAX = 64 * 1024 * 1024;

/** Opens or makes the database, checks it, moves a damaged one aside, brings the schema up to date with a backup first. */
export function openDatabase(file: string, options: OpenOptions): Opened {
  let damagedMovedTo: string | undefined;
  if (isOnDisk(file) && existsSync(file) && isDamaged(file)) damagedMovedTo = moveAside(file);
  const db = new Database(file, { create: true, strict: true });
  if (isOnDisk(file)) chmodSync(file, 0o600);
  db.run("PRAGMA journal_mode = WAL");
  // The tables follow what was accepted, many commits at a time; once the disk has them, the journal is written over.
  db.run("PRAGMA synchronous = FULL");
  db.run("PRAGMA temp_store = MEMORY");
  // What was purged must not be readable in the file's free pages.
  db.run("PRAGMA secure_delete = ON");
  db.run("PRAGMA busy_timeout = 2000");
  // Twice SQLite's own: what is written often goes to its place less often, and the log is still short to read at a start.
  db.run(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  const backup = migrate(db, file, isOnDisk(file), options.migrations ?? MIGRATIONS);
  return { db, damagedMovedTo, backup };
}

/**
 * The same with what its journal holds; a database whose journal is damaged is a damaged one. Where records are not waited for, a loss
 * of power may leave any of them out: then what follows the first of those is lost, as that setting has it.
 */
export function openWithJournal(file: string, options: OpenOptions): OpenedWithJournal {
  const opened = openDatabase(file, options);
  const epoch = epochOf(opened.db);
  const applied = Number(metaOf(opened.db, APPLIED_KEY) ?? 0);
  const stored = readJournal(file + JOURNAL_SUFFIX, epoch, applied);
  if (!stored.isDamaged || options.synchronous === "normal") return { ...opened, epoch, stored };
  opened.db.close();
  const damagedMovedTo = moveAside(file);
  return { ...openWithJournal(file, options), damagedMovedTo };
}

export const isOnDisk = (file: string): boolean => file !== ":memory:";

export const pagesOf = (db: Database): number =>
  db.query<{ page_count: number }, []>("PRAGMA page_count").get()?.page_count ?? 0;

function metaOf(db: Database, key: string): string | undefined {
  return db.query<{ value: string }, [string]>("SELECT value FROM meta WHERE key = ?1").get(key)?.value;
}

function epochOf(db: Database): string {
  const known = metaOf(db, "epoch");
  if (known) return known;
  const epoch = crypto.randomUUID();
  db.query("INSERT INTO meta (key, value) VALUES ('epoch', ?1)").run(epoch);
  return epoch;
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
  for (const suffix of DATABASE_SUFFIXES) {
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
    if (existsSync(file + JOURNAL_SUFFIX)) copyFileSync(file + JOURNAL_SUFFIX, backup + JOURNAL_SUFFIX);
  }
  for (let version = found; version < migrations.length; version++) {
    db.transaction(() => {
      db.run(migrations[version] ?? "");
      db.run(`PRAGMA user_version = ${version + 1}`);
    })();
  }
  return backup;
}
