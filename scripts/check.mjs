#!/usr/bin/env node
// Everything that must hold on every commit: format and lint (with the import rules), types, generated docs unchanged, tests.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

if (process.argv.slice(2).some((word) => word === "--help" || word === "-h")) {
  console.log("npm run check -- [--static]: all that must hold on every commit; --static leaves out the tests.");
  process.exit(0);
}

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const bin = (name) => join(root, "node_modules", ".bin", name);
const isStatic = process.argv.includes("--static");
const steps = [
  ["format and lint", bin("biome"), ["ci", "--error-on-warnings", "."]],
  ["types", bin("tsc"), ["-p", "."]],
  ["generated docs", process.execPath, [join(root, "scripts", "bun.mjs"), "scripts/docs.ts", "--check"]],
  ...(isStatic ? [] : [["tests", process.execPath, [join(root, "scripts", "test.mjs"), "--only-failures"]]]),
];
for (const [name, command, args] of steps) {
  if (!existsSync(command)) {
    console.error(`${name}: ${command} is missing; run \`npm install\``);
    process.exit(1);
  }
  const startedAt = Date.now();
  const result = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  console.log(`${result.status === 0 ? "ok  " : "FAIL"} ${name} (${((Date.now() - startedAt) / 1000).toFixed(1)} s)`);
  if (result.status !== 0) process.exit(1);
}
