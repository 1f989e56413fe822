import { chmodSync, lstatSync, readdirSync, statfsSync } from "node:fs";
import { basename, dirname } from "node:path";
import { DATABASE_SUFFIXES } from "../../protocol/database-files.ts";
import { homePaths } from "../paths.ts";
import { bad, type Finding, ok, warn } from "./finding.ts";

const OTHERS = 0o077;
const MB = 1024 * 1024;
const FREE_BAD = 100 * MB;
const FREE_WARN = 1024 * MB;

/** Private files of the home: nobody but their user may read or enter them. */
export function lookAtFiles(home: string): Finding[] {
  const paths = homePaths(home);
  const files = [
    paths.home,
    ...[paths.token, paths.config, paths.daemonRecord, paths.setupRecord],
    ...DATABASE_SUFFIXES.map((end) => `${paths.database}${end}`),
    ...[paths.spool, paths.attachments, paths.logs, paths.run, paths.bin, paths.versions],
  ];
  const open = files.flatMap((file) => {
    const stat = lstatSync(file, { throwIfNoEntry: false });
    if (!stat || stat.isSymbolicLink()) return [];
    const name = file === paths.home ? "the home" : basename(file);
    if (stat.uid !== process.getuid?.())
      return [bad("files", `${name} belongs to user ${stat.uid}, not to you`, `chown it to yourself: ${file}`)];
    // What stands in a private folder is as private, whatever its own mode; the secrets are held to it by themselves.
    const isSecret = [paths.home, paths.token].includes(file) || file.startsWith(paths.database);
    const mode = stat.mode & 0o777;
    if (!isSecret || (mode & OTHERS) === 0) return [];
    const finding: Finding = {
      ...bad("files", `others may look into ${name} (mode ${mode.toString(8)})`, `chmod go= ${file}`),
      fix: { what: `chmod go= ${name}`, run: () => chmodSync(file, mode & ~OTHERS) },
    };
    return [finding];
  });
  return open.length > 0 ? open : [ok("files", "the home, its token and its database are yours alone")];
}

/** Room on the disk of the home; without it nothing is accepted. */
export function lookAtDisk(home: string): Finding[] {
  const place = lstatSync(home, { throwIfNoEntry: false }) ? home : dirname(home);
  const { bavail, bsize } = statfsSync(place);
  const free = bavail * bsize;
  const found = `${free >= FREE_WARN ? `${(free / 1024 / MB).toFixed(1)} GB` : `${Math.floor(free / MB)} MB`} free on the disk of the home`;
  if (free < FREE_BAD) return [bad("disk", found, "free some space; messages are refused when the disk is full")];
  return free < FREE_WARN ? [warn("disk", found, "free some space, or `repowire purge`")] : [ok("disk", found)];
}

/** Reports of hooks that could not reach the daemon: it takes them up when it starts. */
export function lookAtSpool(home: string): Finding[] {
  const waiting = spooled(homePaths(home).spool);
  return waiting > 0
    ? [
        warn(
          "hooks",
          `${waiting} reports of hooks wait for a daemon that takes them`,
          "repowire daemon stop, then start",
        ),
      ]
    : [];
}

function spooled(folder: string): number {
  if (!lstatSync(folder, { throwIfNoEntry: false })?.isDirectory()) return 0;
  return readdirSync(folder).filter((name) => name.endsWith(".json")).length;
}
