import { beforeEach, describe, expect, test } from "bun:test";
import { createMesh, type MeshHarness } from "../../test/support/mesh-harness.ts";
import type { PeerId } from "../protocol/index.ts";

let mesh: MeshHarness;
let frontend: PeerId;
let backend: PeerId;

beforeEach(async () => {
  mesh = createMesh();
  frontend = await mesh.join("frontend");
  backend = await mesh.join("backend");
  await mesh.openPush(backend);
});

const ask = (question = "which version?") => mesh.call(frontend, "ask", { peer: "backend", question, wait_seconds: 0 });

// @req delivery.seen-needs-receipt
test("citing the handle is a receipt: only who was shown it can know it", async () => {
  const { id, message } = await ask();
  await mesh.present(backend);
  await mesh.call(backend, "reply", { id, text: "on it", outcome: "progress" });
  expect(mesh.delivery(message, backend)).toMatchObject({ state: "seen", seen_by: "reply" });
  expect(mesh.peer(backend).proofs.push).toMatchObject({ by: "reply" });
});

test("citing it before the transport reported the hand-over counts too", async () => {
  const { id, message } = await ask();
  await mesh.call(backend, "reply", { id, text: "v2" });
  expect(mesh.delivery(message, backend)).toMatchObject({ state: "seen", seen_by: "reply" });
});

// @req delivery.subagents-prove-nothing
test("a reply that may come from a subagent answers, but proves nothing about the main conversation", async () => {
  const { id, message } = await ask();
  await mesh.present(backend);
  const subagent = mesh.caller(backend, { mayBeSubagent: true });
  expect(await mesh.operations.call("reply", { id, text: "v2" }, subagent)).toMatchObject({ outcome: "answer" });
  expect(mesh.ask(message)).toMatchObject({ state: "answered", by: "reply" });
  expect(mesh.delivery(message, backend).state).toBe("presented");
  expect(mesh.peer(backend).proofs).toEqual({});
});

describe("a handle is refused", () => {
  // @req answers.handle-of-recipient
  test("to everybody but its recipient, with the questions that are open to them", async () => {
    const { id, message } = await ask();
    const infra = await mesh.join("infra");
    for (const other of [infra, frontend]) {
      await expect(mesh.call(other, "reply", { id, text: "v2" })).rejects.toMatchObject({
        code: "handle_unknown",
        message: `No message "${id}" was sent to you. No question to you is open.`,
      });
    }
    await expect(mesh.call(backend, "reply", { id: "zzzzz", text: "v2" })).rejects.toMatchObject({
      message: `No message "zzzzz" was sent to you. Open questions to you: ${id} from frontend.`,
    });
    expect(mesh.ask(message).state).toBe("open");
  });

  test("when it names no question, with how to write back", async () => {
    const told = await mesh.call(frontend, "notify", { peer: "backend", text: "hello", urgency: "fyi" });
    await expect(mesh.call(backend, "reply", { id: told.id, text: "thanks" })).rejects.toMatchObject({
      code: "not_an_ask",
      message: `${told.id} is a notify, not a question: it takes no reply. To write back, use notify_peer or ask_peer.`,
    });
  });

  test("when whoever asked has left the mesh for good", async () => {
    const { id } = await ask();
    await mesh.decide(({ tx }) => tx.peers.remove(frontend));
    await expect(mesh.call(backend, "reply", { id, text: "v2" })).rejects.toMatchObject({ code: "peer_not_found" });
  });
});

test("the reply says how the asker is, so that nobody waits for thanks from an empty seat", async () => {
  const { id } = await ask();
  await mesh.activity(frontend, "waiting", "Edit");
  expect(await mesh.call(backend, "reply", { id, text: "v2" })).toMatchObject({
    peer: "frontend",
    awaited: false,
    asker: { state: "waiting", detail: "Edit" },
  });
});
