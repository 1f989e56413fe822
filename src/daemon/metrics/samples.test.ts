import { expect, test } from "bun:test";
import { LIMITS } from "../../protocol/index.ts";
import { createSampler, type Totals } from "./samples.ts";

// @req dashboard.samples
test("what happened in each stretch is the difference of two readings; no more than an hour is kept", async () => {
  const totals: Totals = { accepted: 0, refused: 0, commits: 0, commit_seconds: 0 };
  const levels = { open_asks: 1, waiting_calls: 2, links: 3, memory_bytes: 4 };
  const sampler = createSampler({ totals: async () => ({ ...totals }), levels: () => levels });
  Object.assign(totals, { accepted: 5, refused: 1, commits: 2, commit_seconds: 0.004 });
  await sampler.take(1_000);
  Object.assign(totals, { accepted: 7 });
  await sampler.take(2_000);
  expect(sampler.all()).toEqual([
    { at: 1_000, accepted: 5, refused: 1, commit_ms: 2, ...levels },
    { at: 2_000, accepted: 2, refused: 0, ...levels },
  ]);
  for (let n = 0; n < LIMITS.samplesMax; n++) await sampler.take(3_000 + n);
  expect(sampler.all()).toHaveLength(LIMITS.samplesMax);
  expect(sampler.all()[0]?.at).toBe(3_000);
});
