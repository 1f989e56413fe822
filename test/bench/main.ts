import { cpus, release, totalmem } from "node:os";
import { helped } from "../support/helped.ts";
import { fsyncTime } from "./disk.ts";
import { durableHops, throughput } from "./durable.ts";
import { idleLinks } from "./idle.ts";
import { loaded } from "./loaded.ts";
import { streamServerVersion } from "./rivals.ts";
import { askRoundTrip } from "./round-trip.ts";
import { starts } from "./starts.ts";
import { isMet, type Result } from "./stats.ts";
import { stored } from "./stored.ts";
import { tokenResults } from "./tokens.ts";
import { type BenchWorld, createBenchWorld } from "./world.ts";

/**
 * `npm run bench`: the hot paths, each as a ratio against a baseline of the same run, so that a slow or busy machine shifts both.
 * `-- --json` prints one line; `-- --only hops,starts` runs some parts. The script's `--channels=server:repowire` is what Claude Code's
 * command line would say: this process stands in for the session.
 */
const PARTS: Record<string, { run: (world: BenchWorld) => Promise<Result[]> | Result[]; needs?: "nats-server" }> = {
  disk: { run: fsyncTime },
  hops: { run: durableHops, needs: "nats-server" },
  throughput: { run: throughput, needs: "nats-server" },
  asks: { run: askRoundTrip },
  starts: { run: starts },
  idle: { run: idleLinks },
  loaded: { run: loaded, needs: "nats-server" },
  stored: { run: stored },
  tokens: { run: tokenResults },
};

helped(`
npm run bench -- [options]: the hot paths, each as a ratio against a baseline of the same run.

  --only A,B   only these parts: ${Object.keys(PARTS).join(", ")}
  --json       one line of JSON at the end
`);

const isJson = process.argv.includes("--json");
const only = flagValue("--only")?.split(",");
const unknown = only?.filter((name) => !Object.hasOwn(PARTS, name)) ?? [];
if (unknown.length > 0) {
  console.error(`There is no part "${unknown.join('", "')}". Known: ${Object.keys(PARTS).join(", ")}.`);
  process.exit(2);
}

function flagValue(flag: string): string | undefined {
  const at = process.argv.indexOf(flag);
  return at < 0 ? undefined : process.argv[at + 1];
}

function line({ name, value, unit, baseline, ratio, against, ...rest }: Result): string {
  const met = isMet({ name, value, unit, baseline, ratio, ...rest });
  const verdict = met === undefined ? "" : met ? "  aim met" : `  AIM MISSED (${rest.aim?.at} ${rest.aim?.bound})`;
  return `${name.padEnd(18)} ${String(value).padStart(8)} ${unit.padEnd(6)} baseline ${String(baseline).padStart(8)}  ratio ${String(ratio).padEnd(7)}${verdict}${against ? `  [${against}]` : ""}`;
}

const results: Result[] = [];
{
  await using world = await createBenchWorld();
  for (const [name, part] of Object.entries(PARTS)) {
    if (only && !only.includes(name)) continue;
    if (part.needs && !Bun.which(part.needs)) {
      console.error(`skipped: ${name} needs ${part.needs}; install it with \`apt-get install ${part.needs}\``);
      continue;
    }
    const measured = await part.run(world);
    results.push(...measured);
    if (!isJson) for (const one of measured) console.log(line(one));
  }
}
if (isJson) {
  const [cpu] = cpus();
  const machine = {
    cpu: cpu?.model ?? "unknown",
    cores: cpus().length,
    memory_gb: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${release()}`,
    bun: Bun.version,
    nats_server: streamServerVersion(),
  };
  console.log(JSON.stringify({ machine, results }));
}
process.exit(0);
