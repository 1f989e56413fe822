import { describe, expect, test } from "bun:test";
import { createMesh, type MeshHarness } from "../../../test/support/mesh-harness.ts";
import { instanceOf } from "../../platform/process.ts";
import { type MessageId, type PeerId, RepowireError } from "../../protocol/index.ts";
import type { ControlClient } from "./control.ts";
import { type CodexSession, createCodexSession } from "./session.ts";
import type { Thread } from "./wire.ts";

/** Codex's part of one thread: its queue and its turns, as its lists show them. */
interface FakeThread {
  queue: { id: string; clientUserMessageId: string; input: object[] }[];
  turns: object[];
  /** Whether an idle thread takes a message up at once. */
  isHeld: boolean;
}

/** Of the calls that are played here. */
interface Params {
  queuedSubmissionId?: string;
  clientUserMessageId?: string;
  input?: object[];
}

function fakeControl(thread: FakeThread): ControlClient {
  let serial = 0;
  const answers: Record<string, (params: Params) => object> = {
    "thread/turns/list": () => ({ data: [...thread.turns].reverse() }),
    "thread/queue/list": () => ({ data: thread.queue }),
    "thread/queue/delete": ({ queuedSubmissionId }) => {
      thread.queue = thread.queue.filter((entry) => entry.id !== queuedSubmissionId);
      return {};
    },
    "thread/queue/add": ({ clientUserMessageId = "", input = [] }) => {
      const entry = { id: `q${++serial}`, clientUserMessageId, input };
      if (thread.isHeld) thread.queue.push(entry);
      return { queuedSubmission: entry };
    },
  };
  return {
    isUp: true,
    serverPid: undefined,
    canQueue: true,
    async call(method, params, result) {
      const answer = answers[method];
      if (!answer) throw new RepowireError("refused_by_peer", `Codex refused ${method}`);
      return result.parse(answer(params as Params));
    },
    answer() {},
    start() {},
    stop() {},
  };
}

interface Scene {
  mesh: MeshHarness;
  backend: PeerId;
  web: PeerId;
  thread: FakeThread;
  session: CodexSession;
  /** Hands over what core decided, as the dispatcher does. */
  carry(): Promise<void>;
  ask(question: string): Promise<MessageId>;
}

const THREAD = "01a21423-3aa3-7c10-97b1-b027163fd79e";

async function scene(change: Partial<FakeThread> = {}): Promise<Scene> {
  const mesh = createMesh();
  const instance = instanceOf(process.pid);
  if (!instance) throw new Error("this process is not to be found");
  const backend = await mesh.join("backend", { runtime: "codex", instance, conversation: THREAD });
  const web = await mesh.join("web");
  const thread: FakeThread = { queue: [], turns: [], isHeld: false, ...change };
  const known: Thread = {
    id: THREAD,
    cwd: "/work/backend",
    status: { type: "idle" },
    ephemeral: false,
    source: "vscode",
    createdAt: 0,
  };
  const session = createCodexSession({
    engine: mesh.engine,
    control: fakeControl(thread),
    peer: mesh.peer(backend),
    instance,
    thread: known,
  });
  await session.open();
  const carry = async () => {
    for (const item of await session.transport.deliver(mesh.delivered(backend)))
      await mesh.settle(backend, item.message, item.outcome, item.reason);
  };
  const ask = async (question: string) => {
    void mesh.call(web, "ask", { peer: "backend", question, wait_seconds: 1 }).catch(() => {});
    await mesh.quiet();
    const [open] = mesh.read(({ tx }) => tx.asks.openFrom(web)).slice(-1);
    if (!open) throw new Error("the question was not stored");
    return open.message;
  };
  return { mesh, backend, web, thread, session, carry, ask };
}

const user = (clientId: string, text = "x") => ({ type: "userMessage", clientId, content: [{ type: "text", text }] });
const says = (text: string) => ({ type: "agentMessage", text });

