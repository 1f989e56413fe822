import { startBenchDaemon } from "./daemon.ts";
import { atMost, median, type Result, result } from "./stats.ts";
import type { BenchWorld } from "./world.ts";

const ROUNDS = 5;
const ASKS = 200;

/** A question and its answer, both durable (two commits with fsync), between two links; rounds of it and of a bare echo in turn. */
export async function askRoundTrip(world: BenchWorld): Promise<Result[]> {
  const daemon = await startBenchDaemon(world, "ask");
  const answerer = world.script("link-peer.ts", ["answer"], world.folder("answerer"), daemon.env);
  const name = await answerer.line();
  const echo = world.script("echo-peer.ts", ["serve"], world.root);
  const port = await echo.line();
  const asks: number[] = [];
  const echoes: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const asker = world.script("link-peer.ts", ["ask", name, String(ASKS)], world.folder("asker"), daemon.env);
    asks.push(...warm(await asker.json<number[]>()));
    const bare = world.script("echo-peer.ts", ["ask", port, String(ASKS)], world.root);
    echoes.push(...warm(await bare.json<number[]>()));
  }
  for (const script of [answerer, echo]) await script.stop();
  await daemon.stop();
  return [
    result("ask_round_trip", median(asks), "ms", median(echoes), { against: "a bare WebSocket echo", aim: atMost(8) }),
  ];
}

/** The first tenth of a process's round trips warms up. */
const warm = (times: number[]): number[] => times.slice(Math.floor(times.length / 10));
