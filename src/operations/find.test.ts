import { beforeEach, describe, expect, test } from "bun:test";
import { createMesh, type MeshHarness } from "../../test/support/mesh-harness.ts";
import type { OperationInput, PeerId } from "../protocol/index.ts";

let mesh: MeshHarness;
let frontend: PeerId;
let backend: PeerId;
let other: PeerId;
let anna: PeerId;

beforeEach(async () => {
  mesh = createMesh();
  frontend = await mesh.join("frontend");
  backend = await mesh.join("backend");
  other = await mesh.join("other");
  anna = await mesh.join("anna", { role: "human", path: undefined, name: "anna" });
});

const tell = async (from: PeerId, peer: string, text: string) => {
  mesh.clock.advance(1_000);
  return mesh.call(from, "notify", { peer, text });
};
const search = (who: PeerId, input: OperationInput<"search">) => mesh.call(who, "search", input);
const history = (who: PeerId, input: OperationInput<"history">) => mesh.call(who, "history", input);
const texts = (page: Awaited<ReturnType<typeof history>>) => page.messages.map((message) => message.text);
const snippets = (page: Awaited<ReturnType<typeof search>>) => page.messages.map((message) => message.snippet.text);

describe("search", () => {
  test("says who said it to whom, when, what became of it, and where the words are", async () => {
    mesh.clock.advance(500);
    const asked = await mesh.call(frontend, "ask", { peer: "backend", question: "Which fields?", wait_seconds: 0 });
    const page = await search(frontend, { words: "FIELD" });
    expect(page).toEqual({
      messages: [
        {
          message: asked.message,
          thread: asked.message,
          kind: "ask",
          from: "frontend",
          from_id: frontend,
          circle: "default",
          at: mesh.clock.now().wall,
          to: [{ peer: "backend", peer_id: backend, id: asked.id, state: "queued" }],
          ask: "open",
          bytes: 13,
          snippet: { text: "Which fields?", marks: [[6, 12]] },
        },
      ],
      cursor: undefined,
    });
  });

  // @req find.own-only
  test("shows an agent what it sent or received, and a person all", async () => {
    await tell(frontend, "backend", "secret one");
    await tell(backend, "other", "secret two");
    expect(snippets(await search(frontend, { words: "secret" }))).toEqual(["secret one"]);
    expect(snippets(await search(backend, { words: "secret" }))).toEqual(["secret two", "secret one"]);
    expect(snippets(await search(other, { words: "secret" }))).toEqual(["secret two"]);
    expect(snippets(await search(anna, { words: "secret" }))).toEqual(["secret two", "secret one"]);
    // Naming others, or their thread, opens nothing.
    expect(snippets(await search(frontend, { words: "secret", peer: "other" }))).toEqual([]);
    expect(texts(await history(frontend, { peer: "backend", with: "other" }))).toEqual([]);
    const { message } = await tell(backend, "other", "secret three");
    await expect(history(frontend, { thread: message })).rejects.toMatchObject({ code: "not_found" });
    expect(texts(await history(anna, { thread: message }))).toEqual(["secret three"]);
  });

  // @req find.own-only
  test("the role of a person without a person's credential sees its own only", async () => {
    await tell(frontend, "backend", "secret one");
    const caller = mesh.caller(anna, { isHuman: false });
    expect(await mesh.operations.call("search", { words: "secret" }, caller)).toMatchObject({ messages: [] });
  });

  test("filters by peer, kind, circle and time", async () => {
    await tell(frontend, "backend", "mail one");
    const from = mesh.clock.now().wall + 1;
    await tell(backend, "other", "mail two");
    await mesh.call(other, "broadcast", { text: "mail three" });
    expect(snippets(await search(anna, { words: "mail", peer: "frontend" }))).toEqual(["mail three", "mail one"]);
    expect(snippets(await search(anna, { words: "mail", kind: "broadcast" }))).toEqual(["mail three"]);
    expect(snippets(await search(anna, { words: "mail", circle: "red" }))).toEqual([]);
    expect(snippets(await search(anna, { words: "mail", until: from }))).toEqual(["mail one"]);
    expect(snippets(await search(anna, { words: "mail", since: from, kind: "notify" }))).toEqual(["mail two"]);
  });

  test("goes on where a page ended", async () => {
    for (const n of [1, 2, 3]) await tell(frontend, "backend", `mail ${n}`);
    const first = await search(frontend, { words: "mail", limit: 2 });
    expect(snippets(first)).toEqual(["mail 3", "mail 2"]);
    const second = await search(frontend, { words: "mail", limit: 2, cursor: first.cursor });
    expect(snippets(second)).toEqual(["mail 1"]);
    expect(second.cursor).toBeUndefined();
  });

  test("by relevance, the best come first", async () => {
    await tell(frontend, "backend", "router router router");
    await tell(frontend, "backend", `router ${"and much else ".repeat(20)}`);
    expect((await search(frontend, { words: "router", relevance: true })).messages[0]?.bytes).toBe(20);
    await expect(search(frontend, { words: "router", relevance: true, cursor: 3 })).rejects.toMatchObject({
      code: "invalid_input",
    });
  });

  // @req find.no-syntax
  test.each(["", "***", '"', "()"])("%p is refused with a sentence", async (words) =>
    expect(search(frontend, { words })).rejects.toMatchObject({
      code: "invalid_input",
      message: expect.stringMatching(/no word to search for.*\.$/),
    }),
  );
});

describe("history", () => {
  test("of a peer, of a pair and of a thread, the newest last", async () => {
    await tell(frontend, "backend", "one");
    await tell(backend, "frontend", "two");
    await tell(other, "backend", "three");
    const asked = await mesh.call(frontend, "ask", { peer: "other", question: "four?", wait_seconds: 0 });
    await mesh.call(other, "reply", { id: asked.id, text: "five" });
    expect(texts(await history(anna, { peer: "backend" }))).toEqual(["one", "two", "three"]);
    expect(texts(await history(anna, { peer: "backend", with: "frontend" }))).toEqual(["one", "two"]);
    expect(texts(await history(anna, { thread: asked.id }))).toEqual(["four?", "five"]);
    expect(texts(await history(anna, {}))).toEqual(["one", "two", "three", "four?", "five"]);
    expect(texts(await history(anna, { limit: 2 }))).toEqual(["four?", "five"]);
  });

  test("shows the beginning of a long text, and how much more there is", async () => {
    await tell(frontend, "backend", "x".repeat(2_500));
    const page = await history(frontend, {});
    expect(page.messages[0]).toMatchObject({ text: "x".repeat(2_000), rest_chars: 500, bytes: 2_500 });
  });

  test("a pair needs both", async () =>
    expect(history(anna, { with: "backend" })).rejects.toMatchObject({ code: "invalid_input" }));

  test("an unknown peer is refused with the candidates", async () =>
    expect(history(anna, { peer: "bakend" })).rejects.toMatchObject({ code: "peer_not_found" }));
});
