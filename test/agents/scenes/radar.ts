import { unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ModelTurn, Step } from "../../support/model-script.ts";
import type { Scene } from "./index.ts";

/** Writes the file that it is told to, once. */
function writer(file: string) {
  return (turn: ModelTurn): Step[] =>
    turn.toolResults.length === 0 && turn.text.includes("GO")
      ? [{ call: "Write", input: { file_path: file, content: "export const total = 1;\n" } }]
      : [{ say: "Done." }];
}

export const radarScenes: Scene[] = [
  {
    name: "radar: a session about to write what another one of its checkout writes reads it with that very call",
    async run(world, { check }) {
      const file = join(world.root, "shop", "cart.ts");
      const allow = ["Write"];
      const first = await world.session("first", { folder: "shop", allow, model: writer(file) });
      const second = await world.session("second", {
        folder: "shop",
        allow,
        model: (turn) => writer(join(world.root, "shop", turn.text.includes("OTHER") ? "tax.ts" : "cart.ts"))(turn),
      });
      await first.type("GO");
      await world.until("first has written", () => first.api.turns.some(({ toolResults }) => toolResults.length > 0));
      await first.idle();
      // Claude Code overwrites only what the session has read: a new file is what both may write.
      unlinkSync(file);
      await second.type("GO");
      const shown = await world.until("second has written", () =>
        second.api.turns.find(({ toolResults }) => toolResults.length > 0),
      );
      check(
        "the model reads the warning beside the call's result",
        /radar: [\w-]+ began to write cart\.ts/.test(shown.text),
        shown.text,
      );
      check("the call was not held up", !/error|denied|blocked/i.test(shown.toolResults.join(" ")), shown.toolResults);
      await second.idle();
      writeFileSync(file, "");
      await first.type("hello");
      const told = await world.until("first is told with its next turn", () =>
        first.api.turns.map(({ text }) => text).find((text) => text.includes("now writes cart.ts, too")),
      );
      check("the other one reads it with its next turn", told.includes("radar: "), told);
      const seen = await world.until("both are seen", async () => {
        const { events } = await world.mesh.events({ after: 0, limit: 1_000 });
        return events.filter(({ type }) => type === "delivery.seen").length >= 2 && events;
      });
      check(
        "both were proven by receipts",
        seen.some(({ data }) => data.by === "transcript"),
        seen.at(-1),
      );
    },
  },
];
