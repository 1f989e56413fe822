import { expect, test } from "bun:test";
import type { Engine } from "../core/index.ts";
import { LIMITS } from "../protocol/index.ts";
import { createHealth } from "./health.ts";

const engine = (backlog: number) => ({ backlog }) as Engine; // the one thing that health reads of it
const healthOf = (backlog: number, store: { ok: boolean; detail?: string }) =>
  createHealth({
    instance: "i",
    startedAt: 1,
    engine: engine(backlog),
    parts: { store: () => store },
    counts: () => ({ links: 2 }),
  });

test("One broken part makes the whole not ok, with or without a credential; which one, only with it", () => {
  const health = healthOf(0, { ok: false, detail: "disk I/O error" });
  expect(health(false)).toMatchObject({ ok: false });
  expect(health(false)).not.toHaveProperty("parts");
  expect(health(true)).toMatchObject({
    ok: false,
    parts: { store: { ok: false, detail: "disk I/O error" }, queue: { ok: true } },
    counts: { links: 2 },
  });
});

test("A queue that grows is a broken part", () => {
  const health = healthOf(LIMITS.queueMax, { ok: true });
  expect(health(true).parts?.queue).toEqual({ ok: false, detail: `${LIMITS.queueMax} requests wait to be stored` });
});
