#!/usr/bin/env node
// Runs Bun with the given arguments, wherever npm has put it. The `bun` package's install script moves the real binary from the
// platform package into `bun/bin/bun.exe` (on every system). Where install scripts are off, that file stays a stub of a few
// hundred bytes that only prints an error, and the binary is still in the platform package.
import { spawn } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);

/** The stub is a shell script of about 450 bytes, the binary some 100 MB. */
const STUB_BYTES_MAX = 100_000;

/** Path of a working Bun binary, or undefined when none is installed. */
export function findBun() {
  const name = process.platform === "win32" ? "bun.exe" : "bun";
  const system = process.platform === "win32" ? "windows" : process.platform;
  const family = `bun-${system}-${process.arch === "arm64" ? "aarch64" : process.arch}`;
  for (const root of packageRoots()) {
    const moved = join(root, "bun", "bin", "bun.exe");
    if (existsSync(moved) && statSync(moved).size > STUB_BYTES_MAX) return moved;
    const scope = join(root, "@oven");
    if (!existsSync(scope)) continue;
    // Variants (musl, baseline) carry the family as a prefix; npm installs only what fits this machine.
    for (const entry of readdirSync(scope).sort()) {
      const binary = join(scope, entry, "bin", name);
      if (entry.startsWith(family) && existsSync(binary)) return binary;
    }
  }
  return undefined;
}

function packageRoots() {
  const here = dirname(fileURLToPath(import.meta.url));
  const roots = [join(here, "..", "node_modules")];
  try {
    roots.push(join(dirname(require.resolve("bun/package.json")), ".."));
  } catch {
    // Without the package there is nothing to look beside; the caller says so.
  }
  return roots;
}

/** Starts Bun with `args` in place of this process: same terminal, same exit code, signals passed on. */
export function runBun(args) {
  const bun = findBun();
  if (!bun) {
    console.error(
      "repowire: Bun was not found. Run `npm install` in the repowire folder (with optional dependencies).",
    );
    process.exit(69);
  }
  const child = spawn(bun, args, { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      // A terminal's Ctrl-C reaches the child by itself; sent twice it would look like impatience.
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on("error", (error) => {
    console.error(`repowire: Bun could not be started: ${error.message}`);
    process.exit(69);
  });
  child.on("exit", (code, signal) => process.exit(signal ? 128 : (code ?? 1)));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) runBun(process.argv.slice(2));
