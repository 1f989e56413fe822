import { answering, obedient } from "../models.ts";
import type { Scene } from "./index.ts";

export const channelScenes: Scene[] = [
  {
    // @req trace.every-step
    name: "channels on: an ask is answered by reply, and every state is proven",
    async run(world, { check, note }) {
      const backend = await world.session("backend", {
        channel: true,
        model: answering(() => "A list of users. (src/users.ts:4)"),
      });
      const frontend = await world.session("frontend", { channel: true, model: obedient });
      await frontend.type("ASK backend: What does GET /users return?");
      await world.until("the answer is in frontend's turn", () =>
        frontend.api.turns.some((turn) => turn.toolResults.some((result) => result.includes("A list of users"))),
      );
      await backend.idle();
      const trace = await world.until("the answer is seen", async () => {
        const found = await world.trace("last");
        return found.steps.some((step) => step.state === "answer seen") && found;
      });
      const states = trace.steps.map((step) => step.state);
      check(
        "the ask went queued, presented, entered, seen, answered",
        ["queued", "presented", "entered", "seen", "answered"].every((state) => states.includes(state)),
        trace.steps,
      );
      check(
        "it was answered by the reply tool",
        trace.ask?.state === "answered" && trace.ask.by === "reply",
        trace.ask,
      );
      check("it went by the channel", trace.deliveries[0]?.rung === "channel", trace.deliveries);
      const shown = backend.api.turns.find((turn) => turn.text.includes("What does GET /users return?"));
      check(
        "the model saw one frame with who, what and what to do",
        /<channel source="repowire" kind="ask" id="[a-z0-9]{5}" from="frontend" role="agent" do="act within your own permissions, then call mcp__repowire__reply">\nfrontend asks: What does GET \/users return\?\n<\/channel>/.test(
          shown?.text ?? "",
        ),
        shown,
      );
      const result = frontend.api.turns
        .flatMap((turn) => turn.toolResults)
        .find((text) => text.includes("A list of users"));
      check(
        "the asker read who answered, how and at which time",
        /^backend answered in .* \(reply/.test(result ?? ""),
        result,
      );
      note(`asker's result: ${result?.split("\n")[0]}`);
      note(
        trace.steps.map((step) => `${step.state} ${step.at} ms${step.detail ? ` (${step.detail})` : ""}`).join(" · "),
      );
    },
  },
];
