import { beforeEach, describe, expect, test } from "bun:test";
import type { DeliverResult, Envelope, Report } from "../../src/protocol/index.ts";
import { type FakeOpenCode, fakeOpenCode } from "../../test/support/fake-opencode.ts";
import type { Choice } from "./conversations.ts";
import { createMail, type Mail } from "./mail.ts";

const SESSION = "ses_a";
let api: FakeOpenCode;
let mail: Mail;
let reports: Report[];
let choice: Choice;
let busy: Set<string>;
let count = 0;

function start(screenMs = 0): Mail {
  return createMail({
    api: () => api,
    choose: () => choice,
    pickOf: async () => ({ agent: "plan", model: { providerID: "lab", modelID: "two" }, variant: "high" }),
    isBusy: (session) => busy.has(session),
    markBusy: (session) => void busy.add(session),
    onMade: (session) => {
      choice = { type: "session", id: session };
    },
    onConversation: (conversation) => void reports.push({ type: "conversation", conversation }),
    report: (report) => void reports.push(report),
    peerName: () => "backend",
    timing: { settleMs: 1, retryMs: 5, screenMs },
  });
}

beforeEach(() => {
  api = fakeOpenCode();
  api.sessions.set(SESSION, { id: SESSION });
  reports = [];
  choice = { type: "session", id: SESSION };
  busy = new Set();
  mail = start();
});

function envelope(body: string, more: Partial<Envelope> = {}): Envelope {
  const n = ++count;
  return {
    message: `msg_${n}`,
    handle: `h${String(n).padStart(4, "0")}`,
    kind: "ask",
    from: { id: "peer_1", name: "frontend", circle: "default", role: "agent", runtime: "claude-code" },
    body,
    body_bytes: body.length,
    shown_bytes: body.length,
    urgency: "normal",
    attempt: 1,
    cursor: n,
    created_at: 0,
    ...more,
  };
}

const quiet = () => Bun.sleep(20);
const texts = (at = -1) => api.prompts.at(at)?.prompt.parts.map((part) => part.text) ?? [];
const told = (type: Report["type"]) => reports.filter((report) => report.type === type);

/** OpenCode tells of the prompt that it stored. */
function stored(item: Envelope): string {
  const { id = "" } = api.prompts.at(-1) ?? {};
  mail.onStored(SESSION, item.message, id);
  return id;
}

/** The run ends with this message under that prompt. */
async function ends(parentID: string, text: string, more: object = {}): Promise<void> {
  api.store(
    SESSION,
    { role: "assistant", parentID, finish: "stop", time: { created: 900, completed: 901 }, ...more },
    text,
  );
  api.working.clear();
  await mail.onIdle(SESSION);
}

async function take(...items: Envelope[]): Promise<DeliverResult[] | undefined> {
  const taken = mail.take(items);
  return Promise.race([taken, quiet().then(() => undefined)]);
}

describe("a question for an idle session", () => {
  test("is stored with who asks and which id, its mark, and the user's own agent, model and variant", async () => {
    const item = envelope("How many?");
    expect(await take(item)).toEqual([{ message: item.message, attempt: 1, outcome: "presented" }]);
    expect(api.prompts[0]?.prompt).toMatchObject({ agent: "plan", model: { modelID: "two" }, variant: "high" });
    expect(api.prompts[0]?.prompt.noReply).toBeUndefined();
    const [visible, hidden] = api.prompts[0]?.prompt.parts ?? [];
    expect(visible).toMatchObject({
      text: `frontend asks (repowire ${item.handle}): How many?`,
      metadata: { repowire: { id: item.message, kind: "ask" } },
    });
    expect(hidden).toMatchObject({ synthetic: true });
    expect(hidden?.text).toContain(`repowire_reply id=${item.handle}`);
  });

  test("is answered by the final message of its turn", async () => {
    const item = envelope("How many?");
    await take(item);
    await ends(stored(item), "Seven.");
    expect(told("entered")).toEqual([{ type: "entered", message: item.message }]);
    expect(told("answer")).toEqual([{ type: "answer", message: item.message, text: "Seven." }]);
  });

  test("is seen when a step of the model under it has ended, and only then", async () => {
    const item = envelope("How many?");
    await take(item);
    const prompt = stored(item);
    mail.onModelStep(SESSION, "msg_earlier");
    mail.onModelMessage(SESSION, "msg_model", prompt);
    expect(told("seen")).toEqual([]);
    mail.onModelStep(SESSION, "msg_model");
    mail.onModelStep(SESSION, "msg_model");
    expect(told("seen")).toEqual([{ type: "seen", message: item.message, by: "model step" }]);
  });

  test("an idle event of the run before says nothing about it", async () => {
    const item = envelope("How many?");
    await take(item);
    api.working.clear();
    await mail.onIdle(SESSION);
    expect(told("failed")).toEqual([]);
    expect(mail.openIn(SESSION)).toHaveLength(1);
  });

  test("after a reply by the tool, the final message answers nothing more", async () => {
    const item = envelope("How many?");
    await take(item);
    const prompt = stored(item);
    mail.onReplied(item.handle);
    await ends(prompt, "I have replied.");
    expect([...told("answer"), ...told("failed")]).toEqual([]);
  });

  test("a final message beyond the limit is cut, and says so", async () => {
    const item = envelope("All of it?");
    await take(item);
    await ends(stored(item), "ä".repeat(200_000));
    const [answer] = told("answer");
    if (answer?.type !== "answer") throw new Error("no answer");
    expect(new TextEncoder().encode(answer.text).length).toBeLessThanOrEqual(262_144);
    expect(answer.text).toEndWith("may be]");
  });
});

