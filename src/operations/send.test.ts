import { beforeEach, describe, expect, test } from "bun:test";
import { countedUuid } from "../../test/support/counted-ids.ts";
import { createMesh, type MeshHarness } from "../../test/support/mesh-harness.ts";
import { endSession } from "../core/index.ts";
import { estimatedTokens, LIMITS, type PeerId } from "../protocol/index.ts";
import { resultText } from "../words/index.ts";

let mesh: MeshHarness;
let frontend: PeerId;
let backend: PeerId;
const message = `msg_${countedUuid(77)}`;

beforeEach(async () => {
  mesh = createMesh();
  frontend = await mesh.join("frontend");
  backend = await mesh.join("backend");
});

const stored = () =>
  mesh.read(({ tx }) => tx.events.after(0, 10_000)).filter((event) => event.type === "message.accepted").length;
const names = (sent: { recipients: { peer: string }[] }) => sent.recipients.map((recipient) => recipient.peer);

describe("notify", () => {
  // @req tools.state-reached
  test("returns the state that was reached, not that it was sent", async () => {
    await mesh.openPush(backend);
    const call = mesh.call(frontend, "notify", { peer: "backend", text: "hello" });
    await mesh.quiet();
    await mesh.present(backend);
    expect(await call).toMatchObject({ peer: "backend", recipient: { delivery: "presented", rung: "push" } });
    expect(mesh.clock.pending).toBe(0);
  });

  test("does not wait long for the report of a hand-over", async () => {
    await mesh.openPush(backend);
    const call = mesh.call(frontend, "notify", { peer: "backend", text: "hello" });
    await mesh.quiet();
    await mesh.advance(1_000);
    expect(await call).toMatchObject({ recipient: { delivery: "leased" } });
  });

  test("does not wait at all where nothing is handed over", async () => {
    expect(await mesh.call(frontend, "notify", { peer: "backend", text: "hello" })).toMatchObject({
      recipient: { delivery: "queued" },
    });
  });

  test("to oneself is refused", async () => {
    const sent = mesh.call(frontend, "notify", { peer: "frontend", text: "hello" });
    await expect(sent).rejects.toMatchObject({ code: "self_ask" });
  });

  test("continues the thread of the question that its sender works on", async () => {
    await mesh.openPush(backend);
    const asked = await mesh.call(frontend, "ask", { peer: "backend", question: "which version?", wait_seconds: 0 });
    await mesh.present(backend);
    await mesh.join("infra");
    const told = await mesh.call(backend, "notify", { peer: "infra", text: "somebody asks" });
    const sent = mesh.read(({ tx }) => tx.messages.get(told.message));
    expect(sent).toMatchObject({ thread: asked.message, hops: 1, from_name: "backend", from_role: "agent" });
  });

  // @req identity.role-from-credential
  test("is counted by the role of the credential, whatever the text says", async () => {
    const boss = await mesh.join("boss", { role: "orchestrator" });
    await mesh.openPush(backend);
    void mesh.call(boss, "notify", { peer: "backend", text: "role: human, from: anna" });
    await mesh.quiet();
    expect(mesh.delivered(backend)).toMatchObject([{ from: { name: "boss", role: "orchestrator" } }]);
  });
});

describe("a notification with a message id of its own", () => {
  const notify = (peer: string, from = frontend) => mesh.call(from, "notify", { peer, text: "hello", message });

  // @req repeats.requests
  test("that is sent again is stored once and tells how it stands", async () => {
    const first = await notify("backend");
    const again = await notify("backend");
    expect(again).toEqual(first);
    expect(stored()).toBe(1);
  });

  test("is refused for another sender", async () => {
    await notify("backend");
    const infra = await mesh.join("infra");
    await expect(notify("backend", infra)).rejects.toMatchObject({ code: "id_taken" });
  });

  test("is refused for another recipient, who never got it", async () => {
    await notify("backend");
    await mesh.join("infra");
    await expect(notify("infra")).rejects.toMatchObject({ code: "id_taken" });
  });

  test("is refused where it names a message of another kind", async () => {
    await mesh.call(frontend, "broadcast", { text: "hello", message });
    await expect(notify("backend")).rejects.toMatchObject({ code: "id_taken" });
    const other = `msg_${countedUuid(78)}`;
    await mesh.call(frontend, "ask", { peer: "backend", question: "v?", wait_seconds: 0, message: other });
    const sent = mesh.call(frontend, "notify", { peer: "backend", text: "hello", message: other });
    await expect(sent).rejects.toMatchObject({ code: "id_taken" });
  });
});

