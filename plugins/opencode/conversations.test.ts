import { describe, expect, test } from "bun:test";
import { fakeOpenCode } from "../../test/support/fake-opencode.ts";
import { chooseConversation, createConversations } from "./conversations.ts";

describe("which conversation gets a message", () => {
  test("the one on the screen, also when another was prompted last", () => {
    expect(
      chooseConversation({ kind: "tui", route: { name: "session", session: "ses_a" }, lastPrompted: "ses_b" }),
    ).toEqual({ type: "session", id: "ses_a" });
  });

  test("else the one that its user prompted last in this process", () => {
    expect(chooseConversation({ kind: "tui", route: { name: "home" }, lastPrompted: "ses_b" })).toEqual({
      type: "session",
      id: "ses_b",
    });
    expect(chooseConversation({ kind: "serve", lastPrompted: "ses_b" })).toEqual({ type: "session", id: "ses_b" });
  });

  test("at home, never prompted: a new one", () => {
    expect(chooseConversation({ kind: "tui", route: { name: "home" } })).toEqual({ type: "create" });
  });

  test("never a guess: a TUI without a word from its screen and a server without a prompt hold", () => {
    expect(chooseConversation({ kind: "tui" })).toEqual({ type: "hold", why: "screen_unknown" });
    expect(chooseConversation({ kind: "serve" })).toEqual({ type: "hold", why: "no_conversation" });
    expect(chooseConversation({ kind: "serve", route: { name: "home" } })).toEqual({
      type: "hold",
      why: "no_conversation",
    });
  });
});

describe("the conversations of a seat", () => {
  const start = (more: Partial<Parameters<typeof createConversations>[0]["startedAs"]> = {}) => {
    const api = fakeOpenCode();
    const conversations = createConversations({
      api: () => api,
      startedAs: { kind: "tui", isResumed: false, ...more },
      onChange: () => {},
    });
    return { api, conversations };
  };

  test("a subagent on the screen counts as the session that started it", async () => {
    const { api, conversations } = start();
    api.sessions.set("ses_root", { id: "ses_root" });
    api.sessions.set("ses_sub", { id: "ses_sub", parentID: "ses_root" });
    await conversations.onScreen({ name: "session", session: "ses_sub" });
    expect(conversations.choose()).toEqual({ type: "session", id: "ses_root" });
    expect(await conversations.isSubagent("ses_sub")).toBe(true);
    expect(await conversations.isSubagent("ses_root")).toBe(false);
  });

  test("a subagent's prompt is no prompt of the user", async () => {
    const { conversations } = start({ kind: "serve" });
    conversations.onCreated("ses_sub", "ses_root");
    await conversations.onHumanPrompt("ses_sub", { agent: "general" });
    expect(conversations.choose().type).toBe("hold");
  });

  test("agent, model and variant are those of the user's last prompt", async () => {
    const { conversations } = start();
    conversations.onCreated("ses_a", undefined);
    const pick = { agent: "plan", model: { providerID: "lab", modelID: "two" }, variant: "high" };
    await conversations.onHumanPrompt("ses_a", pick);
    expect(await conversations.pickOf("ses_a")).toEqual(pick);
  });

  test("in a resumed session, those of the last stored prompt that was not ours", async () => {
    const { api, conversations } = start({ isResumed: true });
    api.store(
      "ses_a",
      { role: "user", agent: "plan", model: { providerID: "lab", modelID: "two", variant: "low" } },
      "mine",
    );
    api.store("ses_a", { role: "user", agent: "build" }, "a peer's", { repowire: { id: "msg_1", kind: "ask" } });
    expect(await conversations.pickOf("ses_a")).toEqual({
      agent: "plan",
      model: { providerID: "lab", modelID: "two" },
      variant: "low",
    });
  });

  test("in a new one, those of the command line, else the configured agent: an agent is always named", async () => {
    const named = start({ agent: "plan", model: "lab/vendor/two" });
    expect(await named.conversations.pickOf("ses_new")).toEqual({
      agent: "plan",
      model: { providerID: "lab", modelID: "vendor/two" },
    });
    expect((await start().conversations.pickOf("ses_new")).agent).toBe("build");
  });

  test("a deleted session is chosen no more", async () => {
    const { conversations } = start();
    for (const id of ["ses_a", "ses_b"]) {
      conversations.onCreated(id, undefined);
      await conversations.onHumanPrompt(id, {});
    }
    conversations.onDeleted("ses_b");
    expect(conversations.choose()).toEqual({ type: "session", id: "ses_a" });
  });
});
