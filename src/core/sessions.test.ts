import { beforeEach, describe, expect, test } from "bun:test";
import { createMesh, type MeshHarness } from "../../test/support/mesh-harness.ts";
import { LIMITS, type PeerId } from "../protocol/index.ts";
import { requestApproval } from "./approvals.ts";
import { claimSeat } from "./registry.ts";
import { changeConversation, endDeadSessions, endSession } from "./sessions.ts";
import { noteSeen, noteTurnInput } from "./turns.ts";

/** A conversation is cleared, compacted or resumed; a process ends. The seat and what was entrusted to it stay. */

let mesh: MeshHarness;
let frontend: PeerId;
let backend: PeerId;

beforeEach(async () => {
  mesh = createMesh();
  frontend = await mesh.join("frontend");
  backend = await mesh.join("backend", { conversation: "one" });
  await mesh.openPush(backend);
});

async function send(text: string): Promise<string> {
  const message = mesh.ids.message();
  void mesh.call(frontend, "notify", { peer: "backend", text, message });
  await mesh.quiet();
  return message;
}
const ask = (question: string) => mesh.call(frontend, "ask", { peer: "backend", question, wait_seconds: 0 });
const see = (message: string) =>
  mesh.decide((ctx) => {
    noteTurnInput(ctx, backend, { type: "delivery", message }, "prompt hook");
    noteSeen(ctx, backend, message, "transcript");
  });
const change = (conversation: string, source: "change" | "compact" = "change") =>
  mesh.decide((ctx) => changeConversation(ctx, backend, conversation, source));
const leave = () => mesh.decide((ctx) => endSession(ctx, backend, "its process ended"));
const bodies = () => mesh.delivered(backend).map((item) => item.body);
const state = (message: string) => mesh.delivery(message, backend).state;

describe("a new conversation in the same session", () => {
  // @req conversation.shown-again
  test("is shown again the open question that only the old one had seen", async () => {
    const asked = await ask("which version?");
    await mesh.present(backend);
    await see(asked.message);
    await change("two");
    expect(mesh.delivered(backend)).toMatchObject([{ body: "which version?", handle: asked.id, attempt: 2 }]);
    expect(mesh.history(asked.message).slice(-2)).toEqual(["delivery.queued", "delivery.leased"]);
  });

  // @req conversation.no-blind-repeat
  test("is not shown twice what may have come into it already: receipts, or their absence, will tell", async () => {
    await mesh.givesReceipts(backend);
    const asked = await ask("which version?");
    await mesh.present(backend);
    await change("two");
    expect(mesh.delivered(backend)).toEqual([]);
    await see(asked.message);
    expect(mesh.delivery(asked.message, backend)).toMatchObject({ state: "seen", conversation: "two" });
  });

  test("is shown it again where no receipts are to be had, counted as a possible repeat", async () => {
    const asked = await ask("which version?");
    await mesh.present(backend);
    await change("two");
    expect(mesh.delivered(backend)).toMatchObject([{ attempt: 2 }]);
    expect(mesh.delivery(asked.message, backend).possible_duplicates).toBe(1);
  });

  test("is shown again what was presented there and not seen", async () => {
    await ask("which version?");
    await mesh.present(backend);
    await change("two");
    expect(bodies()).toEqual(["which version?"]);
  });

  test("is not shown again what was answered, nor what was no question", async () => {
    const asked = await ask("which version?");
    const told = await send("by the way");
    await mesh.present(backend);
    await see(asked.message);
    await see(told);
    await mesh.call(backend, "reply", { id: asked.id, text: "v2" });
    await change("two");
    expect(bodies()).toEqual([]);
    expect([state(asked.message), state(told)]).toEqual(["seen", "seen"]);
  });

  test("may be reminded anew of a question that the old one overlooked", async () => {
    const asked = await ask("which version?");
    await mesh.present(backend);
    await see(asked.message);
    await mesh.decide((ctx) => ctx.tx.asks.put({ ...mesh.ask(asked.message), overlooked_at: 1, reminded: true }));
    await change("two");
    expect(mesh.ask(asked.message)).toMatchObject({ state: "open", reminded: false });
    expect(mesh.ask(asked.message).overlooked_at).toBeUndefined();
  });

  test("keeps the peer: same id, same name, and its turn begins anew", async () => {
    await mesh.decide((ctx) => noteTurnInput(ctx, backend, { type: "user" }, "prompt hook"));
    await change("two");
    expect(mesh.peer(backend)).toMatchObject({ id: backend, name: "backend", conversation: "two" });
    expect(mesh.peer(backend).turn).toBeUndefined();
  });

  test("that is told of twice changes things once", async () => {
    const asked = await ask("which version?");
    await mesh.present(backend);
    await change("two");
    await mesh.present(backend);
    await change("two");
    expect(bodies()).toEqual([]);
    expect(mesh.delivery(asked.message, backend)).toMatchObject({
      state: "presented",
      conversation: "two",
      attempt: 2,
    });
  });

  test("whose id becomes known only now is the one that had the question all along", async () => {
    const id = await mesh.join("infra");
    await mesh.openPush(id);
    await mesh.call(frontend, "ask", { peer: "infra", question: "which version?", wait_seconds: 0 });
    await mesh.present(id);
    await mesh.decide((ctx) => changeConversation(ctx, id, "first", "change"));
    expect(mesh.delivered(id)).toEqual([]);
  });

  test("that is an older one again is shown it as a repeat: nobody knows what that one kept", async () => {
    const asked = await ask("which version?");
    await mesh.present(backend);
    await see(asked.message);
    await change("two");
    await mesh.present(backend);
    await change("one");
    expect(mesh.delivered(backend)).toMatchObject([{ attempt: 3 }]);
  });
});

