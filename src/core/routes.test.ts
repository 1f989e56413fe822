import { beforeEach, describe, expect, test } from "bun:test";
import { createMesh, type MeshHarness } from "../../test/support/mesh-harness.ts";
import type { PeerId, Rung } from "../protocol/index.ts";
import { chooseRoute, closeRoute, hasPush, openRoute, proveRung, setRouteReady, suspectRung } from "./routes.ts";

let mesh: MeshHarness;
let backend: PeerId;

beforeEach(async () => {
  mesh = createMesh();
  backend = await mesh.join("backend");
});

const chosen = (dead: Rung[] = []) => mesh.read((ctx) => chooseRoute(ctx, backend, dead)?.rung);
const rungEvents = () =>
  mesh.read(({ tx }) => tx.events.after(0, 100)).flatMap((e) => (e.type === "peer.rung" ? [e.data] : []));

describe("the best route", () => {
  test("is the one that the adapter prefers for what the session is doing", async () => {
    await mesh.openPush(backend, { rung: "channel", serves: { idle: 1, busy: 2 } });
    await mesh.openPush(backend, { rung: "inbox_socket", serves: { idle: 2, busy: 1 } });
    expect(chosen()).toBe("channel");
    await mesh.activity(backend, "busy");
    expect(chosen()).toBe("inbox_socket");
    await mesh.activity(backend, "waiting");
    expect(chosen()).toBe("inbox_socket");
    await mesh.activity(backend, "idle");
    expect(chosen()).toBe("channel");
  });

  test("is never one that cannot serve that state, is not ready, or is dead for this message", async () => {
    await mesh.openPush(backend, { rung: "channel", serves: { idle: 1 } });
    await mesh.openPush(backend, { rung: "push", ready: false });
    expect(chosen()).toBe("channel");
    expect(chosen(["channel"])).toBeUndefined();
    await mesh.activity(backend, "busy");
    expect(chosen()).toBeUndefined();
  });

  test("is a trusted one before a suspect one, however the adapter prefers", async () => {
    await mesh.openPush(backend, { rung: "channel", serves: { idle: 1 }, suspect: true });
    await mesh.openPush(backend, { rung: "inbox_socket", serves: { idle: 9 } });
    expect(chosen()).toBe("inbox_socket");
    expect(chosen(["inbox_socket"])).toBe("channel");
  });
});

describe("opening and closing", () => {
  test("a route that is still starting is used from the moment it is ready", async () => {
    const id = await mesh.openPush(backend, { ready: false });
    const frontend = await mesh.join("frontend");
    void mesh.call(frontend, "notify", { peer: "backend", text: "hello" });
    await mesh.quiet();
    expect(mesh.delivered(backend)).toEqual([]);
    await mesh.decide((ctx) => setRouteReady(ctx, id));
    expect(mesh.delivered(backend)).toMatchObject([{ body: "hello" }]);
    await mesh.decide((ctx) => setRouteReady(ctx, id));
    expect(rungEvents()).toEqual([
      { rung: "push", state: "starting" },
      { rung: "push", state: "open" },
    ]);
  });

  test("a route counts as a push only if it can start a turn", async () => {
    expect(mesh.read((ctx) => hasPush(ctx, backend))).toBeFalse();
    await mesh.openPush(backend, { serves: { busy: 1 } });
    expect(mesh.read((ctx) => hasPush(ctx, backend))).toBeFalse();
    await mesh.openPush(backend, { serves: { idle: 1 }, ready: false });
    expect(mesh.read((ctx) => hasPush(ctx, backend))).toBeTrue();
  });

  test("closing twice is one event", async () => {
    const id = await mesh.openPush(backend);
    await mesh.decide((ctx) => closeRoute(ctx, id));
    await mesh.decide((ctx) => closeRoute(ctx, id));
    expect(rungEvents().map((data) => data.state)).toEqual(["open", "closed"]);
  });
});

describe("trust", () => {
  const suspect = () => mesh.decide((ctx) => suspectRung(ctx, backend, "channel"));
  const prove = (latency?: number) => mesh.decide((ctx) => proveRung(ctx, backend, "channel", "prompt hook", latency));

  test("is lost once, by a route that must prove itself and has not", async () => {
    await mesh.openPush(backend, { rung: "channel", needsProof: true });
    await suspect();
    await suspect();
    expect(rungEvents().map((data) => data.state)).toEqual(["open", "suspect"]);
  });

  test("is not lost by a route that needs no proof, nor by one that gave it", async () => {
    await mesh.openPush(backend, { rung: "channel", needsProof: false });
    await suspect();
    await mesh.decide((ctx) => openRoute(ctx, { ...(mesh.live.routes(backend)[0] ?? never()), needsProof: true }));
    await prove();
    await suspect();
    expect(mesh.live.routes(backend)).toMatchObject([{ suspect: false }]);
  });

  test("comes back with a receipt, and the seat shows the proof with its speed", async () => {
    await mesh.openPush(backend, { rung: "channel", needsProof: true });
    await suspect();
    await prove(120);
    expect(mesh.live.routes(backend)).toMatchObject([{ suspect: false }]);
    const { peer } = await mesh.call(backend, "whoami", {});
    expect(peer.delivery).toEqual({
      rung: "channel",
      proven_by: "prompt hook",
      proven_at: mesh.clock.now().wall,
      latency_ms: 120,
    });
  });
});

function never(): never {
  throw new Error("there is no route");
}
