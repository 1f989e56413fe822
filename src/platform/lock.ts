import { Database, SQLiteError } from "bun:sqlite";
import { chmodSync } from "node:fs";

export interface HeldLock {
  release(): void;
}

/**
 * The right to be the one process that does a thing in a home, such as its daemon: a database held exclusively. The kernel frees it with the process, however that
 * dies, so there is nothing stale to clean up. Returns undefined when another process holds it.
 */
export function takeLock(file: string): HeldLock | undefined {
  const db = new Database(file, { create: true });
  try {
    chmodSync(file, 0o600);
    db.run("PRAGMA busy_timeout = 0");
    db.run("PRAGMA locking_mode = EXCLUSIVE");
    db.run("BEGIN EXCLUSIVE");
    return {
      release() {
        db.run("ROLLBACK");
        db.close();
      },
    };
  } catch (error) {
    db.close();
    if (error instanceof SQLiteError && error.code === "SQLITE_BUSY") return undefined;
    throw error;
  }
}
