import type { Database } from "bun:sqlite";
import { OPEN_DELIVERY_STATES } from "../../protocol/index.ts";

const OPEN = OPEN_DELIVERY_STATES.map((state) => `'${state}'`).join(", ");

/** Removes what is closed and older than `before` (epoch ms). Returns how much, and the ids of the removed seats. */
export function purgeBefore(db: Database, before: number): { messages: number; events: number; peers: string[] } {
  db.query("CREATE TEMP TABLE IF NOT EXISTS gone (id TEXT PRIMARY KEY) WITHOUT ROWID").run();
  db.query("DELETE FROM gone").run();
  // A question is over with its ask, whatever became of its delivery: not every runtime gives receipts.
  db.query(
    `INSERT INTO gone SELECT id FROM messages m WHERE created_at < ?1
       AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.message = m.id AND d.kind <> 'ask' AND d.state IN (${OPEN}))
       AND NOT EXISTS (SELECT 1 FROM asks a WHERE a.message = m.id AND a.state = 'open')
       AND NOT EXISTS (SELECT 1 FROM approvals p WHERE p.message = m.id AND p.state = 'pending')`,
  ).run(before);
  const messages = count(db, "SELECT count(*) AS n FROM gone");
  for (const [table, column] of [
    ["messages", "id"],
    ["deliveries", "message"],
    ["asks", "message"],
    ["approvals", "message"],
  ]) {
    db.query(`DELETE FROM ${table} WHERE ${column} IN (SELECT id FROM gone)`).run();
  }
  const stale = "at < ?1 AND (message IS NULL OR message NOT IN (SELECT id FROM messages))";
  const events =
    db.query<{ n: number }, [number]>(`SELECT count(*) AS n FROM events WHERE ${stale}`).get(before)?.n ?? 0;
  db.query(`DELETE FROM events WHERE ${stale}`).run(before);
  const peers = db
    .query<{ id: string }, [number]>(
      `SELECT id FROM peers p WHERE json_extract(doc, '$.role') <> 'human' AND json_extract(doc, '$.presence.state') = 'offline'
         AND json_extract(doc, '$.last_seen_at') < ?1
         AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.from_peer = p.id)
         AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.peer = p.id)`,
    )
    .all(before)
    .map((row) => row.id);
  return { messages, events, peers };
}

function count(db: Database, sql: string): number {
  return db.query<{ n: number }, []>(sql).get()?.n ?? 0;
}
