import type { AskOutcome } from "../../../src/protocol/index.ts";
import type { Model, Reply } from "../../support/model-script.ts";
import { type GeminiCli, openGemini, startGemini } from "../drivers/gemini.ts";
import { judge } from "../matrix/judge.ts";
import { askId } from "../models.ts";
import type { World } from "../world.ts";
import type { Scene } from "./index.ts";

const WORD = "quagga";
const QUESTION = `How many ${WORD} are there?`;
/** Many pieces, spaces that a joined answer would get wrong. */
const ANSWER = 'Seven  of them:\n- src/herd.ts:7\n- "quoted" & <tagged>.';
const TAG = /\[repowire [a-z0-9]{5}\]/;

const ask = (world: World, question = QUESTION, waitSeconds = 45): Promise<AskOutcome> =>
  world.mesh.ask({ peer: "backend", question, wait_seconds: waitSeconds });

/** Answers in its last text, without a tool. */
const talker: Model = (turn) => (askId(turn) ? [{ say: ANSWER }] : [{ say: "Hello." }]);

/** A screen's text without its line breaks. */
const flat = (screen: string): string => screen.replace(/\s+/g, " ");
const shown = (session: GeminiCli): string => session.api.turns.map((turn) => turn.text).join("\n=====\n");
const presence = async (world: World) => (await world.mesh.peers({})).peers.find((peer) => peer.name === "backend");
const deliveryOf = async (world: World) => (await world.trace("last").catch(() => undefined))?.deliveries[0];

const slow: Model = (turn): Reply => ({ steps: [{ say: askId(turn) ? ANSWER : "Hello." }], delayMs: 8_000 });

/** What the service says of a day's quota that is used up; the CLI reads the details. */
const QUOTA = JSON.stringify({
  error: {
    code: 429,
    message: "You exceeded your current quota.",
    status: "RESOURCE_EXHAUSTED",
    details: [
      {
        "@type": "type.googleapis.com/google.rpc.QuotaFailure",
        violations: [{ quotaId: "GenerateRequestsPerDayPerProjectPerModel" }],
      },
      { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "3600s" },
    ],
  },
});

