import { beforeEach, expect, test } from "bun:test";
import { createMesh, type MeshHarness } from "../../test/support/mesh-harness.ts";
import type { PeerId } from "../protocol/index.ts";
import { claimSeat, endSession, type LaunchRecord, setRole } from "./index.ts";

let mesh: MeshHarness;
let lead: PeerId;
beforeEach(async () => {
  mesh = createMesh();
  lead = await mesh.join("lead");
});
const appoint = () => mesh.decide((ctx) => setRole(ctx, mesh.peer(lead), "orchestrator", undefined));

// @req circles.orchestrator-by-people
test("an appointed session keeps its role through reconnects, and loses it with its process: the next one in its seat is an agent", async () => {
  await appoint();
  expect(mesh.peer(lead).role).toBe("orchestrator");
  const { instance, path } = mesh.peer(lead);
  const start = { runtime: "claude-code", role: "agent", path, capabilities: [], identity: "proven" } as const;
  await mesh.decide((ctx) => claimSeat(ctx, { ...start, capabilities: [], instance }));
  expect(mesh.peer(lead).role).toBe("orchestrator");
  await mesh.decide((ctx) => endSession(ctx, lead, "its process ended"));
  expect(mesh.peer(lead).role).toBe("agent");
  const next = { pid: 99, started: "later", boot: "boot" };
  const seat = await mesh.decide((ctx) => claimSeat(ctx, { ...start, capabilities: [], instance: next }));
  expect([seat.id, seat.role]).toEqual([lead, "agent"]);
});

test("one that is started again in its seat is still appointed", async () => {
  await appoint();
  await mesh.decide((ctx) => {
    const launch: LaunchRecord = {
      request: ctx.ids.message(),
      runtime: "claude-code",
      args: [],
      spawner: lead,
      depth: 1,
      madeSeat: false,
      phase: "restarting",
    };
    ctx.tx.peers.put({ ...mesh.peer(lead), launch });
    endSession(ctx, lead, "restarting");
  });
  expect(mesh.peer(lead).role).toBe("orchestrator");
});

test("what is offline, asserted only, or no session is not appointed", async () => {
  const asserted = await mesh.join("asserted", { identity: "asserted" });
  const ada = await mesh.join("ada", { role: "human" });
  await mesh.decide((ctx) => endSession(ctx, lead, "its process ended"));
  for (const [peer, code] of [
    [lead, "session_state"],
    [asserted, "session_state"],
    [ada, "forbidden"],
  ] as const) {
    await expect(mesh.decide((ctx) => setRole(ctx, mesh.peer(peer), "orchestrator", undefined))).rejects.toMatchObject({
      code,
    });
  }
});
