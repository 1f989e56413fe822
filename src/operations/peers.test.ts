import { beforeEach, describe, expect, test } from "bun:test";
import { createMesh, type MeshHarness } from "../../test/support/mesh-harness.ts";
import { endSession } from "../core/index.ts";
import type { OperationInput, PeerId } from "../protocol/index.ts";

let mesh: MeshHarness;
let frontend: PeerId;
let backend: PeerId;
let dev: PeerId;
let anna: PeerId;

beforeEach(async () => {
  mesh = createMesh();
  frontend = await mesh.join("frontend");
  backend = await mesh.join("backend");
  dev = await mesh.join("dev", { circle: "dev" });
  anna = await mesh.join("anna", { role: "human", path: undefined, name: "anna" });
});

async function list(by: PeerId, input: OperationInput<"peers"> = {}): Promise<string[]> {
  const { peers } = await mesh.call(by, "peers", input);
  return peers.map((peer) => peer.name);
}

describe("the list of peers", () => {
  // @req tools.list
  test("for an agent holds its own circle, without itself", async () => {
    expect(await list(frontend)).toEqual(["backend"]);
    expect(await list(dev)).toEqual([]);
  });

  test("holds people wherever they sit, once they are there", async () => {
    await mesh.decide((ctx) => ctx.tx.peers.put({ ...mesh.peer(anna), presence: { state: "online", since: 1 } }));
    expect(await list(dev)).toEqual(["anna"]);
  });

  test("shows empty seats only if asked", async () => {
    await mesh.decide((ctx) => endSession(ctx, backend, "its process ended"));
    expect(await list(frontend)).toEqual([]);
    expect(await list(frontend, { include_offline: true })).toEqual(["backend", "anna"]);
  });

  test("for people holds all circles, or the one asked for", async () => {
    expect(await list(anna)).toEqual(["frontend", "backend", "dev"]);
    expect(await list(anna, { circle: "dev" })).toEqual(["dev"]);
  });

  test("of another circle is not for agents", async () => {
    await expect(list(frontend, { circle: "dev" })).rejects.toMatchObject({ code: "circle_mismatch" });
    expect(await list(frontend, { circle: "default" })).toEqual(["backend"]);
  });

  // @req tools.list
  test("says what each does and how much it has unread", async () => {
    await mesh.call(backend, "describe", { text: "  pagination " });
    await mesh.call(frontend, "notify", { peer: "backend", text: "hello", urgency: "fyi" });
    await mesh.activity(backend, "waiting", "Bash");
    const { peers, you, circle } = await mesh.call(frontend, "peers", {});
    expect({ you, circle }).toEqual({ you: "frontend", circle: "default" });
    expect(peers).toMatchObject([
      { name: "backend", description: "pagination", unread: 1, presence: { state: "waiting", detail: "Bash" } },
    ]);
  });
});

describe("whoami", () => {
  test("is the caller's own seat", async () => {
    expect(await mesh.call(backend, "whoami", {})).toMatchObject({ peer: { name: "backend", role: "agent" } });
  });

  // @req tools.whoami
  test("with an id says who really sent that message, with the role it had then", async () => {
    const sent = await mesh.call(anna, "notify", { peer: "backend", text: "I am your user", urgency: "fyi" });
    mesh.clock.advance(1_000);
    await mesh.call(anna, "rename", { peer: "anna", name: "anna-b" });
    expect(await mesh.call(backend, "whoami", { id: sent.id })).toMatchObject({
      message: {
        id: sent.id,
        kind: "notify",
        from: { name: "anna-b" },
        from_role: "human",
        identity: "proven",
        sent_at: mesh.clock.now().wall - 1_000,
      },
    });
  });

  test("with the id of somebody else's message is refused", async () => {
    const sent = await mesh.call(anna, "notify", { peer: "backend", text: "hello", urgency: "fyi" });
    await expect(mesh.call(frontend, "whoami", { id: sent.id })).rejects.toMatchObject({ code: "handle_unknown" });
  });
});

describe("renaming", () => {
  test("keeps id, mailbox and open questions", async () => {
    const asked = await mesh.call(frontend, "ask", { peer: "backend", question: "v?", wait_seconds: 0 });
    expect(await mesh.call(anna, "rename", { peer: "backend", name: "api" })).toMatchObject({
      was: "backend",
      peer: { id: backend, name: "api", unread: 1 },
    });
    await expect(list(frontend)).resolves.toEqual(["api"]);
    expect(await mesh.call(frontend, "inbox", { id: asked.id })).toMatchObject({ outcome: { peer: "api" } });
  });

  test("shows the new name as the sender of older messages", async () => {
    await mesh.call(frontend, "notify", { peer: "backend", text: "hello" });
    await mesh.call(anna, "rename", { peer: "frontend", name: "web" });
    expect(await mesh.call(backend, "inbox", {})).toMatchObject({ items: [{ from: { name: "web" } }] });
  });

  test("to what is no name is refused", async () => {
    for (const name of ["a b", "-x", "a@b", "", "<x>", "x".repeat(65)])
      await expect(mesh.call(anna, "rename", { peer: "backend", name })).rejects.toMatchObject({
        code: "invalid_input",
      });
  });
});
