import { Database } from "bun:sqlite";
import { copyFileSync, existsSync, renameSync, statSync } from "node:fs";
import type { HomePaths } from "../../platform/paths.ts";
import { DATABASE_SUFFIXES, JOURNAL_SUFFIX } from "../../protocol/index.ts";

/** The form of the database in this home; undefined where there is none, or it cannot be read without changing it. */
export function schemaOfDatabase({ database }: HomePaths): number | undefined {
  if (!existsSync(database)) return undefined;
  try {
    using db = new Database(database, { readonly: true });
    return db.query<{ user_version: number }, []>("PRAGMA user_version").get()?.user_version;
  } catch {
    // Damaged, or left by a crash with its log: the daemon mends that and decides for itself.
    return undefined;
  }
}

/**
 * Puts the copy back that a newer version made before it changed the schema. Only while no daemon runs, and only where that version's
 * daemon never served: then nothing can have been accepted since. What it made of the database is kept beside it. False where the copy
 * is not of this update.
 */
export function putBackDatabase(
  { database }: HomePaths,
  newer: { schema: number; version: string; since: number },
): boolean {
  const copy = `${database}.before-schema-${newer.schema}`;
  if (!existsSync(copy) || statSync(copy).mtimeMs < newer.since) return false;
  const aside = `${database}.of-${newer.version}`;
  for (const suffix of DATABASE_SUFFIXES.toReversed())
    if (existsSync(database + suffix)) renameSync(database + suffix, aside + suffix);
  // Copied first, so that a crash leaves a database that is missing, never half of one; the next start would then find the copy named.
  if (existsSync(copy + JOURNAL_SUFFIX)) copyFileSync(copy + JOURNAL_SUFFIX, database + JOURNAL_SUFFIX);
  copyFileSync(copy, `${database}.tmp`);
  renameSync(`${database}.tmp`, database);
  return true;
}
