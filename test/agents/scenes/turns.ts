import { answering, ask, askId, bash, obedient, reply } from "../models.ts";
import type { Scene } from "./index.ts";

const ANSWERED = (text: string) => (turn: { toolResults: string[] }) =>
  turn.toolResults.some((result) => result.includes(text));

export const turnScenes: Scene[] = [
  {
    name: "busy recipient: the question waits for the end of the turn, and the asker is told the truth",
    async run(world, { check }) {
      const backend = await world.session("backend", {
        channel: true,
        allow: ["Bash(sleep:*)"],
        model: answering(() => "After the work: yes.", obedient),
      });
      const frontend = await world.session("frontend", {
        channel: true,
        model: (turn) =>
          turn.toolResults.length > 0
            ? [{ say: "ok" }]
            : turn.text.includes("GO")
              ? [ask("backend", "Ready?", { wait_seconds: 2 })]
              : [{ say: "ok" }],
      });
      await backend.type("RUN sleep 6");
      await world.until("backend is busy", () => backend.record()?.status === "busy");
      await frontend.type("GO");
      const pending = await world.until("frontend reads pending", () =>
        frontend.api.turns.flatMap((turn) => turn.toolResults).find((text) => text.startsWith("pending")),
      );
      check(
        "pending says that backend is busy and gets it when its turn ends",
        /backend is busy and gets it when its turn ends/.test(pending),
        pending,
      );
      await world.until("the late answer arrives as a message", () =>
        frontend.api.turns.some((turn) => turn.text.includes("After the work: yes.")),
      );
      const late = frontend.api.turns.find((turn) => turn.text.includes("After the work: yes."))?.text ?? "";
      check("the late answer names the question", /backend answers "Ready\?"/.test(late), late);
      const trace = await world.trace("last");
      check(
        "nothing was pushed into the running turn",
        trace.deliveries[0]?.attempt === 1 &&
          !backend.api.turns.some((turn) => turn.toolResults.length > 0 && turn.text.includes("Ready?")),
        trace.steps,
      );
    },
  },
  {
    name: "the model forgets: captured when the question was alone",
    async run(world, { check }) {
      await world.session("backend", { channel: true, model: () => [{ say: "I would say it is seven." }] });
      const frontend = await world.session("frontend", { channel: true, model: obedient });
      await frontend.type("ASK backend: How many?");
      const text = await world.until("frontend reads it", () =>
        frontend.api.turns.flatMap((turn) => turn.toolResults).find((result) => result.includes("seven")),
      );
      check(
        "the result says that it was captured",
        /\(captured/.test(text) && /maybe not meant as an answer/.test(text),
        text,
      );
      const trace = await world.trace("last");
      check("the ask is answered by captured", trace.ask?.by === "captured", trace.ask);
    },
  },
  {
    name: "the user is in the turn: seen, not answered; the model is reminded once",
    async run(world, { check }) {
      const backend = await world.session("backend", {
        channel: true,
        allow: ["Bash(sleep:*)"],
        model: (turn) => {
          const reminded = turn.text.match(/the question ([a-z0-9]{5}) from frontend is still open/)?.[1];
          if (reminded) return [reply(reminded, "Sorry: nine.")];
          return askId(turn) && turn.toolResults.length === 0
            ? [bash("sleep 3")]
            : [{ say: "Private words for my user." }];
        },
      });
      const frontend = await world.session("frontend", {
        channel: true,
        model: (turn) =>
          turn.toolResults.length > 0
            ? [{ say: "ok" }]
            : turn.text.includes("GO")
              ? [ask("backend", "How many?", { wait_seconds: 60 })]
              : [{ say: "ok" }],
      });
      await frontend.type("GO");
      await world.until("backend works", () => backend.api.turns.some((turn) => askId(turn) !== undefined));
      await Bun.sleep(700);
      await backend.type("and tell me a joke meanwhile");
      const told = await world.until(
        "frontend is told",
        () => frontend.api.turns.flatMap((turn) => turn.toolResults)[0],
      );
      check("the asker reads: seen, not answered", /seen, not answered/.test(told), told);
      await world.until("the answer after the reminder arrives", () =>
        frontend.api.turns.some((turn) => turn.text.includes("Sorry: nine.")),
      );
      const everything = frontend.api.turns.map((turn) => turn.text).join("\n");
      check("the user's words stayed private", !everything.includes("Private words"), everything.slice(-500));
      const trace = await world.trace("last");
      check("answered by reply in the end", trace.ask?.by === "reply", trace.ask);
      check(
        "reminded exactly once",
        backend.api.turns.filter((turn) => /is still open/.test(turn.text)).length === 1,
        backend.api.turns,
      );
    },
  },
  {
    name: "two questions at once: each gets its own answer",
    async run(world, { check }) {
      const backend = await world.session("backend", {
        channel: true,
        model: answering((turn) => (turn.text.includes("first?") ? "answer to first" : "answer to second")),
      });
      const one = await world.session("one", { channel: true, model: obedient });
      const two = await world.session("two", { channel: true, model: obedient });
      await Promise.all([one.type("ASK backend: the first?"), two.type("ASK backend: the second?")]);
      await world.until(
        "both have their answers",
        () => one.api.turns.some(ANSWERED("answer to")) && two.api.turns.some(ANSWERED("answer to")),
      );
      check("one got the first", one.api.turns.some(ANSWERED("answer to first")), one.api.turns);
      check("two got the second", two.api.turns.some(ANSWERED("answer to second")), two.api.turns);
      check(
        "they entered one after the other",
        !backend.api.turns.some((turn) => turn.text.includes("first?") && turn.text.includes("second?")),
        backend.api.turns,
      );
    },
  },
  {
    name: "ask back: the waiting call returns with the question, and both are answered",
    async run(world, { check }) {
      await world.session("backend", {
        channel: true,
        model: (turn) => {
          if (turn.toolResults.length === 0 && askId(turn) && turn.text.includes("pagination"))
            return [ask("frontend", "which API version?")];
          const answered = turn.toolResults.find((result) => result.includes("version two"));
          if (answered) return [reply(savedId, "With v2 it is cursor based.")];
          if (askId(turn)) savedId = askId(turn) ?? "";
          return [{ say: "ok" }];
        },
      });
      let savedId = "";
      const backendTurns = world;
      const frontend = await world.session("frontend", {
        channel: true,
        model: (turn) => {
          const asked = turn.toolResults
            .map((result) => result.match(/asks first \(([a-z0-9]{5})\)/)?.[1])
            .find(Boolean);
          if (asked) return [reply(asked, "version two")];
          if (turn.text.includes("GO")) return [ask("backend", "How does pagination work?")];
          return [{ say: "ok" }];
        },
      });
      await frontend.type("GO");
      const first = await world.until("the call returns with the question", () =>
        frontend.api.turns.flatMap((turn) => turn.toolResults).find((text) => text.includes("asks first")),
      );
      check(
        "it says who asks, what, and how to answer",
        /^backend asks first \([a-z0-9]{5}\): which API version\?\nCall mcp__repowire__reply\(id="[a-z0-9]{5}"\)/.test(
          first,
        ),
        first,
      );
      savedId = first.match(/\(([a-z0-9]{5}) stays open\)/)?.[1] ?? "";
      await world.until("the answer to the first question arrives by itself", () =>
        frontend.api.turns.some((turn) => turn.text.includes("With v2 it is cursor based.")),
      );
      check("both questions are answered", (await backendTurns.trace(savedId)).ask?.state === "answered");
    },
  },
  {
    name: "Esc in the asker: nobody has it, so it is withdrawn; else its answer comes as fyi",
    async run(world, { check }) {
      const backend = await world.session("backend", {
        channel: true,
        allow: ["Bash(sleep:*)"],
        model: answering(() => "too late", obedient),
      });
      const frontend = await world.session("frontend", { channel: true, model: obedient });
      await backend.type("RUN sleep 8");
      await world.until("backend is busy", () => backend.record()?.status === "busy");
      await frontend.type("ASK backend: Never mind?");
      const trace = await world.until("the ask is queued", () => world.trace("last").catch(() => undefined));
      await Bun.sleep(800);
      frontend.press("Escape");
      const after = await world.until("it is withdrawn", async () => {
        const found = await world.trace(trace.id);
        return found.ask?.state === "cancelled" && found;
      });
      check("the question was cancelled before anybody saw it", after.deliveries[0]?.state === "cancelled", after);
      await backend.idle();
      await Bun.sleep(1_500);
      check(
        "backend never saw it",
        !backend.api.turns.some((turn) => turn.text.includes("Never mind?")),
        backend.api.turns,
      );
    },
  },
  {
    name: "Esc in the recipient: the asker is told at once",
    async run(world, { check }) {
      const backend = await world.session("backend", {
        channel: true,
        allow: ["Bash(sleep:*)"],
        model: (turn) => (askId(turn) ? [bash("sleep 20")] : [{ say: "ok" }]),
      });
      const frontend = await world.session("frontend", { channel: true, model: obedient });
      await frontend.type("ASK backend: Long work?");
      await world.until(
        "backend works",
        () => backend.record()?.status === "busy" && backend.api.turns.some((turn) => askId(turn) !== undefined),
      );
      await Bun.sleep(1_500);
      backend.press("Escape");
      const text = await world.until(
        "frontend is told",
        () => frontend.api.turns.flatMap((turn) => turn.toolResults)[0],
        10_000,
      );
      check("in those words", /no answer .*interrupted by its user/.test(text), text);
      check("the ask failed as interrupted", (await world.trace("last")).ask?.reason === "interrupted");
    },
  },
];
