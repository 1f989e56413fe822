import { expect, test } from "bun:test";
import { createMesh } from "../../test/support/mesh-harness.ts";
import { beginPhase, endSession, failOpenAsks } from "./index.ts";

// @req spawn.kill-proven
test("a session being ended, whose death is noticed first: its waiting asker hears that it failed, not that it is pending", async () => {
  const mesh = createMesh();
  const lead = await mesh.join("lead");
  const worker = await mesh.join("worker");
  await mesh.openPush(worker);
  await mesh.decide((ctx) => {
    const peer = ctx.tx.peers.get(worker);
    if (!peer) throw new Error("no worker");
    const launch = { request: ctx.ids.message(), runtime: "opencode", args: [], spawner: lead, depth: 1 } as const;
    ctx.tx.peers.put({ ...peer, launch: { ...launch, args: [], madeSeat: true, phase: "running" } });
  });
  const asking = mesh.call(lead, "ask", { peer: "worker", question: "How many?", wait_seconds: 30 });
  await mesh.present(worker);
  await mesh.decide((ctx) => beginPhase(ctx, worker, "stopping"));
  await mesh.decide((ctx) => endSession(ctx, worker, "its process ended"));
  await mesh.decide((ctx) => failOpenAsks(ctx, worker, "worker was ended by lead before it answered."));
  expect(await asking).toMatchObject({ state: "failed", reason: "session_gone" });
});
