import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { createMesh } from "../../../test/support/mesh-harness.ts";
import { tempHome } from "../../../test/support/temp-home.ts";
import { StorageError } from "../../core/ports.ts";
import { sqliteStore } from "./store.ts";

const BIG = "x".repeat(200_000);
/** Room for a few small messages, not for a big one. */
const ROOM_PAGES = 20;

/** Two sessions on a disk that is nearly full. */
async function nearlyFull() {
  const home = tempHome();
  const file = home.file("repowire.db");
  const store = sqliteStore(file, { synchronous: "normal" });
  const mesh = createMesh({ store });
  const [frontend, backend] = [await mesh.join("frontend"), await mesh.join("backend")];
  await mesh.openPush(backend);
  const db = new Database(file, { readonly: true });
  const pages = db.query<{ page_count: number }, []>("PRAGMA page_count").get()?.page_count ?? 0;
  db.close(true);
  store.limitPages(pages + ROOM_PAGES);
  mesh.effects.length = 0;
  return {
    mesh,
    store,
    frontend,
    backend,
    [Symbol.dispose]() {
      store.close();
      home[Symbol.dispose]();
    },
  };
}

test("a message that the disk cannot take does not take the others of its batch with it", async () => {
  using parts = await nearlyFull();
  const { mesh, frontend, backend } = parts;
  const notify = (text: string) => mesh.call(frontend, "notify", { peer: "backend", text, urgency: "normal" });
  const calls = Promise.allSettled([notify("one"), notify(BIG), notify("two")]);
  await mesh.quiet();
  await mesh.present(backend);
  const [one, big, two] = await calls;

  expect(one).toMatchObject({ status: "fulfilled", value: { recipient: { delivery: "presented" } } });
  expect(two).toMatchObject({ status: "fulfilled", value: { recipient: { delivery: "presented" } } });
  expect(big).toMatchObject({ status: "rejected", reason: { code: "storage_full", retryable: true } });
  expect(mesh.faults).toEqual([expect.any(StorageError)]);
});

// @req delivery.full-disk-said
test("what the disk could not take was never said: no hand-over, no event, no number used up", async () => {
  using parts = await nearlyFull();
  const { mesh, frontend, backend } = parts;
  const lastEvent = mesh.read(({ tx }) => tx.events.last());
  await expect(mesh.call(frontend, "notify", { peer: "backend", text: BIG })).rejects.toMatchObject({
    code: "storage_full",
  });
  expect(mesh.effects).toEqual([]);
  expect(mesh.delivered(backend)).toEqual([]);
  expect(mesh.read(({ tx }) => tx.events.last())).toBe(lastEvent);

  void mesh.call(frontend, "notify", { peer: "backend", text: "small" });
  await mesh.quiet();
  expect(mesh.read(({ tx }) => tx.deliveries.inStates(backend, ["leased"]))).toMatchObject([{ seq: 1 }]);
});

test("a question that the disk could not take leaves no wait behind", async () => {
  using parts = await nearlyFull();
  const { mesh, frontend } = parts;
  await expect(mesh.call(frontend, "ask", { peer: "backend", question: BIG })).rejects.toMatchObject({
    code: "storage_full",
  });
  expect(mesh.live.waitsOf(frontend)).toEqual([]);
  expect(mesh.waits.size).toBe(0);
  expect(mesh.clock.pending).toBe(0);
});

test("once there is space again, the same request succeeds and the fault is forgotten", async () => {
  using parts = await nearlyFull();
  const { mesh, store, frontend } = parts;
  const send = () => mesh.call(frontend, "ask", { peer: "backend", question: BIG, wait_seconds: 0 });
  await expect(send()).rejects.toMatchObject({ code: "storage_full" });
  expect(store.fault).toContain("full");
  store.limitPages(1_000_000);
  expect(await send()).toMatchObject({ state: "pending", recipient: { delivery: "leased" } });
  expect(store.fault).toBeUndefined();
});
