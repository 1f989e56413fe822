import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { privateTerminal } from "../support/terminal.ts";
import { until } from "../support/until.ts";
import { type BenchDaemon, startBenchDaemon } from "./daemon.ts";
import { fillStore } from "./fill-store.ts";
import type { NamedQuery, SearchTimes } from "./search-client.ts";
import { atLeast, atMost, median, percentile, type Result, result } from "./stats.ts";
import { type Language, language, seeded } from "./words.ts";
import type { BenchWorld } from "./world.ts";

/** A million by default; fewer with `REPOWIRE_BENCH_STORED`, for a look at a busy machine. */
const COUNT = Number(process.env.REPOWIRE_BENCH_STORED ?? 1_000_000);
const ROUNDS = 5;
const ASKS = 200;
const SEARCHES = 600;
const STARTS = 5;
/** A day of a busy mesh in a minute. */
const PURGE_AIM = 1_000;

/** A store with a million messages beside an empty one: starting, asking, searching, and a person's purge of half of it. */
export async function stored(world: BenchWorld): Promise<Result[]> {
  const words = language(1);
  const home = world.folder("stored");
  fillStore(join(home, "repowire.db"), COUNT, words);

  const { full, empty, startMs } = await starts(world);
  const asks = await askTimes(world, full, empty);
  const rss = { full: full.rssMb(), empty: empty.rssMb() };
  const times = await searchTimes(world, full, queries(words));
  const searched = times.searches.map((search) => search.ms);
  const purged = await purgeHalf(world, full);
  await full.stop();
  await empty.stop();

  const n = COUNT === 1_000_000 ? "1m" : String(COUNT);
  const stall = percentile(purged.askMs, 1);
  return [
    result(`start_${n}_ms`, median(startMs.full), "ms", median(startMs.empty), {
      against: "the same with an empty store",
    }),
    result(`rss_${n}_mb`, rss.full, "MB", rss.empty, { against: "the same with an empty store, after as many asks" }),
    result(`ask_${n}_stored`, median(asks.full), "ms", median(asks.empty), {
      against: "the same with an empty store, in turns",
      aim: atMost(1.2),
    }),
    result(`search_${n}_p50_ms`, median(searched), "ms", median(times.healthMs), {
      against: "/health over the same door",
    }),
    result(`search_${n}_p99_ms`, percentile(searched, 0.99), "ms", percentile(times.healthMs, 0.99), {
      against: "/health over the same door, its own p99",
    }),
    result(`search_${n}_over_whoami_p99_ms`, percentile(searched, 0.99), "ms", percentile(times.whoamiMs, 0.99), {
      against: "whoami of the same person, its own p99: what any operation costs over this door",
    }),
    ...slowest(times, n),
    result(`purge_${n}_per_s`, purged.messages / purged.seconds, "msg/s", PURGE_AIM, {
      against: `the aim; ${purged.messages} messages in ${Math.round(purged.seconds)} s, while a session asked`,
      aim: atLeast(PURGE_AIM, "value"),
    }),
    result("purge_ask_p50_ms", median(purged.askMs), "ms", median(asks.full), { against: "the same without a purge" }),
    result("purge_stall_ms", stall, "ms", median(times.healthMs), {
      against: "/health without it; value: the longest ask while it ran",
      aim: atMost(1_000, "value"),
    }),
  ];
}

async function starts(world: BenchWorld) {
  const startMs = { full: [] as number[], empty: [] as number[] };
  let full: BenchDaemon | undefined;
  let empty: BenchDaemon | undefined;
  for (let round = 0; round < STARTS; round++) {
    await full?.stop();
    await empty?.stop();
    let from = performance.now();
    full = await startBenchDaemon(world, "stored");
    startMs.full.push(performance.now() - from);
    from = performance.now();
    empty = await startBenchDaemon(world, "stored-nothing");
    startMs.empty.push(performance.now() - from);
  }
  if (!full || !empty) throw new Error("nothing was started");
  return { full, empty, startMs };
}

async function askTimes(world: BenchWorld, full: BenchDaemon, empty: BenchDaemon) {
  const sides = await Promise.all(
    [full, empty].map(async (daemon) => {
      const answerer = world.script("link-peer.ts", ["answer"], world.folder("answerer"), daemon.env);
      return { daemon, answerer, name: await answerer.line(), times: [] as number[] };
    }),
  );
  for (let round = 0; round < ROUNDS; round++) {
    for (const side of sides) {
      const asker = world.script(
        "link-peer.ts",
        ["ask", side.name, String(ASKS)],
        world.folder("asker"),
        side.daemon.env,
      );
      // The first tenth of a process's round trips warms up.
      side.times.push(...(await asker.json<number[]>()).slice(ASKS / 10));
    }
  }
  for (const side of sides) await side.answerer.stop();
  const [ofFull, ofEmpty] = sides.map((side) => side.times);
  return { full: ofFull ?? [], empty: ofEmpty ?? [] };
}

