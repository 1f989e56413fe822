#!/usr/bin/env node
// The `repowire` command as npm installs it: finds Bun and runs the CLI. The user's working folder is often a repository that
// nobody has vetted, so its .env and bunfig.toml (which could preload code) are shut out here.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runBun } from "./bun.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
delete process.env.BUN_OPTIONS;
// Bun's cache of translated sources would be a folder in the user's home.
process.env.BUN_RUNTIME_TRANSPILER_CACHE_PATH = "0";
runBun([
  "--no-env-file",
  "--no-install",
  `--config=${join(root, "scripts", "empty-bunfig.toml")}`,
  join(root, "src", "cli", "main.ts"),
  ...process.argv.slice(2),
]);
