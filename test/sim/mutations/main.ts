import { cpSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { helped } from "../../support/helped.ts";
import { tempHome } from "../../support/temp-home.ts";
import { MUTATIONS, type Mutation } from "./list.ts";

/**
 * `npm run test:mutations [-- --seeds N] ["part of name"]`: puts each deliberate fault into a copy of the code and runs there whoever
 * must notice it. A fault that survives, or no longer fits the code, fails the run.
 */
helped(`
npm run test:mutations -- [options] ["part of name" ...]: puts deliberate faults into a copy of the code; each must be noticed.

  --seeds N   histories of the simulation for each fault that it must notice
`);

const { values, positionals } = parseArgs({ options: { seeds: { type: "string" } }, allowPositionals: true });
const SEEDS = 600;
const root = join(import.meta.dir, "..", "..", "..");
const AT_ONCE = 2;

interface Result {
  mutation: Mutation;
  verdict: "caught" | "SURVIVED" | "DOES NOT FIT" | "DOES NOT RUN";
  how: string;
  seconds: number;
}

function copyCode(to: string): void {
  for (const name of ["src", "test", "scripts", "channels", "package.json", "tsconfig.json", "bunfig.toml"])
    cpSync(join(root, name), join(to, name), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(to, "node_modules"));
}

async function run(command: string[], cwd: string): Promise<{ status: number; output: string }> {
  const child = Bun.spawn(command, {
    cwd,
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, REPOWIRE_PORT: "0" },
  });
  const [output, errors] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { status: await child.exited, output: output + errors };
}

async function tryOne(mutation: Mutation): Promise<Result> {
  const startedAt = performance.now();
  const result = (verdict: Result["verdict"], how: string): Result => ({
    mutation,
    verdict,
    how,
    seconds: (performance.now() - startedAt) / 1000,
  });
  using folder = tempHome();
  copyCode(folder.path);
  const file = join(folder.path, mutation.file);
  const code = readFileSync(file, "utf8");
  const parts = code.split(mutation.from);
  if (parts.length !== 2) return result("DOES NOT FIT", `${mutation.file} has its text ${parts.length - 1} times`);
  writeFileSync(file, parts.join(mutation.to));
  const bun = process.execPath;
  if (mutation.caughtBy === "simulation") {
    const seeds = values.seeds ?? String(mutation.seeds ?? SEEDS);
    const { status, output } = await run(
      [bun, "test/sim/main.ts", "--seeds", seeds, "--seed", "1", "--bail", "--part=0", "--parts=1"],
      folder.path,
    );
    const broken = /seed (\d+) breaks a promise:\n([^\n]*)/.exec(output);
    if (broken) return result("caught", `seed ${broken[1]}: ${broken[2]?.slice(0, 90)}`);
    if (output.includes("nobody looked")) return result("caught", "a promise was rejected and nobody looked");
    // Code that does not even load proves nothing about the checks.
    if (status !== 0) return result("DOES NOT RUN", output.trim().split("\n").at(-1)?.slice(0, 80) ?? "");
    return result("SURVIVED", `${seeds} seeds of the simulation`);
  }
  const { status, output } = await run([bun, "test", ...mutation.caughtBy], folder.path);
  const failed = /\(fail\) (.*)/.exec(output)?.[1];
  if (failed) return result("caught", `test: ${failed.slice(0, 100)}`);
  if (!/\d+ pass/.test(output)) return result("DOES NOT RUN", output.trim().split("\n").at(-1) ?? "");
  return result(status === 0 ? "SURVIVED" : "caught", mutation.caughtBy.join(" "));
}

const wanted = MUTATIONS.filter((mutation) => positionals.every((part) => mutation.name.includes(part)));
const queue = [...wanted];
const results: Result[] = [];
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const done = await tryOne(next);
      results.push(done);
      console.log(
        `${done.verdict.padEnd(12)} ${next.name.padEnd(36)} ${done.seconds.toFixed(0).padStart(4)} s  ${done.how}`,
      );
    }
  }),
);
const survivors = results.filter((done) => done.verdict !== "caught");
for (const { mutation, verdict } of survivors) console.log(`${verdict}: ${mutation.name}: ${mutation.fault}`);
console.log(`${results.length - survivors.length} passed, ${survivors.length} failed`);
process.exit(survivors.length === 0 && results.length > 0 ? 0 : 1);
