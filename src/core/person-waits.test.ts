import { beforeEach, expect, test } from "bun:test";
import { createMesh, type MeshHarness } from "../../test/support/mesh-harness.ts";
import type { PeerId } from "../protocol/index.ts";
import { humanSeat, requestApproval } from "./index.ts";
import { type PersonWait, personWait } from "./person-waits.ts";

let mesh: MeshHarness;
let frontend: PeerId;
let backend: PeerId;
let human: PeerId;
beforeEach(async () => {
  mesh = createMesh({ budgets: { pairPerMinute: 2 } });
  frontend = await mesh.join("frontend");
  backend = await mesh.join("backend");
  human = await mesh.decide((ctx) => humanSeat(ctx, "me").id);
});

/** What all events so far have waiting now, each thing once. */
const waits = (): PersonWait[] => {
  const all = mesh.read((ctx) => ctx.tx.events.after(0, 500).flatMap((event) => personWait(ctx, event) ?? []));
  return [...new Map(all.map((wait) => [`${wait.kind} ${wait.id}`, wait])).values()];
};
const kinds = () => waits().map(({ kind, peer }) => `${kind} ${peer}`);
const asked = (peer: string) => mesh.call(frontend, "ask", { peer, question: "now?", wait_seconds: 0 });

// @req notifier.what-waits
test("a question between agents waits on no person, one to the person does, until it is answered", async () => {
  await asked("backend");
  expect(waits()).toEqual([]);
  const { id } = await asked("me");
  expect(waits()).toMatchObject([{ kind: "question", peer: "frontend", id, text: "now?" }]);
  await mesh.call(human, "reply", { id, text: "yes" });
  expect(waits()).toEqual([]);
});

// @req notifier.what-waits
test("of lines to the person only an urgent one waits", async () => {
  await mesh.call(frontend, "notify", { peer: "me", text: "all green" });
  expect(waits()).toEqual([]);
  await mesh.decide(({ tx }) => tx.peers.put({ ...mesh.peer(backend), role: "orchestrator" }));
  await mesh.call(backend, "notify", { peer: "me", text: "the disk is full", urgency: "urgent" });
  expect(kinds()).toEqual(["question backend"]);
});

// @req notifier.what-waits
test("a session waits for its terminal as long as it does, and a relayed request says it better", async () => {
  await mesh.activity(frontend, "waiting", "Bash");
  expect(waits()).toMatchObject([{ kind: "session", id: "frontend", text: "waits in its own terminal: Bash" }]);
  await mesh.decide((ctx) =>
    requestApproval(ctx, mesh.peer(frontend), mesh.peer(human), {
      via: "hook",
      request: "1",
      tool: "Bash",
      preview: "rm -r build",
    }),
  );
  expect(waits()).toMatchObject([{ kind: "permission", peer: "frontend", text: "Bash: rm -r build" }]);
  const id = waits()[0]?.id ?? "";
  await mesh.call(human, "decide", { id, verdict: "deny" });
  await mesh.activity(frontend, "busy");
  expect(waits()).toEqual([]);
});

// @req notifier.what-waits
test("what a gate holds waits, until it is let through; what is held for a quiet hour does not", async () => {
  await mesh.call(human, "quiet", { peer: "backend", seconds: 600 });
  await asked("backend");
  expect(waits()).toEqual([]);
  await mesh.call(human, "quiet", { peer: "backend", seconds: 0 });
  await mesh.call(human, "set_inbound", { peer: "backend", policy: "hold" });
  expect(waits()).toMatchObject([
    { kind: "held", peer: "backend", text: "ask from frontend is held: its user decided so" },
  ]);
  await mesh.call(human, "decide_held", { id: waits()[0]?.id ?? "", verdict: "release" });
  expect(waits()).toEqual([]);
});

// @req notifier.what-waits
test("messages that were paused wait, until they are lifted", async () => {
  for (const text of ["1", "2", "3"]) await mesh.call(frontend, "notify", { peer: "backend", text }).catch(() => {});
  expect(kinds()).toEqual(["guard frontend, backend"]);
  await mesh.call(human, "resume", { what: waits()[0]?.id ?? "" });
  expect(waits()).toEqual([]);
});