describe("compaction", () => {
  // @req conversation.shown-again
  test("shows an open question again that was seen: the model keeps only a summary", async () => {
    const asked = await ask("which version?");
    await mesh.present(backend);
    await see(asked.message);
    await change("one", "compact");
    expect(mesh.delivered(backend)).toMatchObject([{ handle: asked.id, attempt: 2 }]);
  });

  test("that is told late leaves alone what came after it", async () => {
    const at = mesh.clock.now().wall;
    mesh.clock.advance(2_000);
    const asked = await ask("which version?");
    await mesh.present(backend);
    await see(asked.message);
    await mesh.decide((ctx) => changeConversation(ctx, backend, "one", "compact", at));
    expect(bodies()).toEqual([]);
    await mesh.decide((ctx) => changeConversation(ctx, backend, "one", "compact", at + 2_000));
    expect(mesh.delivered(backend)).toMatchObject([{ attempt: 2 }]);
  });

  test("leaves alone what waits in the runtime and was not read yet", async () => {
    const asked = await ask("which version?");
    await mesh.present(backend);
    await change("one", "compact");
    expect(bodies()).toEqual([]);
    expect(state(asked.message)).toBe("presented");
  });

  test("into a new conversation shows it once, not twice", async () => {
    const asked = await ask("which version?");
    await mesh.present(backend);
    await see(asked.message);
    await change("two", "compact");
    expect(mesh.delivered(backend)).toMatchObject([{ attempt: 2 }]);
    expect(mesh.delivery(asked.message, backend).attempt).toBe(2);
  });
});

