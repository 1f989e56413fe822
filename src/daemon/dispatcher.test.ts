import { expect, test } from "bun:test";
import { fillingStore } from "../../test/support/filling-store.ts";
import { createMesh } from "../../test/support/mesh-harness.ts";
import type { DeliverResult, Envelope } from "../protocol/index.ts";
import { createDispatcher } from "./dispatcher.ts";
import { createEventHub } from "./hub.ts";

/** A mesh whose disk takes nothing while `isFull`, and a dispatcher that carries out what it decides. */
async function setUp(deliver: (items: Envelope[]) => Promise<DeliverResult[]>) {
  const { store, disk } = fillingStore();
  const mesh = createMesh({ store, onEffects: (effects) => dispatcher.perform(effects) });
  const dispatcher = createDispatcher({ hub: createEventHub(), waits: mesh.waits, clock: mesh.clock });
  dispatcher.connect(mesh.engine);
  const frontend = await mesh.join("frontend");
  const backend = await mesh.join("backend");
  dispatcher.addTransport("push of backend", { deliver, probe: async () => {} });
  await mesh.openPush(backend, { id: "push of backend" });
  return { mesh, disk, dispatcher, frontend, backend };
}

const presented = (items: Envelope[]): DeliverResult[] =>
  items.map(({ message, attempt }) => ({ message, attempt, outcome: "presented" }));

// @req delivery.happened-is-recorded
test("a hand-over that worked while the disk was full is recorded later, and never repeated", async () => {
  const handed: Envelope[] = [];
  const { mesh, disk, frontend, backend } = await setUp(async (items) => {
    handed.push(...items);
    disk.isFull = true;
    return presented(items);
  });
  const told = mesh.call(frontend, "notify", { peer: "backend", text: "news" });
  await mesh.quiet();
  for (let second = 0; second < 3; second++) {
    mesh.clock.advance(1_000);
    await mesh.quiet();
  }
  const { message } = await told;
  expect(mesh.delivery(message, backend).state).toBe("leased");

  disk.isFull = false;
  mesh.clock.advance(1_000);
  await mesh.quiet();
  expect(mesh.delivery(message, backend)).toMatchObject({ state: "presented", attempt: 1 });
  expect(handed).toHaveLength(1);
});

test("a hand-over that failed goes back to the queue with the reason", async () => {
  let tries = 0;
  const { mesh, frontend, backend } = await setUp(async (items) => {
    if (++tries === 1) throw new Error("the pane is gone");
    return presented(items);
  });
  const { message } = await mesh.call(frontend, "notify", { peer: "backend", text: "news" });
  await mesh.quiet();
  expect(mesh.delivery(message, backend)).toMatchObject({ state: "presented", attempt: 2 });
});