describe("a session on the control socket", () => {
  test("taken up at once is presented; the turn proves the rest and answers", async () => {
    const { mesh, backend, thread, session, carry, ask } = await scene();
    const message = await ask("How many?");
    await carry();
    expect(mesh.delivery(message, backend).state).toBe("presented");
    thread.turns.push({ id: "t1", status: "inProgress", items: [user(message)] });
    await session.look();
    expect(mesh.delivery(message, backend)).toMatchObject({ state: "presented", entered_at: expect.any(Number) });
    thread.turns = [{ id: "t1", status: "completed", items: [user(message), says("Nine.")] }];
    await session.look();
    expect(mesh.delivery(message, backend).state).toBe("seen");
    expect(mesh.ask(message)).toMatchObject({ state: "answered", by: "turn" });
  });

  test("what an idle thread leaves in its queue is held, with the reason", async () => {
    const { mesh, backend, carry, ask } = await scene({ isHeld: true });
    const message = await ask("How many?");
    await carry();
    expect(mesh.delivery(message, backend)).toMatchObject({ state: "held", reason: expect.stringContaining("Esc") });
  });

  test("an expired message leaves Codex's queue; what this daemon does not know stays there", async () => {
    const { mesh, thread, session, carry, ask } = await scene({ isHeld: true });
    await ask("How many?");
    await carry();
    const foreign = "msg_ffffffff-0000-7000-8000-000000000001";
    thread.queue.push(
      { id: "other", clientUserMessageId: foreign, input: [] },
      { id: "typed", clientUserMessageId: "u", input: [] },
    );
    await session.look();
    expect(thread.queue).toHaveLength(3);
    await mesh.advance(25 * 3_600_000);
    await session.look();
    expect(thread.queue.map((entry) => entry.id)).toEqual(["other", "typed"]);
  });

  test("handed over when the daemon died: in the queue it is presented, nowhere it goes out again", async () => {
    for (const arrived of [true, false]) {
      const { mesh, backend, thread, session, ask } = await scene();
      const message = await ask("How many?");
      const [item] = mesh.delivered(backend);
      const text = `[repowire ask ${item?.handle} from web] How many?`;
      if (arrived) thread.queue.push({ id: "q", clientUserMessageId: message, input: [{ text }] });
      await session.look();
      expect(mesh.delivery(message, backend)).toMatchObject(
        arrived ? { state: "presented", attempt: 1 } : { state: "leased", attempt: 2 },
      );
    }
  });

  test("a usage limit queues the question until the reset, and its turn is not taken for a new one", async () => {
    const { mesh, backend, thread, session, carry, ask } = await scene();
    const message = await ask("How many?");
    await carry();
    const error = { message: "try again at 5:51 AM", codexErrorInfo: "usageLimitExceeded" };
    thread.turns.push({ id: "t1", status: "failed", error, items: [user(message)] });
    await session.look();
    await session.look();
    expect(mesh.delivery(message, backend)).toMatchObject({ state: "queued", attempt: 1 });
    expect(mesh.peer(backend).presence.state).toBe("limited");
    expect(mesh.ask(message).state).toBe("open");
  });

  test("interrupted counts when it still stands a little later; an error that follows is told as such", async () => {
    const { mesh, thread, session, carry, ask } = await scene();
    const message = await ask("How many?");
    await carry();
    thread.turns.push({ id: "t1", status: "interrupted", items: [user(message)] });
    await session.look();
    expect(mesh.ask(message).state).toBe("open");
    thread.turns = [{ id: "t1", status: "failed", error: { message: "boom" }, items: [user(message)] }];
    await session.look();
    expect(mesh.ask(message)).toMatchObject({ state: "failed", reason: "model_error" });
  });

  test("an answer that the reply tool could not hand in is the answer, not what the turn said last", async () => {
    const { mesh, backend, thread, session, carry, ask } = await scene();
    const message = await ask("How many?");
    await carry();
    const call = {
      type: "mcpToolCall",
      server: "repowire",
      tool: "reply",
      arguments: { id: mesh.delivery(message, backend).handle, text: "Seven." },
      error: { message: "HTTP request failed" },
    };
    thread.turns.push({ id: "t1", status: "completed", items: [user(message), call, says("Noted.")] });
    await session.look();
    expect(mesh.ask(message)).toMatchObject({ state: "answered", by: "turn" });
    expect(mesh.read((ctx) => ctx.tx.messages.get(mesh.ask(message).answer ?? "")?.body)).toBe("Seven.");
    expect(mesh.delivery(message, backend).state).toBe("seen");
  });

  test("a turn that its user joined answers nothing", async () => {
    const { mesh, thread, session, carry, ask } = await scene();
    const message = await ask("How many?");
    await carry();
    thread.turns.push({ id: "t1", status: "completed", items: [user(message), user("typed"), says("For my user.")] });
    await session.look();
    expect(mesh.ask(message)).toMatchObject({ state: "open", overlooked_at: expect.any(Number) });
  });

  test("another thread on the screen: what the old one had not taken in goes to the new one", async () => {
    const { mesh, backend, thread, session, carry, ask } = await scene({ isHeld: true });
    const message = await ask("How many?");
    await carry();
    const next = "01a21423-cd21-7dd0-b4fc-a72030b61ee0";
    await session.show({
      id: next,
      cwd: "/work/backend",
      status: { type: "idle" },
      ephemeral: false,
      source: "vscode",
      createdAt: 1,
    });
    expect(thread.queue).toEqual([]);
    expect(mesh.peer(backend).conversation).toBe(next);
    expect(mesh.delivery(message, backend)).toMatchObject({ state: "leased", attempt: 2 });
  });
});
