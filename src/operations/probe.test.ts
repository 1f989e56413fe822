import { expect, test } from "bun:test";
import { createMesh } from "../../test/support/mesh-harness.ts";

test("tries every way into live sessions, and says what went wrong", async () => {
  const mesh = createMesh({
    probe: (route) => (route === "bad" ? Promise.reject(new Error("nobody is there")) : Promise.resolve()),
  });
  const person = await mesh.join("person", { role: "human" });
  const backend = await mesh.join("backend");
  const frontend = await mesh.join("frontend");
  await mesh.join("silent");
  await mesh.givesReceipts(backend);
  await mesh.openPush(backend, { id: "good" });
  await mesh.openPush(frontend, { id: "bad", rung: "channel" });
  const { probes } = await mesh.call(person, "probe", {});
  expect(probes).toEqual([
    {
      peer: "backend",
      peer_id: backend,
      runtime: "claude-code",
      rung: "push",
      gives_receipts: true,
      ok: true,
      latency_ms: expect.any(Number),
    },
    {
      peer: "frontend",
      peer_id: frontend,
      runtime: "claude-code",
      rung: "channel",
      gives_receipts: false,
      ok: false,
      reason: "nobody is there",
    },
  ]);
  expect((await mesh.call(person, "probe", { peer: "backend" })).probes).toHaveLength(1);
});

test("is not for agents", async () => {
  const mesh = createMesh();
  const backend = await mesh.join("backend");
  expect(mesh.call(backend, "probe", {})).rejects.toMatchObject({ code: "forbidden" });
});
