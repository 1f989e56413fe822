import { startBenchDaemon } from "./daemon.ts";
import { STREAM_DURABILITY, startStreamServer } from "./rivals.ts";
import { atLeast, atMost, median, type Result, result } from "./stats.ts";
import { type Connect, carry, close, overMesh, overStream } from "./traffic-run.ts";
import type { BenchWorld } from "./world.ts";

const ROUNDS = 5;
const HOPS = 300;
/** A daemon lives for weeks: both sides are measured with their code compiled. */
const WARM_UP = 2_000;

/** One message from one session to another, stored in between: from the call to its arrival. Rounds of all in turn. */
export async function durableHops(world: BenchWorld): Promise<Result[]> {
  const full = await startBenchDaemon(world, "hop-full");
  const normal = await startBenchDaemon(world, "hop-normal", { REPOWIRE_SYNCHRONOUS: "normal" });
  const rival = await startStreamServer(world);
  const ways = await Promise.all(
    [overMesh(world, full.env), overMesh(world, normal.env), overStream(world, rival.port)].map(async (connect) => {
      const ends = await connect(1);
      await carry(ends, { count: WARM_UP, window: 1, perSecond: 0 });
      return { ends, times: [] as number[] };
    }),
  );
  for (let round = 0; round < ROUNDS; round++) {
    for (const way of ways)
      way.times.push(...(await carry(way.ends, { count: HOPS, window: 1, perSecond: 0 })).latencies);
  }
  for (const way of ways) await close(way.ends);
  for (const server of [full, normal, rival]) await server.stop();
  const [ofFull = Number.NaN, ofNormal = Number.NaN, ofRival = Number.NaN] = ways.map((way) => median(way.times));
  return [
    result("durable_hop", ofNormal, "ms", ofRival, {
      against: `${STREAM_DURABILITY}; ours synchronous=normal, equal`,
      aim: atMost(0.6),
    }),
    result("durable_hop_full", ofFull, "ms", ofRival, {
      against: `${STREAM_DURABILITY}; ours fsync before accept, stronger`,
      aim: atMost(1),
    }),
  ];
}

const MESSAGES = 16_000;
const WINDOW = 128;

/** Messages a second through N streams at once, from the first call to the last arrival. */
export async function throughput(world: BenchWorld): Promise<Result[]> {
  const results: Result[] = [];
  for (const streams of [1, 8, 64]) {
    const daemon = await startBenchDaemon(world, `throughput-${streams}`, { REPOWIRE_SYNCHRONOUS: "normal" });
    const rival = await startStreamServer(world);
    const ours = await rate(overMesh(world, daemon.env), streams);
    const theirs = await rate(overStream(world, rival.port), streams);
    await daemon.stop();
    await rival.stop();
    results.push(
      result(`throughput_${streams}`, ours, "msg/s", theirs, {
        against: `${STREAM_DURABILITY}; ours synchronous=normal, equal`,
        ...(streams === 8 ? { aim: atLeast(3) } : {}),
      }),
    );
  }
  return results;
}

async function rate(connect: Connect, streams: number): Promise<number> {
  const ends = await connect(streams);
  const order = { count: Math.ceil(MESSAGES / streams), window: Math.ceil(WINDOW / Math.sqrt(streams)), perSecond: 0 };
  await carry(ends, { ...order, count: Math.ceil(order.count / 8) });
  const rates: number[] = [];
  for (let round = 0; round < 3; round++) rates.push((await carry(ends, order)).perSecond);
  await close(ends);
  return median(rates);
}