export const geminiScenes: Scene[] = [
  {
    name: "gemini: the turn's last text is the answer, to the letter, and its user sees the question",
    async run(world, { check }) {
      const session = await startGemini(world, "backend", { model: talker });
      const outcome = await ask(world);
      check("answered by the turn", outcome.state === "answered" && outcome.by === "turn", outcome);
      check("exactly what the model said", outcome.state === "answered" && outcome.text === ANSWER, outcome);
      const turn = session.api.turns[0]?.text ?? "";
      check("the model was shown the frame by hook", /\[repowire ask [a-z0-9]{5} from \S+\] How many/.test(turn), turn);
      check("the pane shows the question", session.screen().includes(QUESTION), session.screen());
      const verdict = await judge(world, session, outcome.id, WORD);
      check("ledger and transcript agree", verdict.lies.length === 0 && verdict.shown === 1, verdict);
    },
  },
  {
    name: "gemini: two questions at once, each with a turn and an answer of its own",
    async run(world, { check }) {
      const session = await startGemini(world, "backend", {
        model: (turn) => [{ say: /first\?/.test(turn.text) ? "answer to first" : "answer to second" }],
      });
      const [first, second] = await Promise.all([ask(world, "first?"), ask(world, "second?")]);
      check("the first", first.state === "answered" && first.text === "answer to first", first);
      check("the second", second.state === "answered" && second.text === "answer to second", second);
      check("one turn each", session.api.turns.length === 2, session.api.turns);
    },
  },
  {
    name: "gemini: its user types behind the tag and sends: the gate lets nothing through, the question comes again",
    async run(world, { check }) {
      const session = await startGemini(world, "backend", { model: talker });
      const asked = ask(world, QUESTION, 60);
      await world.until("the tag is in the composer", () => TAG.test(session.draft()));
      await session.type(" and my own words");
      await world.until("the gate says what happened", () => /arrived while you typed/.test(flat(session.screen())));
      const outcome = await asked;
      check("answered later", outcome.state === "answered" && outcome.text === ANSWER, outcome);
      check("nothing mixed reached the model", !shown(session).includes("my own words"), shown(session));
      check("the question reached it once", session.api.turns.length === 1, session.api.turns);
      const trace = await world.trace(outcome.id);
      check("it was never counted as handed over twice", trace.deliveries[0]?.attempt === 1, trace.deliveries);
      await session.idle();
      session.press("Up");
      await Bun.sleep(300);
      session.press("Up");
      await world.until("the up arrow brings the text back", () => session.draft().includes("and my own words"));
    },
  },
  {
    name: "gemini: a tag that waits for nobody is not sent",
    async run(world, { check }) {
      const session = await startGemini(world, "backend", { model: talker });
      await session.type("[repowire zzzzz]");
      await world.until("the gate says so", () => /no message zzzzz waits/.test(flat(session.screen())));
      check("nothing reached the model", session.api.turns.length === 0, session.api.turns);
      await session.type("Explain [repowire zzzzz] to me");
      await world.until("a text about tags is its user's own", () => session.api.turns.length === 1);
      check("whole", shown(session).includes("Explain [repowire zzzzz] to me"), shown(session));
      await session.idle();
      // On purpose, so that no session starts it again.
      world.cli("daemon", "stop");
      await session.type("Explain [repowire zzzzz] once more");
      await world.until("without a daemon nothing with a tag goes", () =>
        /does not answer/.test(flat(session.screen())),
      );
      check("nothing more reached the model", session.api.turns.length === 1, session.api.turns);
      await world.startDaemon();
    },
  },
  {
    name: "gemini: Esc while the model works: the asker hears that it was interrupted",
    async run(world, { check }) {
      const session = await startGemini(world, "backend", { model: slow });
      const asked = ask(world);
      await world.until("the model works on it", () => session.api.turns.length > 0);
      await Bun.sleep(500);
      session.press("Escape");
      const outcome = await asked;
      check("interrupted", outcome.state === "failed" && outcome.reason === "interrupted", outcome);
      session.api.setModel(talker);
      await session.idle();
      const next = await ask(world, "And now?");
      check("the next one is answered", next.state === "answered" && next.text === ANSWER, next);
    },
  },
  {
    name: "gemini: a permission dialog: its place is told, and Esc there ends the turn for the asker, too",
    async run(world, { check }) {
      const session = await startGemini(world, "backend", {
        model: (turn) =>
          turn.toolResults.length > 0 ? [{ say: "Done." }] : [{ say: "Let me." }, { shell: "touch made" }],
      });
      const asked = ask(world);
      await session.dialog();
      const peer = await world.until("it counts as waiting", async () => {
        const found = await presence(world);
        return found?.presence.state === "waiting" && found;
      });
      const { detail } = peer.presence;
      check("with the command and the place", /touch made.*decide in pane backend:0\.0/.test(detail ?? ""), detail);
      check("no verdict is offered", !peer.capabilities.includes("relay_permissions"), peer.capabilities);
      check("nothing to approve elsewhere", (await world.mesh.approvals({})).approvals.length === 0);
      session.press("Escape");
      const outcome = await asked;
      const settled =
        outcome.state === "pending" ? await world.mesh.inbox({ id: outcome.id, wait_seconds: 20 }) : undefined;
      const end = settled?.type === "ask" ? settled.outcome : outcome;
      check("interrupted", end.state === "failed" && end.reason === "interrupted", end);
    },
  },
  {
    name: "gemini: the model fails: the asker reads how",
    async run(world, { check }) {
      await startGemini(world, "backend", {
        model: () => ({ steps: [], error: { status: 401, type: "UNAUTHENTICATED", message: "no such key" } }),
      });
      const outcome = await ask(world);
      check("model_error", outcome.state === "failed" && outcome.reason === "model_error", outcome);
      check("in the service's words", outcome.state === "failed" && /no such key/.test(outcome.detail), outcome);
    },
  },
  {
    name: "gemini: a usage limit: the asker is told, nothing is pressed in the dialog, the question waits",
    async run(world, { check }) {
      const session = await startGemini(world, "backend", {
        model: () => ({ steps: [], error: { status: 429, type: "RESOURCE_EXHAUSTED", message: QUOTA } }),
      });
      const asked = ask(world);
      await world.until("the dialog opens", () => /Usage limit reached for/.test(session.screen()), 40_000);
      const requests = session.api.turns.length;
      const outcome = await asked;
      const isTold = outcome.state === "pending" && outcome.recipient.presence.state === "limited";
      check("told that it is limited", isTold, outcome);
      await Bun.sleep(3_000);
      check("nobody pressed anything", session.api.turns.length === requests, session.api.turns.length);
      session.press("2");
      await world.until("the question is back in the queue", async () => (await deliveryOf(world))?.state === "queued");
      check("the ask is open", (await world.trace("last")).ask?.state === "open");
    },
  },
  {
    name: "gemini: a dialog whose title says Ready: untouched, and its user is waited for",
    async run(world, { check }) {
      const words = "Many words, one after the other. ".repeat(20);
      const session = await startGemini(world, "backend", {
        detectsLoops: true,
        model: (turn) => [{ say: askId(turn) ? ANSWER : words }],
      });
      await session.type("hello");
      await world.until("the dialog opens", () => /potential loop was detected/.test(session.screen()));
      const asked = ask(world, QUESTION, 60);
      const peer = await world.until("it counts as waiting", async () => {
        const found = await presence(world);
        return found?.presence.state === "waiting" && found;
      });
      check("with the place", /pane backend:0\.0/.test(peer.presence.detail ?? ""), peer.presence);
      await Bun.sleep(3_000);
      check("the dialog is as it was", /● 1\. Keep loop detection/.test(session.screen()), session.screen());
      session.press("Escape");
      const outcome = await asked;
      check("answered afterwards", outcome.state === "answered" && outcome.text === ANSWER, outcome);
    },
  },
  {
    name: "gemini: /clear: the same peer goes on in a new conversation and learns again who it is",
    async run(world, { check }) {
      const session = await startGemini(world, "backend", { model: talker });
      await ask(world);
      const before = await presence(world);
      await session.idle();
      await session.type("/clear");
      await Bun.sleep(1_500);
      await session.idle();
      const outcome = await ask(world, "After the clear?");
      check("answered", outcome.state === "answered" && outcome.text === ANSWER, outcome);
      check("by the same peer", (await presence(world))?.id === before?.id);
      const last = session.api.turns.at(-1)?.text ?? "";
      check("which reads who it is", /repowire: you are backend/.test(last), last);
    },
  },
  {
    name: "gemini: without its gate nothing is pasted",
    async run(world, { check }) {
      const session = await openGemini(
        world,
        "backend",
        { model: talker, hookEvents: ["SessionStart", "AfterAgent"] },
        /Type your message/,
      );
      await world.until("it joins", async () => (await presence(world))?.capabilities.includes("hooks"));
      const outcome = await ask(world, QUESTION, 6);
      check("it waits", outcome.state === "pending", outcome);
      check("the composer is empty", session.draft() === "", session.screen());
      check("the model was shown nothing", session.api.turns.length === 0, session.api.turns);
    },
  },
  {
    name: "gemini: a session that asks nobody for permission takes nothing until its user says so",
    async run(world, { check }) {
      const session = await startGemini(world, "backend", { model: talker, args: ["--yolo"] });
      const outcome = await ask(world, QUESTION, 5);
      check("held", outcome.state === "pending" && outcome.recipient.delivery === "held", outcome);
      check("with the reason", outcome.state === "pending" && /yolo/.test(outcome.recipient.reason ?? ""), outcome);
      check("nothing was pasted", session.draft() === "" && session.api.turns.length === 0, session.screen());
    },
  },
  {
    name: "gemini: outside tmux a question comes when a turn ends",
    async run(world, { check }) {
      const session = await startGemini(world, "backend", {
        isPlain: true,
        model: (turn) => ({ steps: [{ say: askId(turn) ? ANSWER : "Words for my user." }], delayMs: 3_000 }),
      });
      await session.type("hello");
      await world.until("it works", () => session.api.turns.length > 0);
      const outcome = await ask(world);
      check("answered by the turn", outcome.state === "answered" && outcome.by === "turn", outcome);
      check("and only with it", outcome.state === "answered" && outcome.text === ANSWER, outcome);
      const trace = await world.trace(outcome.id);
      check("by hook", trace.deliveries[0]?.rung === "hook" && trace.deliveries[0].state === "seen", trace.deliveries);
    },
  },
  {
    name: "gemini: an untrusted folder: no peer, and nothing is pressed in the dialog",
    async run(world, { check }) {
      const session = await openGemini(
        world,
        "backend",
        { model: talker, isUntrusted: true },
        /Do you trust the files/,
      );
      await Bun.sleep(4_000);
      check("no peer", (await presence(world)) === undefined);
      check("the dialog is as it was", /Do you trust the files/.test(session.screen()), session.screen());
      const found = await world.mesh.discover({ env: { GEMINI_CLI_HOME: session.home } });
      const told = found.unreachable.find((one) => one.pid === session.pid);
      check("it is named, with what its user can do", told !== undefined && /trust/.test(told.next), found);
    },
  },
];