/** What people search for: rare and frequent words, several, beginnings, phrases, with and without filters; drawn by a seed. */
function queries(words: Language): NamedQuery[] {
  const random = seeded(11);
  const frequent = () => words.word(random(20));
  const common = () => words.word(20 + random(500));
  const rare = () => words.word(2_000 + random(30_000));
  const peer = () => `stored-${random(200)}`;
  const since = () => Date.now() - random(19) * 86_400_000;
  const beginning = (word: string, length: number) => word.slice(0, length);
  const kinds: [string, () => NamedQuery["input"]][] = [
    ["frequent", () => ({ words: `"${frequent()}"` })],
    ["rare", () => ({ words: `"${rare()}"` })],
    ["two frequent", () => ({ words: `${frequent()} "${frequent()}"` })],
    ["frequent and rare", () => ({ words: `${frequent()} "${rare()}"` })],
    ["two rare", () => ({ words: `${rare()} "${rare()}"` })],
    ["two letters", () => ({ words: beginning(common(), 2) })],
    ["three letters", () => ({ words: beginning(common(), 3) })],
    ["five letters", () => ({ words: beginning(rare(), 5) })],
    ["word and beginning", () => ({ words: `${common()} ${beginning(common(), 4)}` })],
    ["phrase", () => ({ words: `"${frequent()} ${common()}"` })],
    ["with a peer", () => ({ words: `"${frequent()}"`, peer: peer() })],
    ["rare with a peer", () => ({ words: `"${rare()}"`, peer: peer() })],
    ["with kind and circle", () => ({ words: `"${common()}"`, kind: "notify" as const, circle: "red" })],
    ["since", () => ({ words: `"${common()}"`, since: since() })],
    ["until", () => ({ words: `"${common()}"`, until: since() })],
    ["by relevance", () => ({ words: `"${common()}"`, relevance: true })],
  ];
  return Array.from({ length: SEARCHES }, (_, at) => {
    const [name, input] = kinds[at % kinds.length] ?? ["frequent", () => ({ words: frequent() })];
    return { name, input: input() };
  });
}

async function searchTimes(world: BenchWorld, daemon: BenchDaemon, list: NamedQuery[]): Promise<SearchTimes> {
  const input = join(world.root, "queries.json");
  const output = join(world.root, "searches.json");
  writeFileSync(input, JSON.stringify(list));
  await atTerminal(world, daemon, "searches", [
    process.execPath,
    join(import.meta.dir, "search-client.ts"),
    input,
    output,
  ]);
  return (await Bun.file(output).json()) as SearchTimes; // what `search-client.ts` writes
}

/** The slowest kinds of query, each with its own median: where the time goes. */
function slowest(times: SearchTimes, n: string): Result[] {
  const kinds = Map.groupBy(times.searches, (search) => search.name);
  return [...kinds]
    .map(([name, searches]) => ({ name, ms: median(searches.map((search) => search.ms)) }))
    .sort((a, b) => b.ms - a.ms)
    .slice(0, 3)
    .map(({ name, ms }) =>
      result(`search_${n}_${name.replaceAll(" ", "_")}_p50_ms`, ms, "ms", median(times.healthMs), {
        against: "/health over the same door",
      }),
    );
}

/** Half of everything is removed by a person, while a session goes on asking. */
async function purgeHalf(world: BenchWorld, daemon: BenchDaemon) {
  const output = join(world.root, "purged.json");
  const answerer = world.script("link-peer.ts", ["answer"], world.folder("answerer"), daemon.env);
  const name = await answerer.line();
  const from = performance.now();
  let isOver = false;
  const purge = atTerminal(world, daemon, "purge", [
    "sh",
    "-c",
    `"$0" "$@" >${output}`,
    ...world.command("cli"),
    "purge",
    "--older-than",
    "10.5",
    "--json",
  ]).finally(() => {
    isOver = true;
  });
  const asks: number[] = [];
  while (!isOver) {
    const asker = world.script("link-peer.ts", ["ask", name, "50"], world.folder("asker"), daemon.env);
    asks.push(...(await asker.json<number[]>()));
  }
  await purge;
  const seconds = (performance.now() - from) / 1_000;
  await answerer.stop();
  const { messages } = (await Bun.file(output).json()) as { messages: number }; // the command's own output
  return { seconds, messages, askMs: asks };
}

/** Runs a command at a terminal outside every agent, so that it has a person's rights. */
async function atTerminal(world: BenchWorld, daemon: BenchDaemon, name: string, command: string[]): Promise<void> {
  const folder = join(world.root, `terminal-${name}`);
  mkdirSync(folder);
  const terminal = privateTerminal(folder);
  const done = join(folder, "code");
  try {
    terminal.open(name, {
      cwd: folder,
      env: daemon.env,
      command: ["sh", "-c", `"$0" "$@"; echo $? >${done}.part; mv ${done}.part ${done}`, ...command],
    });
    await until(async () => (await Bun.file(done).exists()) || undefined, `the end of ${name}`, 1_800_000);
    const code = (await Bun.file(done).text()).trim();
    if (code !== "0") throw new Error(`${name} ended with ${code}: ${terminal.screen(name)}`);
  } finally {
    terminal.close();
  }
}
