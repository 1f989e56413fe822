import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { median, type Result, result } from "./stats.ts";
import type { BenchWorld } from "./world.ts";

const WRITES = 300;
const PAGE = new Uint8Array(4_096).fill(7);

/** How long the disk takes to keep one page, in the folder of the databases: no durable message can be faster. */
export function fsyncTime(world: BenchWorld): Result[] {
  const grown = syncTimes(world, false);
  const overwritten = syncTimes(world, true);
  return [
    result("fsync", median(overwritten), "ms", median(grown), {
      against: "fdatasync of a page that makes a file longer",
    }),
  ];
}

function syncTimes(world: BenchWorld, isWrittenBefore: boolean): number[] {
  const file = openSync(join(world.root, `fsync-${isWrittenBefore}`), "w");
  if (isWrittenBefore) for (let i = 0; i < WRITES; i++) writeSync(file, PAGE, 0, PAGE.length, i * PAGE.length);
  fdatasyncSync(file);
  const times: number[] = [];
  for (let i = 0; i < WRITES; i++) {
    writeSync(file, PAGE, 0, PAGE.length, i * PAGE.length);
    const from = performance.now();
    fdatasyncSync(file);
    times.push(performance.now() - from);
  }
  closeSync(file);
  return times;
}
