import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { helped } from "../support/helped.ts";
import { processesOf } from "../support/processes-of.ts";
import type { Fault, Verdict } from "./compare.ts";
import type { FaultDriver } from "./driver.ts";
import { createKills } from "./kills.ts";
import { seeded } from "./random.ts";
import { SCENES, Skip } from "./scenes/index.ts";
import { createWorld, type World } from "./world.ts";

/**
 * `npm run test:faults`: real processes, killed, stopped, and starved, while their own books say what really arrived.
 * `--kills N` how many processes are killed, `--seed S`, `--json`, `--only PART` of a scene's name; `--verbose` names each fault.
 */
const KILLS = 60;
const KILLS_PER_WORLD = 50;

helped(`
npm run test:faults -- [options]: real processes killed, stopped and starved, held against their own books.

  --kills N     how many processes are killed (60)
  --seed S      the plan of faults
  --only PART   only scenes that have this in their name
  --json        the last line only
  --verbose     name each fault as it happens
`);

const { values: flags } = parseArgs({
  options: {
    json: { type: "boolean" },
    kills: { type: "string" },
    seed: { type: "string" },
    only: { type: "string" },
    verbose: { type: "boolean" },
  },
});
const seed = Number(flags.seed ?? Math.floor(Math.random() * 1_000_000));
const wanted = Number(flags.kills ?? KILLS);
const driverFile = resolve(process.env.FAULTS_DRIVER ?? join(import.meta.dir, "repowire.ts"));
const { driver } = (await import(driverFile)) as { driver: FaultDriver }; // the caller's own choice of file
const scratch = realpathSync(mkdtempSync(join(tmpdir(), "rwf-")));
const build = join(scratch, "program");
const total = { kills: 0, messages: 0, lost: 0, doubled: 0, misrouted: 0, lied: 0 };
let passed = 0;
let failed = 0;
let keep = process.env.REPOWIRE_KEEP === "1";

const say = (text: string) => void process.stderr.write(`${text}\n`);
const log = flags.verbose ? say : () => {};

async function part(name: string, run: (world: World) => Promise<Verdict>, home?: string): Promise<void> {
  if (flags.only && !name.includes(flags.only)) return;
  const root = join(scratch, name.replace(/\W+/g, "-").slice(0, 30));
  mkdirSync(root, { recursive: true });
  const world = createWorld(driver, driverFile, build, root, home);
  const startedAt = Date.now();
  const took = () => `${((Date.now() - startedAt) / 1_000).toFixed(1)} s`;
  try {
    const verdict = await run(world);
    total.messages += verdict.messages;
    for (const fault of verdict.faults) if (fault.kind !== "stuck") total[fault.kind]++;
    if (verdict.faults.length > 0) throw new Error(describe(verdict.faults));
    passed++;
    say(`ok   ${name} (${verdict.messages} messages, ${took()})`);
  } catch (error) {
    if (error instanceof Skip) {
      say(`SKIP ${name}: ${error.message}`);
      return;
    }
    failed++;
    keep = true;
    say(
      `FAIL ${name} (seed ${seed}, ${took()}), kept in ${root}\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
  } finally {
    await world.close();
  }
}

const SHOWN_FAULTS = 12;
function describe(faults: Fault[]): string {
  const some = faults
    .slice(0, SHOWN_FAULTS)
    .map((fault) => `${fault.kind} ${fault.n}: ${fault.why}\n${fault.history.map((line) => `    ${line}`).join("\n")}`);
  return `${faults.length} faults\n${some.join("\n")}`;
}

/** In worlds of some kills each, so that a failure's story stays short. */
async function killing(): Promise<void> {
  const random = seeded(seed);
  for (let left = wanted, world = 1; left > 0; left -= KILLS_PER_WORLD, world++) {
    const own = seeded(random.int(2 ** 31));
    await part(`kills ${world}`, async (at) => {
      const kills = createKills(at, own, log);
      try {
        await kills.run(Math.min(left, KILLS_PER_WORLD));
      } finally {
        total.kills += kills.done;
      }
      return at.settle();
    });
  }
}

// Interrupted: nothing may outlive it, and no small disk may stay mounted.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.on(signal, () => {
    for (const { pid } of processesOf(scratch)) process.kill(pid, "SIGKILL");
    for (const [, folder] of readFileSync("/proc/mounts", "utf8").matchAll(/^\S+ (\S+) /gm))
      if (folder?.startsWith(scratch)) Bun.spawnSync(["umount", "-l", folder]);
    rmSync(scratch, { recursive: true, force: true });
    process.exit(130);
  });

say(`seed ${seed}, ${wanted} kills, ${scratch}`);
try {
  await driver.build(build);
  await Promise.all([killing(), scenes()]);
} finally {
  for (const orphan of processesOf(scratch)) {
    failed++;
    say(`FAIL a process outlived the run: ${orphan.pid} ${orphan.command}`);
    process.kill(orphan.pid, "SIGKILL");
  }
  if (!keep) rmSync(scratch, { recursive: true, force: true });
}

async function scenes(): Promise<void> {
  for (const scene of SCENES) await part(scene.name, (world) => scene.run(world));
}

if (failed > 0) say(`repeat with: npm run test:faults -- --seed ${seed} --kills ${wanted}`);
if (!flags.json) console.log(`${passed} passed, ${failed} failed`);
console.log(JSON.stringify(total));
process.exit(failed === 0 ? 0 : 1);
