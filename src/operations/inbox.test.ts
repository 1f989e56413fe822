import { beforeEach, describe, expect, test } from "bun:test";
import { createMesh, type MeshHarness } from "../../test/support/mesh-harness.ts";
import { byteLength, LIMITS, type OperationInput, type PeerId, type Urgency } from "../protocol/index.ts";

let mesh: MeshHarness;
let frontend: PeerId;
let backend: PeerId;

beforeEach(async () => {
  mesh = createMesh();
  frontend = await mesh.join("frontend");
  backend = await mesh.join("backend");
});

async function notify(text: string, urgency: Urgency = "normal"): Promise<string> {
  const message = mesh.ids.message();
  await mesh.call(frontend, "notify", { peer: "backend", text, urgency, message });
  return message;
}
const ask = (question = "which version?") => mesh.call(frontend, "ask", { peer: "backend", question, wait_seconds: 0 });

async function mail(peer = backend, change: Parameters<MeshHarness["caller"]>[1] = {}) {
  const looked = await mesh.operations.call("inbox", {}, mesh.caller(peer, change));
  if (looked.type !== "mail") throw new Error(looked.type);
  return looked;
}
async function part(id: string, peer = backend) {
  const looked = await mesh.call(peer, "inbox", { id });
  if (looked.type !== "message") throw new Error(looked.type);
  return looked;
}
const look = (peer: PeerId, input: OperationInput<"inbox">) => mesh.call(peer, "inbox", input);

describe("unread mail", () => {
  test("is handed out once, in acceptance order, and is presented when the result was written", async () => {
    const [one, two] = [await notify("one"), await notify("two", "fyi")];
    const shown = await mail();
    expect(shown.items.map((item) => item.body)).toEqual(["one", "two"]);
    expect(shown.more).toBe(0);
    expect(mesh.delivery(one, backend)).toMatchObject({ state: "leased", rung: "pull", attempt: 1 });
    expect((await mail()).items).toEqual([]);
    await mesh.settle(backend, two, "presented");
    expect(mesh.delivery(two, backend)).toMatchObject({ state: "presented", rung: "pull" });
  });

  test("that is read by itself is not pushed any more", async () => {
    await notify("one");
    await mail();
    await mesh.openPush(backend);
    expect(mesh.delivered(backend)).toEqual([]);
  });

  test("lists the questions that wait for an answer, shown or not, and the caller's own", async () => {
    await mesh.openPush(backend);
    const first = await ask("first?");
    const second = await ask("second?");
    mesh.clock.advance(5);
    const own = await mesh.call(backend, "ask", { peer: "frontend", question: "mine?", wait_seconds: 0 });
    const shown = await mail();
    expect(shown.to_answer).toMatchObject([
      { id: first.id, from: "frontend", question: "first?" },
      { id: second.id, from: "frontend", question: "second?" },
    ]);
    expect(shown.asked).toMatchObject([{ id: own.id, to: "frontend", question: "mine?" }]);
    expect(shown.items.map((item) => item.body)).toEqual(["second?"]);
  });

  // @req delivery.subagents-prove-nothing
  test("that a subagent looks at stays unread for its session", async () => {
    const one = await notify("one");
    expect((await mail(backend, { mayBeSubagent: true })).items).toMatchObject([{ body: "one" }]);
    expect(mesh.delivery(one, backend)).toMatchObject({ state: "queued", attempt: 0 });
    expect((await mail()).items).toHaveLength(1);
  });

  test("is as much as one result holds; the rest is counted and comes next time", async () => {
    for (let n = 0; n < 5; n++) await notify(`${n}`.repeat(4_000));
    const first = await mail();
    expect(first.items.map((item) => item.body[0])).toEqual(["0", "1"]);
    expect(first.more).toBe(3);
    const shownChars = first.items.reduce((sum, item) => sum + item.body.length, 0);
    expect(shownChars).toBeLessThan(LIMITS.resultCharsMax);
    expect((await mail()).items.map((item) => item.body[0])).toEqual(["2", "3"]);
    expect((await mail()).items.map((item) => item.body[0])).toEqual(["4"]);
  });

  test("begins with a message however long it is, and nothing of any is lost", async () => {
    const texts = ["a".repeat(30_000), `${"b".repeat(4_000)}€`, "c".repeat(10)];
    for (const text of texts) await notify(text);
    const whole: string[] = [];
    for (let unread = 3; unread > 0; ) {
      const shown = await mail();
      unread = shown.more;
      for (const item of shown.items) {
        await mesh.settle(backend, item.message, "presented");
        let text = item.body;
        while (byteLength(text) < item.body_bytes) text += (await part(item.handle)).part;
        whole.push(text);
      }
    }
    expect(whole).toEqual(texts);
  });
});

