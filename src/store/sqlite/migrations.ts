/**
 * The schema, as numbered steps that are never edited once released. `user_version` says how many a database has had. Fields that
 * are searched or joined are columns; the rest of a record is JSON in `doc`. Every index is a page more in each commit, so there are
 * few: what is open is held in memory, and looked for here only when the store is opened.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

  CREATE TABLE peers (id TEXT PRIMARY KEY, seat INTEGER NOT NULL, doc TEXT NOT NULL) WITHOUT ROWID;

  CREATE TABLE messages (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    from_peer TEXT NOT NULL,
    thread TEXT NOT NULL,
    in_reply_to TEXT,
    created_at INTEGER NOT NULL,
    body TEXT NOT NULL,
    doc TEXT NOT NULL
  );

  CREATE TABLE deliveries (
    message TEXT NOT NULL,
    peer TEXT NOT NULL,
    seq INTEGER NOT NULL,
    handle TEXT NOT NULL,
    state TEXT NOT NULL,
    kind TEXT NOT NULL,
    doc TEXT NOT NULL,
    PRIMARY KEY (message, peer)
  ) WITHOUT ROWID;
  CREATE UNIQUE INDEX deliveries_by_handle ON deliveries (handle);

  CREATE TABLE asks (message TEXT PRIMARY KEY, state TEXT NOT NULL, doc TEXT NOT NULL) WITHOUT ROWID;

  CREATE TABLE approvals (
    message TEXT PRIMARY KEY,
    handle TEXT NOT NULL UNIQUE,
    peer TEXT NOT NULL,
    state TEXT NOT NULL,
    requested_at INTEGER NOT NULL,
    doc TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX approvals_pending ON approvals (requested_at) WHERE state = 'pending';

  CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    type TEXT NOT NULL,
    peer TEXT,
    message TEXT,
    data TEXT NOT NULL
  );
  CREATE INDEX events_of_message ON events (message, seq) WHERE message IS NOT NULL;
  `,
  // What is committed and not in the tables yet (journal.ts).
  "CREATE TABLE journal (seq INTEGER PRIMARY KEY, writes TEXT NOT NULL);",
  // The index of words (word-index.ts), and between which times the messages of each thousand or so are. What is open is looked for
  // when the store is opened: among a million rows that needs an index, and as a partial one it stays as small as what is open.
  `
  CREATE VIRTUAL TABLE message_words USING fts5(words, about, content='', columnsize=0, prefix='2 3 4', tokenize='ascii');
  CREATE TABLE message_times (block INTEGER PRIMARY KEY, oldest INTEGER NOT NULL, newest INTEGER NOT NULL);
  CREATE INDEX deliveries_open ON deliveries (seq) WHERE state IN ('queued', 'leased', 'presented', 'held');
  CREATE INDEX asks_open ON asks (message) WHERE state = 'open';
  `,
  // Records of the small kinds (store/shelves.ts), each in the order in which it came.
  "CREATE TABLE shelves (seq INTEGER PRIMARY KEY, shelf TEXT NOT NULL, id TEXT NOT NULL, doc TEXT NOT NULL, UNIQUE (shelf, id));",
  // The index merges its parts a little with each that it takes in. Where it is behind, sixteen parts would be merged at once (one to
  // three seconds, measured while a purge ran); so it is left to go on a little at a time.
  "INSERT INTO message_words (message_words, rank) VALUES ('crisismerge', 500);",
  // The journal is a file of its own from here on (journal-file.ts); a program that does not know it must not open the database.
  "INSERT INTO meta (key, value) VALUES ('journal_applied', '0');",
];