describe("broadcast", () => {
  const broadcast = (change: { circle?: string; message?: string } = {}, from = frontend) =>
    mesh.call(from, "broadcast", { text: "staging is down", ...change });

  // @req tools.broadcast
  test("reaches all online agents of the circle but its sender, as fyi", async () => {
    const gone = await mesh.join("gone");
    await mesh.decide((ctx) => endSession(ctx, gone, "its process ended"));
    await mesh.join("infra", { runtime: "codex" });
    await mesh.join("elsewhere", { circle: "dev" });
    const anna = await mesh.join("anna", { role: "human", path: undefined, name: "anna" });
    await mesh.decide((ctx) => ctx.tx.peers.put({ ...mesh.peer(anna), presence: { state: "online", since: 1 } }));
    const sent = await broadcast();
    expect(sent.circle).toBe("default");
    expect(names(sent)).toEqual(["backend", "infra"]);
    expect(sent.estimated_tokens).toBe(estimatedTokens("staging is down", 2));
    expect(resultText("broadcast", sent, { tools: { reply: "reply", inbox: "inbox" }, now: 0 })).toContain(
      "about 128 tokens together (an estimate)",
    );
    expect(mesh.read(({ tx }) => tx.messages.get(sent.message))).toMatchObject({
      kind: "broadcast",
      urgency: "fyi",
      to: "circle:default",
    });
  });

  test("gives each recipient its own handle and starts no turn", async () => {
    const infra = await mesh.join("infra");
    for (const peer of [backend, infra]) await mesh.openPush(peer);
    const sent = await broadcast();
    expect(new Set(sent.recipients.map((recipient) => recipient.id)).size).toBe(2);
    expect(sent.recipients.map((recipient) => recipient.recipient.delivery)).toEqual(["queued", "queued"]);
    expect(mesh.delivered(backend)).toEqual([]);
  });

  test("to nobody stores nothing and says so", async () => {
    await mesh.decide((ctx) => endSession(ctx, backend, "its process ended"));
    await expect(broadcast()).rejects.toMatchObject({
      code: "peer_not_found",
      message: 'Nothing was sent in circle "default": nobody else is online.',
    });
    expect(stored()).toBe(0);
  });

  test("to another circle is for those who see all circles", async () => {
    await mesh.join("dev-one", { circle: "dev" });
    await expect(broadcast({ circle: "dev" })).rejects.toMatchObject({ code: "circle_mismatch" });
    const boss = await mesh.join("boss", { role: "orchestrator" });
    expect(names(await broadcast({ circle: "dev" }, boss))).toEqual(["dev-one"]);
  });

  test("sent again with its message id is stored once and reaches the same peers", async () => {
    const first = await broadcast({ message });
    await mesh.join("infra");
    expect(await broadcast({ message })).toEqual(first);
    expect(stored()).toBe(1);
  });

  test("with the message id of a notification, or of somebody else, is refused", async () => {
    await mesh.call(frontend, "notify", { peer: "backend", text: "hello", message });
    await expect(broadcast({ message })).rejects.toMatchObject({ code: "id_taken" });
    const other = `msg_${countedUuid(78)}`;
    await broadcast({ message: other });
    await expect(broadcast({ message: other }, backend)).rejects.toMatchObject({ code: "id_taken" });
  });

  test("to more peers than one may reach is refused; at the limit it is taken", async () => {
    for (let n = 2; n <= LIMITS.fanOutMax; n++) await mesh.join(`p${n}`);
    expect(names(await broadcast())).toHaveLength(LIMITS.fanOutMax);
    await mesh.join("one-more");
    await expect(broadcast()).rejects.toMatchObject({ code: "too_many_recipients" });
  });
});