describe("a message by its id", () => {
  test("that is unread is handed out from its beginning", async () => {
    const message = await notify("x".repeat(20_000));
    const { handle } = mesh.delivery(message, backend);
    const first = await part(handle);
    expect(first).toMatchObject({ offset: 0, rest_bytes: 20_000 - byteLength(first.part) });
    expect(mesh.delivery(message, backend)).toMatchObject({ state: "leased", rung: "pull" });
  });

  // @req limits.nothing-cut-silently
  test("continues where the last part ended, and begins again after its end", async () => {
    const text = Array.from({ length: 5_000 }, (_, n) => `${n}`.padStart(4, "·")).join("");
    const message = await notify(text);
    const { handle } = mesh.delivery(message, backend);
    let whole = "";
    for (let rest = 1; rest > 0; ) {
      const next = await part(handle);
      expect(next.offset).toBe(byteLength(whole));
      whole += next.part;
      rest = next.rest_bytes;
    }
    expect(whole).toBe(text);
    expect((await part(handle)).offset).toBe(0);
  });

  test("that was presented is seen with the call that cites it", async () => {
    await mesh.openPush(backend);
    const message = mesh.ids.message();
    void mesh.call(frontend, "notify", { peer: "backend", text: "hello", message });
    await mesh.quiet();
    const [item] = await mesh.present(backend);
    await part(item?.handle ?? "");
    expect(mesh.delivery(message, backend)).toMatchObject({ state: "seen", seen_by: "inbox" });
  });

  test("that a subagent reads proves nothing and moves nothing", async () => {
    await mesh.openPush(backend);
    const message = mesh.ids.message();
    void mesh.call(frontend, "notify", { peer: "backend", text: "x".repeat(20_000), message });
    await mesh.quiet();
    const [item] = await mesh.present(backend);
    const before = mesh.delivery(message, backend);
    const subagent = mesh.caller(backend, { mayBeSubagent: true });
    await mesh.operations.call("inbox", { id: item?.handle ?? "" }, subagent);
    expect(mesh.delivery(message, backend)).toEqual(before);
  });

  // @req answers.handle-of-recipient
  test("of somebody else does not exist", async () => {
    const message = await notify("hello");
    const { handle } = mesh.delivery(message, backend);
    const infra = await mesh.join("infra");
    for (const other of [frontend, infra])
      await expect(look(other, { id: handle })).rejects.toMatchObject({ code: "handle_unknown" });
  });
});

describe("one's own question by its id", () => {
  test("tells how it stands, and when it is over, its answer", async () => {
    const { id } = await ask();
    expect(await look(frontend, { id })).toMatchObject({ type: "ask", outcome: { state: "pending" } });
    await mesh.call(backend, "reply", { id, text: "v2" });
    expect(await look(frontend, { id })).toMatchObject({ type: "ask", outcome: { state: "answered", text: "v2" } });
  });

  test("takes the unread answer over, so that it is not pushed as well", async () => {
    const { id, message } = await ask();
    await mesh.call(backend, "reply", { id, text: "v2" });
    await look(frontend, { id });
    await mesh.openPush(frontend);
    expect(mesh.delivered(frontend)).toEqual([]);
    expect(mesh.delivery(mesh.ask(message).answer ?? "", frontend)).toMatchObject({ state: "leased", rung: "result" });
  });

  test("looked at by a subagent leaves the answer unread", async () => {
    const { id, message } = await ask();
    await mesh.call(backend, "reply", { id, text: "v2" });
    await mesh.operations.call("inbox", { id }, mesh.caller(frontend, { mayBeSubagent: true }));
    expect(mesh.delivery(mesh.ask(message).answer ?? "", frontend).state).toBe("queued");
  });

  test("can be waited for", async () => {
    await mesh.openPush(backend);
    const { id } = await ask();
    const waiting = look(frontend, { id, wait_seconds: 60 });
    await mesh.quiet();
    await mesh.call(backend, "reply", { id, text: "v2" });
    expect(await waiting).toMatchObject({ type: "ask", outcome: { state: "answered", text: "v2" } });
    expect([mesh.waits.size, mesh.clock.pending]).toEqual([0, 0]);
  });

  test("that is waited for in vain is told as it stands", async () => {
    await mesh.openPush(backend);
    const { id } = await ask();
    const waiting = look(frontend, { id, wait_seconds: 60 });
    await mesh.quiet();
    await mesh.advance(60_000);
    expect(await waiting).toMatchObject({ outcome: { state: "pending" } });
  });

  test("that is over needs no waiting", async () => {
    const { id } = await ask();
    await mesh.call(backend, "reply", { id, text: "v2" });
    expect(await look(frontend, { id, wait_seconds: 60 })).toMatchObject({ outcome: { state: "answered" } });
    expect(mesh.waits.size).toBe(0);
  });

  test("is told apart from the recipient's view of the same id", async () => {
    const { id } = await ask();
    expect((await look(frontend, { id })).type).toBe("ask");
    expect((await look(backend, { id })).type).toBe("message");
  });
});

describe("taking back", () => {
  test("needs to say what", async () => {
    await expect(look(frontend, { cancel: true })).rejects.toMatchObject({ code: "invalid_input" });
  });

  test("is for one's own questions only", async () => {
    const { id, message } = await ask();
    await expect(look(backend, { id, cancel: true })).rejects.toMatchObject({ code: "handle_unknown" });
    expect(mesh.ask(message).state).toBe("open");
  });
});
