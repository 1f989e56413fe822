import { Database } from "bun:sqlite";
import { lstatSync, statSync } from "node:fs";
import { homePaths } from "../paths.ts";
import { bad, type Finding, ok } from "./finding.ts";

const MB = 1024 * 1024;
/** Every page of a database up to this is looked at: about a second for each 300 MB. */
const CHECK_BYTES_MAX = 1024 * MB;
/** Less than this is the difference between two looks at a clock, not a clock that was set back. */
const CLOCK_SLACK_MS = 60_000;

/**
 * Reads the database beside the daemon that holds it, without changing anything in it. `pages`: looks at every page of it, which takes
 * as long as reading the file; the daemon itself has no such time.
 */
export function lookAtDatabase(home: string, now: number, pages: boolean): Finding[] {
  const file = homePaths(home).database;
  if (!lstatSync(file, { throwIfNoEntry: false })) return [ok("database", "none yet; the first daemon makes it")];
  const bytes = statSync(file).size;
  const size = bytes < MB ? `${Math.ceil(bytes / 1024)} kB` : `${(bytes / MB).toFixed(1)} MB`;
  try {
    using db = new Database(file, { readonly: true });
    const newest = db.query<{ at: number | null }, []>("SELECT max(at) AS at FROM events").get()?.at ?? 0;
    const whole = pages
      ? checkPages(db, bytes, size)
      : ok("database", `${size}, readable; \`repowire doctor\` looks at every page of it`);
    return [whole, clockFinding(newest, now)];
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [bad("database", `it cannot be read (${why})`, "repowire daemon logs")];
  }
}

function checkPages(db: Database, bytes: number, size: string): Finding {
  if (bytes > CHECK_BYTES_MAX) return ok("database", `${size}, readable; too large to look at every page of it`);
  const said = db.query<{ quick_check: string }, []>("PRAGMA quick_check(1)").get()?.quick_check ?? "nothing";
  return said === "ok"
    ? ok("database", `${size}, every page looked at, whole`)
    : bad("database", `it is damaged (${said})`, "restart the daemon: it moves the file aside and says where to");
}

function clockFinding(newest: number, now: number): Finding {
  const ahead = newest - now;
  return ahead > CLOCK_SLACK_MS
    ? bad(
        "clock",
        `the newest entry of the log is ${Math.round(ahead / 1000)} s in the future: the clock was set back`,
        "set the clock (timedatectl); the order of messages does not depend on it, their times do",
      )
    : ok("clock", "not behind what is recorded");
}
