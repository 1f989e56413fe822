import { expect, test } from "bun:test";
import { withDelivery } from "../../test/support/one-delivery.ts";
import { applyReport } from "./link-reports.ts";

test("a result that was written is presented by the way it went, and is not repeated when its lease runs out", async () => {
  const { mesh, peer, message, stored } = await withDelivery({
    state: "leased",
    rung: "result",
    attempt: 1,
    expires_awake_ms: 1e9,
  });
  await mesh.decide((ctx) => applyReport(ctx, peer, { type: "result_written", message }, "push"));
  expect(stored()).toMatchObject({ state: "presented", rung: "result" });
  await mesh.advance(60_000);
  expect(stored()).toMatchObject({ state: "presented", attempt: 1 });
});

test("a report about what was never handed over changes nothing", async () => {
  const { mesh, peer, message, stored } = await withDelivery({ state: "queued", attempt: 0 });
  await mesh.decide((ctx) => {
    applyReport(ctx, peer, { type: "result_written", message }, "push");
    applyReport(ctx, peer, { type: "seen", message, by: "model" }, "push");
    applyReport(ctx, peer, { type: "lost", message, why: "as said" }, "push");
  });
  expect(stored()).toMatchObject({ state: "queued", attempt: 0 });
});
