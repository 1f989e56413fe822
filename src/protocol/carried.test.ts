import { expect, test } from "bun:test";
import { createMesh } from "../../test/support/mesh-harness.ts";
import { carriedMessages } from "./carried.ts";

/** What a result carries must be exactly what core leased for it: else it is told as written, or sent again, wrongly. */

async function setUp() {
  const mesh = createMesh();
  const [frontend, backend] = [await mesh.join("frontend"), await mesh.join("backend")];
  const leased = (peer: string) =>
    mesh.read(({ tx }) => tx.deliveries.inStates(peer, ["leased"]).map((delivery) => delivery.message));
  return { mesh, frontend, backend, leased };
}

test("an answered ask carries its answer, a pending one nothing", async () => {
  const { mesh, frontend, backend, leased } = await setUp();
  const pending = await mesh.call(frontend, "ask", { peer: "backend", question: "v?", wait_seconds: 0 });
  expect(carriedMessages("ask", pending)).toEqual([]);
  const waiting = mesh.call(frontend, "ask", { peer: "backend", question: "v?" });
  await mesh.quiet();
  await mesh.call(backend, "reply", { id: pending.id, text: "v2" });
  expect(carriedMessages("ask", await waiting)).toEqual(leased(frontend));
  expect(leased(frontend)).toHaveLength(1);
});

test("a call that is asked first carries that question", async () => {
  const { mesh, frontend, backend, leased } = await setUp();
  const waiting = mesh.call(frontend, "ask", { peer: "backend", question: "v?" });
  await mesh.quiet();
  await mesh.call(backend, "ask", { peer: "frontend", question: "which?", wait_seconds: 0 });
  expect(carriedMessages("ask", await waiting)).toEqual(leased(frontend));
  expect(leased(frontend)).toHaveLength(1);
});

test("a look into the mailbox carries its mail, a message its own, a look at one's own question its answer", async () => {
  const { mesh, frontend, backend, leased } = await setUp();
  for (const text of ["one", "two"]) await mesh.call(frontend, "notify", { peer: "backend", text });
  const mail = await mesh.call(backend, "inbox", {});
  expect(carriedMessages("inbox", mail)).toEqual(leased(backend));
  expect(leased(backend)).toHaveLength(2);

  const third = await mesh.call(frontend, "notify", { peer: "backend", text: "three" });
  expect(carriedMessages("inbox", await mesh.call(backend, "inbox", { id: third.id }))).toEqual([third.message]);

  const asked = await mesh.call(frontend, "ask", { peer: "backend", question: "v?", wait_seconds: 0 });
  await mesh.call(backend, "reply", { id: asked.id, text: "v2" });
  expect(carriedMessages("inbox", await mesh.call(frontend, "inbox", { id: asked.id }))).toEqual(leased(frontend));
});

test("what is one-way carries nothing", async () => {
  const { mesh, frontend } = await setUp();
  const sent = await mesh.call(frontend, "notify", { peer: "backend", text: "hello" });
  expect(carriedMessages("notify", sent)).toEqual([]);
});
