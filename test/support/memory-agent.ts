import { type Envelope, OPERATIONS, type OperationName, TOOL_OPERATIONS } from "../../src/protocol/index.ts";
import { channelFrame, resultText } from "../../src/words/index.ts";
import type { AgentOptions, AgentSession, TranscriptEntry } from "../agents/driver.ts";
import { type FakeSession, fakeSession } from "./fake-session.ts";
import type { Model, ModelServer, ModelTurn, Reply, Step } from "./model-script.ts";
import type { SetupSandbox } from "./setup-sandbox.ts";
import { until } from "./until.ts";

const TOOLS = { reply: "reply", inbox: "inbox" };

interface Input {
  text: string;
  item?: Envelope;
}

/**
 * The runtime that is nobody's: a session process with a real link, whose turns this very test plays. It does what a well-behaved
 * agent CLI does (one turn at a time, a dialog before a command, a composer), so every other runtime is held to the same conditions.
 */
export async function memoryAgent(sandbox: SetupSandbox, name: string, options: AgentOptions): Promise<AgentSession> {
  const waiting: Input[] = [];
  const transcript: TranscriptEntry[] = [];
  const turns: ModelTurn[] = [];
  let model: Model = options.model;
  let isBusy = false;
  let draft = "";
  let dialog: { command: string; answer(isAllowed: boolean): void } | undefined;
  let interrupt = new AbortController();

  const session: FakeSession = await fakeSession(
    sandbox,
    options.folder ?? name,
    { name },
    {
      onItem: (item) => take({ text: channelFrame(item, TOOLS), item }),
      onVerdict: ({ behavior }) => dialog?.answer(behavior === "allow"),
    },
  );

  function take(input: Input): void {
    waiting.push(input);
    if (!isBusy) void runTurn();
  }

  async function runTurn(): Promise<void> {
    isBusy = true;
    interrupt = new AbortController();
    session.report({ type: "turn_started" });
    const asked: Envelope[] = [];
    let isUsers = false;
    let last = "";
    let failure: string | undefined;
    let results: string[] = [];
    for (let isFirst = true; ; isFirst = false) {
      const inputs = isFirst ? waiting.splice(0) : joining();
      for (const { text, item } of inputs) {
        transcript.push({ from: "input", text });
        if (item) session.report({ type: "entered", message: item.message });
        else isUsers = true;
        if (item?.kind === "ask") asked.push(item);
      }
      const turn = {
        text: [...inputs.map(({ text }) => text), ...results].join("\n"),
        toolResults: results,
        index: turns.length,
      };
      turns.push(turn);
      const reply = await speak(turn);
      failure = reply.error?.message;
      if (interrupt.signal.aborted || failure !== undefined) break;
      for (const item of inputs.flatMap((input) => input.item ?? []))
        session.report({ type: "seen", message: item.message, by: "transcript" });
      results = [];
      for (const step of reply.steps) {
        if ("say" in step) last = step.say;
        transcript.push({ from: "model", text: "say" in step ? step.say : JSON.stringify(step) });
        if (!("say" in step)) results.push(await act(step));
      }
      for (const text of results) transcript.push({ from: "tool_result", text });
      if (results.length === 0) break;
    }
    for (const { message } of asked) end(message, isUsers || asked.length > 1, last, failure);
    isBusy = false;
    session.report({ type: "turn_ended" });
    if (waiting.length > 0) void runTurn();
  }

  /** What may enter a turn that runs: its user's words, and what is urgent. A message that came too late waits for the next. */
  function joining(): Input[] {
    const inputs = waiting.filter(({ item }) => item === undefined || item.urgency === "urgent");
    for (const input of inputs) waiting.splice(waiting.indexOf(input), 1);
    return inputs;
  }

  async function speak(turn: ModelTurn): Promise<Reply> {
    const given = await model(turn);
    const reply: Reply = Array.isArray(given) ? { steps: given } : given;
    await Promise.race([
      Bun.sleep((reply.delayMs ?? 0) + (reply.streamMs ?? 0)),
      new Promise((resolve) => interrupt.signal.addEventListener("abort", resolve, { once: true })),
    ]);
    return reply;
  }

  /** The text of a turn is an answer only where it can be nobody else's; a reply that was given stands in any case. */
  function end(message: Envelope["message"], isShared: boolean, text: string, failure: string | undefined): void {
    if (failure !== undefined) session.report({ type: "failed", message, reason: "model_error", text: failure });
    else if (interrupt.signal.aborted)
      session.report({ type: "failed", message, reason: "interrupted", text: `${name} was interrupted by its user.` });
    else if (isShared)
      session.report({ type: "failed", message, reason: "no_answer", text: `${name} gave no answer.` });
    else session.report({ type: "answer", message, text });
  }

  async function act(step: Exclude<Step, { say: string }>): Promise<string> {
    if ("shell" in step) return shell(step.shell);
    const tool = "use" in step ? step.use : step.call;
    const operation = TOOL_OPERATIONS.find((candidate) => OPERATIONS[candidate].tool.name === tool);
    if (!operation) return `there is no tool "${tool}"`;
    try {
      const output = await session.call(operation as OperationName, step.input as never);
      return resultText(operation, output as never, { tools: TOOLS, now: Date.now() });
    } catch (error) {
      // What the model of a real CLI would read as the tool's error.
      return error instanceof Error ? error.message : String(error);
    }
  }

  async function shell(command: string): Promise<string> {
    if (!options.allowShell && !(await askPerson(command))) return "The user does not want this.";
    return (await session.run(["sh", "-c", command])).out;
  }

  async function askPerson(command: string): Promise<boolean> {
    const answer = Promise.withResolvers<boolean>();
    const request = crypto.randomUUID();
    dialog = { command, answer: answer.resolve };
    session.report({ type: "waiting", detail: "shell" });
    session.requestPermission({ request, tool: "shell", preview: command });
    const isAllowed = await answer.promise;
    dialog = undefined;
    session.report({ type: "turn_started" });
    return isAllowed;
  }

  const api: ModelServer = {
    url: "",
    turns,
    setModel(next) {
      model = next;
    },
    stop: async () => {},
  };
  return {
    name,
    runtime: "memory",
    api,
    pid: session.pid,
    screen: () => [isBusy ? "busy" : "idle", dialog ? `allow ${dialog.command}?` : "", `> ${draft}`].join("\n"),
    async type(text) {
      take({ text });
    },
    press() {
      // It has no keyboard beyond what is below.
    },
    interrupt: async () => interrupt.abort(),
    write(text) {
      draft += text;
    },
    idle: async () => void (await until(() => !isBusy && waiting.length === 0, `${name} is idle`)),
    dialog: async () => void (await until(() => dialog !== undefined, `a dialog of ${name}`)),
    isDialogOpen: () => dialog !== undefined,
    allowOnce: () => dialog?.answer(true),
    draft: () => draft,
    clearDraft() {
      draft = "";
    },
    transcript: () => [...transcript],
    settings: () => ["model scripted"],
    async kill() {
      interrupt.abort();
      await session[Symbol.asyncDispose]();
    },
  };
}
