import type { AskOutcome, Urgency } from "../../../src/protocol/index.ts";
import type { Model } from "../../support/model-script.ts";
import { openCodeEnv, openCodeMessages } from "../../support/opencode-cli.ts";
import { installOpenCode, type OpenCodeSession, prepareOpenCode, startOpenCode } from "../drivers/opencode.ts";
import { answering, ask, askId, bash, obedient, reply } from "../models.ts";
import type { World } from "../world.ts";
import type { Scene } from "./index.ts";

/** Says its answer as the last text of the turn, without any tool. */
const speaking =
  (text: string): Model =>
  (turn) => [{ say: askId(turn) ? text : "Hello." }];

const askFrom = (world: World, question: string, waitSeconds = 80, urgency?: Urgency): Promise<AskOutcome> =>
  world.mesh.ask({ peer: "backend", question, wait_seconds: waitSeconds, urgency });

const shown = (session: { home: string }, word: string) =>
  openCodeMessages(session.home).filter(
    ({ info, parts }) => info.role === "user" && parts.some((part) => part.text?.includes(word)),
  );

async function works(world: World, session: OpenCodeSession, word: string): Promise<void> {
  await world.until(`${session.name} works`, () => session.api.turns.some((turn) => turn.text.includes(word)), 60_000);
}

const peersOf = async (world: World, name: string) =>
  (await world.mesh.peers({ include_offline: true })).peers.filter((peer) => peer.path?.endsWith(`/${name}`));

const LONG_WORK = "node -e 'setTimeout(() => {}, 6_000)'";

