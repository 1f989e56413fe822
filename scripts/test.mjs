#!/usr/bin/env node
// The whole test suite that needs no agent CLI. Every temporary file of the run lives in one folder, every process it starts has that
// folder in its environment: what is left of either at the end is a failure. Ends with counts taken from the runner's own report.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findBun } from "./bun.mjs";

if (process.argv.slice(2).some((word) => word === "--help" || word === "-h")) {
  console.log(`npm test -- [file or folder ...] [options of \`bun test\`]: the suite that needs no agent CLI.

  -t PATTERN        only tests whose name fits
  --only-failures   print nothing of what passed
  --bail            stop at the first failure`);
  process.exit(0);
}

const bun = findBun();
if (!bun) {
  console.error("Bun was not found. Run `npm install` first.");
  process.exit(1);
}

const report = mkdtempSync(join(tmpdir(), "rwr-"));
const scratch = realpathSync(mkdtempSync(join(tmpdir(), "rwt-")));
const args = ["test", "--reporter=junit", `--reporter-outfile=${join(report, "junit.xml")}`, ...process.argv.slice(2)];
const run = spawnSync(bun, args, {
  stdio: "inherit",
  env: { ...process.env, TMPDIR: scratch, REPOWIRE_PORT: "0", REPOWIRE_HOME: join(scratch, "nobody") },
});

const counts = readCounts();
const orphans = findOrphans();
for (const orphan of orphans) {
  console.log(`(fail) a process outlived the tests: ${orphan.pid} ${orphan.command}`);
  process.kill(orphan.pid, "SIGKILL");
}
// The preload's own home goes with its process; anything else was forgotten by a test.
const left = readdirSync(scratch).filter(
  (name) => !name.startsWith(".") && !/^(?:bun-|node-compile-cache|xfs-)/.test(name),
);
for (const name of left) console.log(`(fail) a test left ${name} in its temporary folder`);
rmSync(scratch, { recursive: true, force: true });
rmSync(report, { recursive: true, force: true });

const failed = counts.failed + orphans.length + left.length + (run.status !== 0 && counts.failed === 0 ? 1 : 0);
console.log(`${counts.passed} passed, ${failed} failed${counts.skipped > 0 ? `, ${counts.skipped} skipped` : ""}`);
process.exit(failed === 0 ? 0 : 1);

function readCounts() {
  try {
    const root = readFileSync(join(report, "junit.xml"), "utf8").match(/<testsuites\b[^>]*>/)?.[0] ?? "";
    const number = (name) => Number(root.match(new RegExp(`\\b${name}="(\\d+)"`))?.[1] ?? 0);
    const [tests, failures, skipped] = [number("tests"), number("failures") + number("errors"), number("skipped")];
    return { passed: tests - failures - skipped, failed: failures, skipped };
  } catch {
    console.log("(fail) the test runner wrote no report");
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

function findOrphans() {
  if (process.platform !== "linux") return [];
  mkdirSync(scratch, { recursive: true });
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => {
      try {
        if (!readFileSync(`/proc/${name}/environ`, "latin1").includes(scratch)) return [];
        return [{ pid: Number(name), command: readFileSync(`/proc/${name}/cmdline`, "latin1").replaceAll("\0", " ") }];
      } catch {
        return [];
      }
    });
}
