/** The store's journal, beside its database. */
export const JOURNAL_SUFFIX = ".journal";

/** What a database on the disk consists of: the file that is named, SQLite's own two, the journal. Moved, it is moved as a whole. */
export const DATABASE_SUFFIXES: readonly string[] = ["", "-wal", "-shm", JOURNAL_SUFFIX];
