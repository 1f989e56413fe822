import { startBenchDaemon } from "./daemon.ts";
import { STREAM_DURABILITY, startStreamServer } from "./rivals.ts";
import { atMost, percentile, type Result, result } from "./stats.ts";
import { carry, close, overMesh, overStream } from "./traffic-run.ts";
import type { BenchWorld } from "./world.ts";

/** 1,000 sessions, half of them sending to the other half. */
const STREAMS = 500;
const PER_SECOND = 1_000;
const SECONDS = 60;
/** How long the other engine is measured: its figure is steady sooner. */
const BASELINE_SECONDS = 20;
const WINDOW = 16;

/** A minute of steady load, with the receipts that sessions give; how late messages arrive, and whether the daemon's memory stays. */
export async function loaded(world: BenchWorld): Promise<Result[]> {
  const daemon = await startBenchDaemon(world, "loaded");
  const ends = await overMesh(world, daemon.env, "receipts")(STREAMS);
  const order = (seconds: number) => ({
    count: (PER_SECOND * seconds) / STREAMS,
    window: WINDOW,
    perSecond: PER_SECOND,
  });
  await carry(ends, order(10));
  const before = daemon.rssMb();
  const cpuBefore = daemon.cpuSeconds();
  const ours = await carry(ends, order(SECONDS));
  const cpu = daemon.cpuSeconds() - cpuBefore;
  const after = daemon.rssMb();
  await close(ends);
  await daemon.stop();

  const rival = await startStreamServer(world);
  const theirEnds = await overStream(world, rival.port)(STREAMS);
  await carry(theirEnds, order(5));
  const theirs = await carry(theirEnds, order(BASELINE_SECONDS));
  await close(theirEnds);
  await rival.stop();
  return [
    result("loaded_p99_ms", percentile(ours.latencies, 0.99), "ms", percentile(theirs.latencies, 0.99), {
      against: `${STREAM_DURABILITY}; ours fsync before accept, with receipts`,
    }),
    result("loaded_memory_mb", after, "MB", before, {
      against: "the same daemon before that minute",
      aim: atMost(1.25),
    }),
    result("loaded_cpu_share", cpu / SECONDS, "cores", 1, { against: "one core" }),
  ];
}
