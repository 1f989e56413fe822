import { describe, expect, test } from "bun:test";
import { createMesh, type MeshHarness } from "../../test/support/mesh-harness.ts";
import type { PeerId } from "../protocol/index.ts";
import { endSession, recover } from "./index.ts";

const seats = (mesh: MeshHarness) => mesh.read((ctx) => ctx.tx.peers.all().map((peer) => peer.name));
const joinProbe = (mesh: MeshHarness) => mesh.join("probe", { name: "probe", temporary: true });
const end = (mesh: MeshHarness, peer: PeerId) => mesh.decide((ctx) => endSession(ctx, peer, "its process ended"));
const ask = (mesh: MeshHarness, asker: PeerId) =>
  mesh.call(asker, "ask", { peer: "probe", question: "there?", wait_seconds: 0 });

describe("A temporary seat", () => {
  test("is gone when its session ends, and says so in the log", async () => {
    const mesh = createMesh();
    const probe = await joinProbe(mesh);
    await end(mesh, probe);
    expect(seats(mesh)).toEqual([]);
    expect(mesh.read((ctx) => ctx.tx.events.after(0, 100)).at(-1)).toMatchObject({
      type: "peer.left",
      data: { name: "probe" },
    });
  });

  test("is gone after a restart of the daemon that outlived its session", async () => {
    const mesh = createMesh();
    await joinProbe(mesh);
    await mesh.decide((ctx) => recover(ctx, () => false));
    expect(seats(mesh)).toEqual([]);
  });

  test("stays, offline, while a question to it is open, and goes when that is over", async () => {
    const mesh = createMesh();
    const asker = await mesh.join("asker");
    const probe = await joinProbe(mesh);
    const { id } = await ask(mesh, asker);
    await end(mesh, probe);
    expect(mesh.peer(probe).presence.state).toBe("offline");
    await mesh.call(asker, "inbox", { id, cancel: true });
    await mesh.advance(1_000);
    expect(seats(mesh)).toEqual(["asker"]);
  });

  test("stays while it has unread mail", async () => {
    const mesh = createMesh();
    const sender = await mesh.join("sender");
    const probe = await joinProbe(mesh);
    await mesh.call(sender, "notify", { peer: "probe", text: "news" });
    await end(mesh, probe);
    await mesh.advance(1_000);
    expect(seats(mesh)).toEqual(["sender", "probe"]);
  });

  test("takes no seat that waits for its next session, and no session takes its seat", async () => {
    const mesh = createMesh();
    const asker = await mesh.join("asker");
    const resident = await mesh.join("backend");
    await end(mesh, resident);
    const probe = await mesh.join("backend", { name: "probe", temporary: true });
    expect(probe).not.toBe(resident);
    await ask(mesh, asker);
    await end(mesh, probe);
    expect(await mesh.join("backend", { name: "probe" })).not.toBe(probe);
    expect(await mesh.join("backend")).toBe(resident);
  });

  test("leaves the answer that it gave readable after it is gone", async () => {
    const mesh = createMesh();
    const asker = await mesh.join("asker");
    const probe = await joinProbe(mesh);
    await mesh.openPush(probe);
    const { id } = await ask(mesh, asker);
    await mesh.present(probe);
    await mesh.call(probe, "reply", { id, text: "here" });
    await end(mesh, probe);
    expect(seats(mesh)).toEqual(["asker"]);
    expect(await mesh.call(asker, "inbox", { id })).toMatchObject({
      outcome: { state: "answered", peer: "probe", text: "here" },
    });
  });
});

test("An ordinary seat waits for its next session", async () => {
  const mesh = createMesh();
  await end(mesh, await mesh.join("backend"));
  expect(seats(mesh)).toEqual(["backend"]);
});
