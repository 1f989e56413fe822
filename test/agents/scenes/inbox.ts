import { answering, askId, obedient } from "../models.ts";
import type { Scene } from "./index.ts";

export const inboxScenes: Scene[] = [
  {
    name: "inbox socket: an ask is answered by the reply tool",
    async run(world, { check }) {
      await world.session("backend", { model: answering(() => "From the inbox: 42.") });
      const frontend = await world.session("frontend", { model: obedient });
      await frontend.type("ASK backend: What is the answer?");
      await world.until("the answer arrives", () =>
        frontend.api.turns.some((turn) => turn.toolResults.some((result) => result.includes("From the inbox: 42."))),
      );
      const trace = await world.until("it is seen", async () => {
        const found = await world.trace("last");
        return found.steps.some((step) => step.state === "seen") && found;
      });
      check("it went by the inbox socket", trace.deliveries[0]?.rung === "inbox_socket", trace.deliveries);
      check("it was answered by reply", trace.ask?.state === "answered" && trace.ask.by === "reply", trace.ask);
      const states = trace.steps.map((step) => step.state);
      check(
        "presented, entered and seen are each proven",
        ["presented", "entered", "seen"].every((state) => states.includes(state)),
        trace.steps,
      );
    },
  },
  {
    name: "inbox socket: the model's own SendMessage back is the answer",
    async run(world, { check }) {
      const backend = await world.session("backend", {
        model: (turn) => {
          const to =
            turn.toolResults.length === 0 ? turn.text.match(/<cross-session-message from="([^"]+)"/)?.[1] : undefined;
          return to
            ? [{ call: "SendMessage", input: { to, message: "By SendMessage: 43.", summary: "answer" } }]
            : [{ say: "sent" }];
        },
      });
      const frontend = await world.session("frontend", { model: obedient });
      await frontend.type("ASK backend: What is the answer?");
      await world.until("the answer arrives", () =>
        frontend.api.turns.some((turn) => turn.toolResults.some((result) => result.includes("By SendMessage: 43."))),
      );
      const trace = await world.until("it is seen", async () => {
        const found = await world.trace("last");
        return found.steps.some((step) => step.state === "seen") && found;
      });
      check(
        "the ask is answered by that very message",
        trace.ask?.state === "answered" && trace.ask.by === "reply",
        trace.ask,
      );
      check(
        "seen comes from the transcript",
        trace.steps.some((step) => step.state === "seen" && step.detail?.includes("transcript")),
        trace.steps,
      );
      check(
        "the CLI asked nobody for the SendMessage",
        !/Do you want to proceed/.test(backend.screen()),
        backend.screen(),
      );
    },
  },
  {
    name: "the channel is off without a word: after one try the inbox socket takes over",
    async run(world, { check, note }) {
      // Without the account's flag the launch flag does nothing, and pushes vanish.
      const backend = await world.session("backend", {
        channel: true,
        channelIsOff: true,
        model: answering(() => "Reached after all."),
      });
      const frontend = await world.session("frontend", { model: obedient });
      await frontend.type("ASK backend: Are you there?");
      await world.until(
        "the answer arrives",
        () =>
          frontend.api.turns.some((turn) => turn.toolResults.some((result) => result.includes("Reached after all."))),
        40_000,
      );
      const trace = await world.trace("last");
      check(
        "the second attempt has the same handle",
        trace.deliveries[0]?.attempt === 2 && backend.api.turns.some((turn) => askId(turn) === trace.id),
        trace.deliveries,
      );
      check("it went by the inbox socket", trace.deliveries[0]?.rung === "inbox_socket", trace.deliveries);
      const shown = backend.api.turns.filter((turn) => turn.text.includes("Are you there?")).length;
      check("the model read it once", shown === 1, backend.api.turns);
      await frontend.idle();
      await frontend.type("ASK backend: And again?");
      await world.until(
        "the second answer arrives",
        () =>
          frontend.api.turns.filter((turn) => turn.toolResults.some((result) => result.includes("Reached after all.")))
            .length >= 2,
        40_000,
      );
      const second = await world.trace("last");
      check(
        "the next message does not try the channel again",
        second.deliveries[0]?.attempt === 1 && second.deliveries[0].rung === "inbox_socket",
        second.deliveries,
      );
      note(
        trace.steps.map((step) => `${step.state} ${step.at} ms${step.detail ? ` (${step.detail})` : ""}`).join(" · "),
      );
    },
  },
];