export const openCodeScenes: Scene[] = [
  {
    name: "OpenCode: the turn's final message is the answer, seen by a finished model step",
    async run(world, { check, note }) {
      const backend = await startOpenCode(world, "backend", { model: speaking("Seven, in src/herd.ts:7.") });
      const outcome = await askFrom(world, "How many herds?");
      check(
        "answered by the turn, word for word",
        outcome.state === "answered" && outcome.by === "turn" && outcome.text === "Seven, in src/herd.ts:7.",
        outcome,
      );
      const trace = await world.trace("last");
      check("a model step proves it", trace.deliveries[0]?.seen_by === "model step", trace.deliveries);
      check(
        "the person sees who asks and what",
        /script asks \(repowire [a-z0-9]{5}\): How many herds\?/.test(backend.screen()),
      );
      check(
        "what only the model needs is not on the screen",
        !backend.screen().includes("not your user"),
        backend.screen(),
      );
      note(trace.steps.map((step) => `${step.state} ${step.at} ms`).join(" · "));
    },
  },
  {
    name: "OpenCode: an injected question keeps the user's agent and model",
    async run(world, { check }) {
      const backend = await startOpenCode(world, "backend", {
        model: speaking("From plan."),
        args: ["--agent", "plan", "--model", "lab/two"],
      });
      const first = await askFrom(world, "Before any prompt?");
      check("answered at home", first.state === "answered", first);
      await backend.type("hello");
      await backend.idle();
      const second = await askFrom(world, "After a prompt?");
      check("answered after a prompt", second.state === "answered", second);
      const used = backend.messages().filter(({ info }) => info.role === "user");
      check(
        "every message ran as plan",
        used.length === 3 && used.every(({ info }) => info.agent === "plan"),
        used.map(({ info }) => info),
      );
      check(
        "and on the user's model",
        used.every(({ info }) => info.model?.modelID === "two"),
        used.map(({ info }) => info.model),
      );
    },
  },
  {
    name: "OpenCode: two questions to a busy session each get their own answer, one turn after the other",
    async run(world, { check }) {
      const backend = await startOpenCode(world, "backend", {
        allowShell: true,
        model: (turn) => {
          if (turn.text.includes("WORK")) return [bash(LONG_WORK)];
          return [
            {
              say: turn.text.includes("first") ? "Answer one." : turn.text.includes("second") ? "Answer two." : "Done.",
            },
          ];
        },
      });
      await backend.type("WORK");
      await works(world, backend, "WORK");
      const [one, two] = await Promise.all([askFrom(world, "The first?"), askFrom(world, "The second?")]);
      check("the first has its own", one.state === "answered" && one.text === "Answer one.", one);
      check("the second has its own", two.state === "answered" && two.text === "Answer two.", two);
      check(
        "neither was part of the user's turn",
        backend.messages().filter(({ info }) => info.role === "user").length === 3,
      );
    },
  },
  {
    name: "OpenCode: its user joins the turn; the user's words stay the user's, the question gets a turn of its own",
    async run(world, { check }) {
      const backend = await startOpenCode(world, "backend", {
        allowShell: true,
        model: (turn) => {
          if (/is still open/.test(turn.text)) return [{ say: "Sorry: nine." }];
          if (turn.text.includes("joke")) return [{ say: "Private words." }];
          return askId(turn) && turn.toolResults.length === 0 ? [bash(LONG_WORK)] : [{ say: "ok" }];
        },
      });
      await backend.type("hello");
      await backend.idle();
      const asked = askFrom(world, "How many?");
      await works(world, backend, "How many?");
      await Bun.sleep(1_500);
      await backend.type("and tell me a joke");
      const outcome = await asked;
      check(
        "the answer is that of the question's own turn",
        outcome.state === "answered" && outcome.text === "Sorry: nine.",
        outcome,
      );
      check("reminded once", shown(backend, "is still open").length === 1);
    },
  },
  {
    name: "OpenCode: Esc in the recipient: the asker is told at once",
    async run(world, { check }) {
      const backend = await startOpenCode(world, "backend", {
        allowShell: true,
        model: (turn) =>
          askId(turn) && turn.toolResults.length === 0
            ? [bash("node -e 'setTimeout(() => {}, 30_000)'")]
            : [{ say: "ok" }],
      });
      const asked = askFrom(world, "Long work?");
      await works(world, backend, "Long work?");
      await world.terminal.waitFor("backend", /setTimeout/);
      await Bun.sleep(500);
      backend.press("Escape");
      await Bun.sleep(300);
      backend.press("Escape");
      const outcome = await asked;
      check("as interrupted", outcome.state === "failed" && outcome.reason === "interrupted", outcome);
      backend.api.setModel(speaking("Now."));
      const next = await askFrom(world, "And now?");
      check("the next question is answered", next.state === "answered" && next.text === "Now.", next);
    },
  },
  {
    name: "OpenCode: the model fails: the asker reads its error",
    async run(world, { check }) {
      await startOpenCode(world, "backend", {
        model: () => ({
          steps: [],
          error: { status: 400, type: "invalid_request", message: "the model is on strike" },
        }),
      });
      const outcome = await askFrom(world, "Anybody?");
      check(
        "in its words",
        outcome.state === "failed" && outcome.reason === "model_error" && outcome.detail.includes("on strike"),
        outcome,
      );
    },
  },
  {
    name: "OpenCode: a usage limit: pending until its reset, then answered",
    async run(world, { check }) {
      let refusals = 0;
      const backend = await startOpenCode(world, "backend", {
        model: (turn) =>
          askId(turn) && refusals++ === 0
            ? {
                steps: [],
                error: {
                  status: 429,
                  type: "rate_limit",
                  message: "Too many requests",
                  headers: { "retry-after": "40" },
                },
              }
            : [{ say: "After the reset." }],
      });
      const outcome = await askFrom(world, "Limited?");
      check(
        "pending, with the time that the service gave",
        outcome.state === "pending" &&
          outcome.recipient.presence.state === "limited" &&
          (outcome.recipient.presence.until ?? 0) > Date.now() + 20_000,
        outcome,
      );
      await works(world, backend, "Limited?");
      const trace = await world.until(
        "it is answered after the reset",
        async () => {
          const found = await world.trace("last");
          return found.ask?.state === "answered" && found;
        },
        70_000,
      );
      check(
        "by the same turn, handed over once",
        trace.ask?.by === "turn" && trace.deliveries[0]?.attempt === 1,
        trace,
      );
      const state = async () => (await peersOf(world, "backend"))[0]?.presence.state;
      check("it is online again", await world.until("its turn ends", async () => (await state()) === "online"));
    },
  },
  {
    name: "OpenCode: a permission is decided from outside, or in its own terminal, whoever is first",
    async run(world, { check }) {
      const backend = await startOpenCode(world, "backend", { model: obedient });
      await backend.type("RUN touch made-one");
      await backend.dialog();
      const request = await world.until("it is relayed", async () => (await world.mesh.approvals({})).approvals[0]);
      check("with tool and command", request.tool === "bash" && request.preview === "touch made-one", request);
      const [peer] = await peersOf(world, "backend");
      check("the session waits for its human", peer?.presence.state === "waiting", peer?.presence);
      const approved = await world.cliInTerminal("approve", request.handle);
      check("approved", /allowed: backend/.test(approved), approved);
      await world.until("the dialog closes", () => !backend.isDialogOpen());
      await backend.idle();
      check("the tool ran", await Bun.file(`${world.root}/backend/made-one`).exists());

      await backend.type("RUN touch made-two");
      await backend.dialog();
      const second = await world.until("it is relayed too", async () => (await world.mesh.approvals({})).approvals[0]);
      await world.cliInTerminal("deny", second.handle, "use", "the", "fixtures");
      await world.until("the model reads the reason", () =>
        backend.api.turns.some((turn) => turn.toolResults.some((result) => result.includes("use the fixtures"))),
      );
      check("that tool did not run", !(await Bun.file(`${world.root}/backend/made-two`).exists()));

      await backend.idle();
      await backend.type("RUN touch made-three");
      await backend.dialog();
      const third = await world.until("and the third", async () => (await world.mesh.approvals({})).approvals[0]);
      await Bun.sleep(500);
      backend.allowOnce();
      await world.until("it is withdrawn", async () => (await world.mesh.approvals({})).approvals.length === 0);
      const late = await world.cliInTerminal("deny", third.handle);
      check("a late verdict is told so", /already decided: withdrawn/.test(late), late);
      check(
        "the person's own counted",
        await world.until("the file", () => Bun.file(`${world.root}/backend/made-three`).exists()),
      );
    },
  },
  {
    name: "OpenCode: a resumed TUI gets the question in the session on its screen; without a word from the screen it is held",
    async run(world, { check }) {
      const first = await startOpenCode(world, "backend", { model: speaking("Here.") });
      await first.type("hello");
      await first.idle();
      first.press("C-c");
      await world.until(
        "it is gone",
        async () => (await peersOf(world, "backend"))[0]?.presence.state === "offline",
        60_000,
      );
      world.terminal.kill("backend");

      const resumed = await startOpenCode(world, "backend", { model: speaking("Resumed."), args: ["--continue"] });
      const outcome = await askFrom(world, "Where are you?");
      check("answered", outcome.state === "answered" && outcome.text === "Resumed.", outcome);
      const sessions = () => new Set(resumed.messages().map((message) => message.session)).size;
      check("in the session of before, no new one was made", sessions() === 1, sessions());
      resumed.press("C-c");
      await world.until(
        "it is gone again",
        async () => (await peersOf(world, "backend"))[0]?.presence.state === "offline",
      );
      world.terminal.kill("backend");

      const blind = await startOpenCode(world, "backend", {
        model: speaking("At last."),
        args: ["--continue"],
        withScreen: false,
      });
      const held = await askFrom(world, "And without a screen?", 20);
      check("held, and it says why", held.state === "pending" && held.recipient.delivery === "held", held);
      check(
        "nothing was made or shown",
        sessions() === 1 && !blind.screen().includes("without a screen"),
        blind.screen(),
      );
      await blind.type("hello again");
      await world.until(
        "it goes in after its user's prompt",
        async () => (await world.trace("last")).ask?.state === "answered",
        40_000,
      );
      check("in the same session", sessions() === 1, sessions());
    },
  },
  {
    name: "OpenCode: started twice in one process it is one peer; side commands and runs are none",
    async run(world, { check }) {
      const backend = await startOpenCode(world, "backend", { model: speaking("Once."), args: ["--port", "0"] });
      await Bun.sleep(2_000);
      check("one peer", (await peersOf(world, "backend")).length === 1, await peersOf(world, "backend"));
      const outcome = await askFrom(world, "How often?");
      check("answered", outcome.state === "answered" && outcome.text === "Once.", outcome);
      check("shown once", shown(backend, "How often?").length === 1);
      for (const args of [["models"], ["session", "list"], ["run", "hello"]]) {
        const side = Bun.spawn([installOpenCode(), ...args], {
          cwd: `${world.root}/backend`,
          env: openCodeEnv(backend.home),
          stdin: "ignore",
          stdout: "pipe",
          stderr: "pipe",
        });
        const said = await new Response(side.stdout).text();
        check(`${args[0]} works as ever`, (await side.exited) === 0, said + (await new Response(side.stderr).text()));
      }
      const joined = (await world.mesh.events({ after: 0 })).events.filter((event) => event.type === "peer.joined");
      check("and joined nothing", joined.filter((event) => event.data?.runtime === "opencode").length === 1, joined);
    },
  },
  {
    name: "OpenCode: urgent and fyi reach a running turn as notes that are not stored",
    async run(world, { check }) {
      const backend = await startOpenCode(world, "backend", {
        allowShell: true,
        model: (turn) => {
          const id = turn.text.match(/\[repowire ask ([a-z0-9]{5})/)?.[1];
          if (id) return [reply(id, "At once.")];
          if (turn.text.includes("WORK") || turn.text.includes("AGAIN")) return [bash(LONG_WORK)];
          return [{ say: "Done." }];
        },
      });
      await backend.type("WORK");
      await works(world, backend, "WORK");
      await world.until("busy", async () => (await peersOf(world, "backend"))[0]?.presence.state === "busy");
      await world.mesh.notify({ peer: "backend", text: "The staging namespace is up.", urgency: "fyi" });
      const outcome = await askFrom(world, "Quickly?", 80, "urgent");
      check(
        "the urgent question is answered within the turn",
        outcome.state === "answered" && outcome.text === "At once.",
        outcome,
      );
      const turn = backend.api.turns.find((other) => other.text.includes("[repowire ask"));
      check("both came with the tool's result", turn?.text.includes("staging namespace is up") === true, turn);
      await backend.idle();
      const stored = JSON.stringify(backend.messages());
      check("neither is stored", !stored.includes("staging namespace") && !stored.includes("Quickly?"));
      check(
        "nothing was merged into the turn",
        backend.messages().filter(({ info }) => info.role === "user").length === 1,
      );
      const trace = await world.trace("last");
      check("seen", trace.deliveries[0]?.state === "seen", trace.deliveries);
    },
  },
  {
    name: "OpenCode: while messages are undone nothing is injected; it goes in when its user goes on",
    async run(world, { check }) {
      const backend = await startOpenCode(world, "backend", { model: speaking("Later.") });
      await backend.type("hello");
      await backend.idle();
      await backend.type("/undo");
      await world.terminal.waitFor("backend", /message reverted/);
      const outcome = await askFrom(world, "Are you there?", 15);
      check("held, and it says why", outcome.state === "pending" && outcome.recipient.delivery === "held", outcome);
      check("the undone message is still there", shown(backend, "hello").length === 1);
      backend.press("C-x");
      backend.press("r");
      await world.until("it goes in then", async () => (await world.trace("last")).ask?.state === "answered", 60_000);
      check("nothing was lost", shown(backend, "hello").length === 1);
    },
  },
  {
    name: "OpenCode: a session that waits for its own question answers when that is answered",
    async run(world, { check }) {
      await startOpenCode(world, "backend", {
        model: (turn) => {
          if (/frontend answers/.test(turn.text)) return [{ say: "With that: v2." }];
          if (turn.toolResults.length > 0) return [{ say: "I have asked frontend and wait." }];
          return askId(turn) ? [ask("frontend", "Which version?", { wait_seconds: 1 })] : [{ say: "ok" }];
        },
      });
      await startOpenCode(world, "frontend", {
        model: (turn) => (askId(turn) ? { steps: [{ say: "Version two." }], delayMs: 5_000 } : [{ say: "ok" }]),
      });
      const outcome = await askFrom(world, "What is the contract?", 80);
      check(
        "what it said meanwhile is no answer",
        outcome.state === "answered" && outcome.text === "With that: v2.",
        outcome,
      );
    },
  },
  {
    name: "OpenCode: the command line inside its shell tool acts as that peer",
    async run(world, { check }) {
      await startOpenCode(world, "frontend", { model: speaking("Heard.") });
      const backend = await startOpenCode(world, "backend", {
        allowShell: true,
        model: answering(
          () => "ok",
          (turn) => (turn.text.includes("GO") ? [bash(`${world.cliCommand()} whoami`)] : [{ say: "ok" }]),
        ),
      });
      await backend.type("GO");
      const said = await world.until(
        "it reads who it is",
        () => backend.api.turns.flatMap((turn) => turn.toolResults)[0],
      );
      check("backend, an agent", /You are backend, role agent/.test(said), said);
    },
  },
  {
    name: "OpenCode: without a daemon it works as ever and shows nothing; it joins by itself when one comes",
    async run(world, { check }) {
      await world.killDaemon();
      const backend = await startOpenCode(world, "backend", { model: speaking("Joined."), noWait: true });
      await backend.type("hello");
      await backend.idle();
      check("its user's prompt is answered", backend.screen().includes("Hello."), backend.screen());
      check("nothing of us is on the screen", !/repowire/i.test(backend.screen()), backend.screen());
      await world.startDaemon();
      await world.until(
        "it joins",
        async () => (await peersOf(world, "backend"))[0]?.delivery?.rung === "push",
        30_000,
      );
      const outcome = await askFrom(world, "Are you there?");
      check("and answers", outcome.state === "answered" && outcome.text === "Joined.", outcome);
    },
  },
  {
    name: "OpenCode: a context overflow is no failure: the question is answered after the compaction",
    async run(world, { check }) {
      let overflows = 0;
      const backend = await startOpenCode(world, "backend", {
        model: (turn) =>
          askId(turn) && overflows++ === 0
            ? {
                steps: [],
                error: {
                  status: 400,
                  type: "context_length_exceeded",
                  message:
                    "This model's maximum context length is 100000 tokens. Please reduce the length of the messages.",
                },
              }
            : [{ say: askId(turn) || turn.text.includes("ontinue") ? "Seven, after all." : "Hello." }],
      });
      await backend.type("hello");
      await backend.idle();
      const outcome = await askFrom(world, "How many?");
      check("it did overflow", overflows > 0, overflows);
      check("answered", outcome.state === "answered" && outcome.text === "Seven, after all.", outcome);
      const used = backend.messages().filter(({ info }) => info.role === "assistant");
      check(
        "by way of an overflow",
        used.length > 2,
        used.map(({ info }) => info),
      );
    },
  },
  {
    name: "OpenCode: served, it holds questions until somebody has prompted it, and never guesses a session",
    async run(world, { check }) {
      const { folder, home } = prepareOpenCode(world, "backend", { model: speaking("Served.") });
      const server = Bun.spawn([installOpenCode(), "serve", "--port", "0"], {
        cwd: folder,
        env: openCodeEnv(home),
        stdin: "ignore",
        stdout: "pipe",
        stderr: "ignore",
      });
      world.onClose(async () => {
        server.kill("SIGKILL");
        await server.exited;
      });
      const url = await listening(server.stdout);
      world.terminal.open("attached", {
        cwd: folder,
        env: openCodeEnv(home),
        command: [installOpenCode(), "attach", url],
      });
      await world.terminal.waitFor("attached", /Ask anything/, 60_000);
      await world.until(
        "it joins",
        async () => (await peersOf(world, "backend"))[0]?.presence.state === "online",
        30_000,
      );
      const held = await askFrom(world, "Anybody there?", 15);
      check("held, and it says why", held.state === "pending" && held.recipient.delivery === "held", held);
      await world.terminal.type("attached", "hello again");
      await world.until(
        "it goes in after the first prompt",
        async () => (await world.trace("last")).ask?.state === "answered",
        40_000,
      );
      const asked = shown({ home }, "Anybody there?");
      const prompted = shown({ home }, "hello again");
      check(
        "into the session that was prompted",
        asked.length === 1 && asked[0]?.session === prompted[0]?.session,
        asked,
      );
      world.terminal.kill("attached");
    },
  },
  {
    name: "OpenCode: a draft at the home screen is never lost to a new session",
    async run(world, { check }) {
      const backend = await startOpenCode(world, "backend", { model: speaking("Here.") });
      backend.write("half a thought of mine");
      await world.until("the draft is on the screen", () => backend.screen().includes("half a thought of mine"));
      const outcome = await askFrom(world, "Anybody?", 30);
      check("the draft is on the screen", backend.screen().includes("half a thought of mine"), backend.screen());
      check(
        "the question is answered, or waits and says so",
        outcome.state === "answered" || outcome.state === "pending",
        outcome,
      );
    },
  },
];

/** The address that a server prints when it is up. */
async function listening(output: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of output) {
    text += new TextDecoder().decode(chunk);
    const url = text.match(/http:\/\/[\w.]+:\d+/)?.[0];
    if (url) return url;
  }
  throw new Error(`the server never said where it listens: ${text}`);
}