describe("when the process of a session ends", () => {
  test("its seat is offline with the reason, and knows nothing of what it did", async () => {
    await mesh.activity(backend, "busy");
    await mesh.givesReceipts(backend);
    await leave();
    expect(mesh.peer(backend).presence).toMatchObject({ state: "offline", detail: "its process ended" });
    expect(mesh.live.routes(backend)).toEqual([]);
    expect(mesh.live.activity(backend).state).toBe("unknown");
    expect(mesh.live.givesReceipts(backend)).toBeFalse();
  });

  test("what was being handed over goes back, counted as a possible duplicate", async () => {
    const message = await send("hello");
    mesh.delivered(backend);
    await leave();
    expect(mesh.delivery(message, backend)).toMatchObject({ state: "queued", attempt: 1, possible_duplicates: 1 });
  });

  test("what it was given and had not taken in goes back; what it had taken in does not", async () => {
    const [lost, taken] = [await send("lost"), await send("taken")];
    await mesh.present(backend);
    await mesh.decide((ctx) => noteTurnInput(ctx, backend, { type: "delivery", message: taken }, "prompt hook"));
    await leave();
    expect(mesh.delivery(lost, backend)).toMatchObject({ state: "queued", possible_duplicates: 0 });
    expect(state(taken)).toBe("presented");
  });

  test("open questions go back though it had seen them; the next session of the seat is asked", async () => {
    const asked = await ask("which version?");
    await mesh.present(backend);
    await see(asked.message);
    await leave();
    expect(mesh.ask(asked.message).state).toBe("open");
    expect(await mesh.join("backend")).toBe(backend);
    await mesh.openPush(backend);
    expect(mesh.delivered(backend)).toMatchObject([{ handle: asked.id, attempt: 2 }]);
  });

  test("a question that is over does not go back", async () => {
    const asked = await ask("which version?");
    await mesh.operations.call("reply", { id: asked.id, text: "v2" }, mesh.caller(backend, { mayBeSubagent: true }));
    expect(state(asked.message)).toBe("leased");
    await leave();
    expect(state(asked.message)).toBe("cancelled");
  });

  // @req presence.process-gone
  test("whoever waits for it hears at once that it is offline", async () => {
    const waiting = mesh.call(frontend, "ask", { peer: "backend", question: "which version?" });
    await mesh.quiet();
    await mesh.present(backend);
    await leave();
    expect(await waiting).toMatchObject({
      state: "pending",
      recipient: { delivery: "queued", presence: { state: "offline", detail: "its process ended" } },
    });
  });

  test("its own questions stay open, and the answers wait in its mailbox", async () => {
    const own = await mesh.call(backend, "ask", { peer: "frontend", question: "mine?", wait_seconds: 0 });
    await leave();
    await mesh.call(frontend, "reply", { id: own.id, text: "yes" });
    expect(await mesh.join("backend", { conversation: "one" })).toBe(backend);
    await mesh.openPush(backend);
    expect(bodies()).toEqual(["yes"]);
  });

  test("its waiting calls make no edges any more", async () => {
    const waiting = mesh.call(backend, "ask", { peer: "frontend", question: "mine?" });
    await mesh.quiet();
    await leave();
    expect(mesh.live.waitsOf(backend)).toEqual([]);
    await mesh.advance(LIMITS.waitMsDefault);
    expect(await waiting).toMatchObject({ state: "pending" });
  });

  test("the permission requests of its dialogs are withdrawn", async () => {
    const anna = await mesh.join("anna", { role: "human", path: undefined, name: "anna" });
    const approval = await mesh.decide((ctx) =>
      requestApproval(ctx, mesh.peer(backend), mesh.peer(anna), {
        via: "hook",
        request: "r1",
        tool: "Bash",
        preview: "make",
      }),
    );
    await leave();
    expect(mesh.read(({ tx }) => tx.approvals.get(approval.message))).toMatchObject({
      state: "withdrawn",
      detail: "the session ended",
    });
  });

  test("twice is once", async () => {
    await leave();
    const last = mesh.read(({ tx }) => tx.events.last());
    await mesh.decide((ctx) => endSession(ctx, backend, "again"));
    expect(mesh.read(({ tx }) => tx.events.last())).toBe(last);
  });

  // @req presence.process-gone
  test("mail to the empty seat is kept and says so", async () => {
    await leave();
    const sent = await mesh.call(frontend, "ask", { peer: "backend", question: "which version?" });
    expect(sent).toMatchObject({ state: "pending", recipient: { delivery: "queued", presence: { state: "offline" } } });
    expect(mesh.waits.size).toBe(0);
  });
});

describe("a session that starts again at once", () => {
  const instance = (pid: number) => ({ pid, started: "1", boot: "b" });
  const claim = (pid: number, alive: readonly number[]) =>
    mesh.decide((ctx) => {
      endDeadSessions(ctx, { path: "/work/twin" }, (other) => alive.includes(other.pid));
      return claimSeat(ctx, {
        runtime: "memory",
        role: "agent",
        instance: instance(pid),
        path: "/work/twin",
        capabilities: [],
        identity: "proven",
      });
    });

  test("gets the seat of the process that died just before, though nobody had noticed yet", async () => {
    const first = await claim(71, [71]);
    const again = await claim(72, [72]);
    expect(again.id).toBe(first.id);
    expect(again.presence.state).toBe("online");
  });

  test("leaves the seat to a process that lives", async () => {
    const first = await claim(71, [71]);
    const second = await claim(72, [71, 72]);
    expect(second.id).not.toBe(first.id);
    expect(second.name).toBe(`${first.name}-2`);
  });
});