describe("how a turn fails", () => {
  test.each([
    ["MessageAbortedError", "interrupted"],
    ["APIError", "model_error"],
  ])("%s is told as %s", async (name, reason) => {
    const item = envelope("How many?");
    await take(item);
    const prompt = stored(item);
    mail.onError(SESSION, { name, text: `${name}: it broke` });
    await ends(prompt, "", { finish: undefined, error: { name, data: { message: "it broke" } } });
    expect(told("failed")).toMatchObject([{ message: item.message, reason }]);
  });

  test("its user joins it: the question gets one turn of its own, and no more", async () => {
    const item = envelope("How many?");
    await take(item);
    stored(item);
    const human = api.store(SESSION, { role: "user", time: { created: 500 } }, "a joke please");
    await ends(human, "Private.");
    expect(texts()[0]).toContain(`the question ${item.handle} from frontend is still open`);
    expect(told("answer")).toEqual([]);
    stored(item);
    const again = api.store(SESSION, { role: "user", time: { created: 902 } }, "another one");
    await ends(again, "Private too.", { time: { created: 903, completed: 904 } });
    expect(told("failed")).toMatchObject([{ reason: "no_answer" }]);
    expect(JSON.stringify(reports)).not.toContain("Private");
  });

  test("its session is deleted: the question may go to another", async () => {
    const item = envelope("How many?");
    await take(item);
    stored(item);
    mail.onDeleted(SESSION);
    expect(told("lost")).toMatchObject([{ message: item.message }]);
    choice = { type: "session", id: "ses_b" };
    api.sessions.set("ses_b", { id: "ses_b" });
    await take({ ...item, attempt: 2 });
    expect(api.prompts.map((prompt) => prompt.session)).toEqual([SESSION, "ses_b"]);
  });
});

describe("what has to wait", () => {
  test("nothing goes into a busy session; it follows when that is idle", async () => {
    busy.add(SESSION);
    const item = envelope("How many?");
    expect(await take(item)).toBeUndefined();
    expect(api.prompts).toEqual([]);
    busy.clear();
    mail.look();
    await quiet();
    expect(texts()[0]).toContain("How many?");
  });

  test("a session that works although no event has said so is left alone", async () => {
    api.working.add(SESSION);
    expect(await take(envelope("How many?"))).toBeUndefined();
    expect(busy.has(SESSION)).toBe(true);
  });

  test("two questions are two turns", async () => {
    const [one, two] = [envelope("first?"), envelope("second?")];
    void mail.take([one, two]);
    await quiet();
    expect(api.prompts).toHaveLength(1);
    await ends(stored(one), "One.");
    mail.look();
    await quiet();
    await ends(stored(two), "Two.", { time: { created: 950, completed: 951 } });
    expect(told("answer")).toMatchObject([{ text: "One." }, { text: "Two." }]);
  });

  test("undone messages hold it, and it is released when they are back", async () => {
    api.sessions.set(SESSION, { id: SESSION, revert: { messageID: "msg_9" } });
    const item = envelope("How many?");
    expect(await take(item)).toMatchObject([{ outcome: "held" }]);
    expect(api.toasts).toHaveLength(1);
    expect(told("released")).toEqual([]);
    api.sessions.set(SESSION, { id: SESSION });
    mail.look();
    expect(told("released")).toHaveLength(1);
    await take({ ...item, attempt: 2 });
    // It was never shown, so this is not "again".
    expect(texts()[0]).toBe(`frontend asks (repowire ${item.handle}): How many?`);
  });

  test("without a conversation it is held; a TUI at home gets one, and shows it", async () => {
    choice = { type: "hold", why: "screen_unknown" };
    const item = envelope("How many?");
    expect(await take(item)).toMatchObject([{ outcome: "held" }]);
    choice = { type: "create" };
    mail.look();
    await take({ ...item, attempt: 2 });
    expect(api.shown).toEqual([api.prompts[0]?.session ?? ""]);
  });

  test("while its screen has not spoken yet after the start, nothing is held; then it goes where the screen is", async () => {
    mail = start(60_000);
    choice = { type: "hold", why: "screen_unknown" };
    const taken = mail.take([envelope("How many?")]);
    await quiet();
    expect(told("released")).toEqual([]);
    expect(api.prompts).toEqual([]);
    choice = { type: "session", id: SESSION };
    mail.look();
    expect(await taken).toMatchObject([{ outcome: "presented" }]);
  });

  test("a withdrawn one never goes in", async () => {
    busy.add(SESSION);
    const item = envelope("How many?");
    void mail.take([item]);
    await quiet();
    mail.cancel(item.message);
    busy.clear();
    mail.look();
    await quiet();
    expect(api.prompts).toEqual([]);
  });

  test("a refused prompt is held and tried again", async () => {
    api.refuseNext = new Error("OpenCode refused a prompt: later");
    expect(await take(envelope("How many?"))).toMatchObject([{ outcome: "held" }]);
    await quiet();
    expect(told("released")).toHaveLength(1);
  });

  test("what is with the session already is not shown twice", async () => {
    const item = envelope("How many?");
    await take(item);
    expect(await take({ ...item, attempt: 2 })).toEqual([{ message: item.message, attempt: 2, outcome: "presented" }]);
    expect(api.prompts).toHaveLength(1);
  });
});

