/**
 * The schema, as numbered steps that are never edited once released. `user_version` says how many a database has had. Fields that
 * are searched or joined are columns; the rest of a record is JSON in `doc`.
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
  CREATE INDEX messages_by_thread ON messages (thread);

  CREATE TABLE deliveries (
    seq INTEGER PRIMARY KEY,
    message TEXT NOT NULL,
    peer TEXT NOT NULL,
    handle TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    kind TEXT NOT NULL,
    expires_awake_ms REAL,
    doc TEXT NOT NULL,
    UNIQUE (message, peer)
  );
  CREATE INDEX deliveries_of_peer ON deliveries (peer, state, seq);
  CREATE INDEX deliveries_open ON deliveries (state, seq) WHERE state IN ('queued', 'leased', 'presented', 'held');
  CREATE INDEX deliveries_due ON deliveries (expires_awake_ms)
    WHERE state IN ('queued', 'leased', 'presented', 'held') AND kind <> 'ask';

  CREATE TABLE asks (
    message TEXT PRIMARY KEY,
    handle TEXT NOT NULL UNIQUE,
    asker TEXT NOT NULL,
    askee TEXT NOT NULL,
    state TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    expires_awake_ms REAL NOT NULL,
    doc TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX asks_to ON asks (askee, opened_at) WHERE state = 'open';
  CREATE INDEX asks_from ON asks (asker, opened_at) WHERE state = 'open';
  CREATE INDEX asks_due ON asks (expires_awake_ms) WHERE state = 'open';

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
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    type TEXT NOT NULL,
    peer TEXT,
    message TEXT,
    data TEXT NOT NULL
  );
  CREATE INDEX events_of_message ON events (message, seq) WHERE message IS NOT NULL;
  `,
];