describe("what is no question", () => {
  test("a notify starts a turn whose end answers nothing", async () => {
    const item = envelope("staging is up", { kind: "notify" });
    await take(item);
    await ends(stored(item), "Good.");
    expect(api.prompts[0]?.prompt.noReply).toBeUndefined();
    expect([...told("answer"), ...told("failed")]).toEqual([]);
  });

  test("fyi alone is seen when the user's next turn has it, not by a turn that had begun before", async () => {
    const item = envelope("by the way", { kind: "notify", urgency: "fyi" });
    await take(item);
    mail.onStored(SESSION, item.message, "msg_0005");
    mail.onModelMessage(SESSION, "msg_0006", "msg_0004");
    mail.onModelStep(SESSION, "msg_0006");
    expect(told("seen")).toEqual([]);
    mail.onModelMessage(SESSION, "msg_0008", "msg_0007");
    mail.onModelStep(SESSION, "msg_0008");
    mail.onModelStep(SESSION, "msg_0008");
    expect(told("seen")).toEqual([{ type: "seen", message: item.message, by: "model step" }]);
  });

  test("fyi alone is stored without a turn", async () => {
    await take(envelope("by the way", { kind: "notify", urgency: "fyi" }));
    expect(api.prompts[0]?.prompt.noReply).toBe(true);
    const next = envelope("How many?");
    await take(next);
    expect(api.prompts).toHaveLength(2);
  });

  test("while the session works, urgent and fyi are notes, a normal one is not", async () => {
    busy.add(SESSION);
    const urgent = envelope("Quick?", { urgency: "urgent" });
    const fyi = envelope("aside", { kind: "notify", urgency: "fyi" });
    const taken = mail.take([envelope("Later?"), urgent, fyi]);
    const notes = mail.notesFor(SESSION);
    expect(notes.map((note) => note.body)).toEqual(["Quick?", "aside"]);
    expect(mail.notesFor("ses_other")).toEqual([]);
    mail.noted(SESSION, notes);
    expect(mail.notesFor(SESSION)).toEqual([]);
    mail.onModelStep(SESSION, "msg_model");
    expect(told("seen").map((report) => "message" in report && report.message)).toEqual([urgent.message, fyi.message]);
    void taken;
  });

  test("a question that was only a note gets a turn of its own when the turn ends without a reply", async () => {
    busy.add(SESSION);
    const urgent = envelope("Quick?", { urgency: "urgent" });
    void mail.take([urgent]);
    mail.noted(SESSION, mail.notesFor(SESSION));
    busy.clear();
    mail.look();
    await quiet();
    expect(texts()[0]).toContain(`the question ${urgent.handle}`);
    await ends(stored(urgent), "Now.");
    expect(told("answer")).toMatchObject([{ message: urgent.message, text: "Now." }]);
  });
});

describe("a session that waits for an answer of its own", () => {
  test("answers with the end of the turn that this answer starts", async () => {
    const item = envelope("What is the contract?");
    await take(item);
    const prompt = stored(item);
    mail.onOwnAsk(SESSION, "own12", true);
    await ends(prompt, "I have asked and wait.");
    expect(told("answer")).toEqual([]);
    expect(mail.holdsConversation).toBe(true);
    const answer = envelope("Version two.", {
      kind: "answer",
      answer_to: { handle: "own12", question: "Which?", outcome: "answer", elapsed_ms: 5 },
    });
    await take(answer);
    await ends(stored(answer), "With that: v2.", { time: { created: 960, completed: 961 } });
    expect(told("answer")).toEqual([{ type: "answer", message: item.message, text: "With that: v2." }]);
  });

  test("whose conversation is compacted meanwhile gets the question again", async () => {
    const item = envelope("What is the contract?");
    await take(item);
    const prompt = stored(item);
    mail.onOwnAsk(SESSION, "own12", true);
    await ends(prompt, "I have asked and wait.");
    mail.onCompacted(SESSION);
    expect(told("lost")).toMatchObject([{ message: item.message }]);
  });
});
