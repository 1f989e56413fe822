import { existsSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Model, ModelTurn, Step } from "../../support/model-script.ts";
import type { AgentOptions, AgentSession } from "../driver.ts";
import { codex } from "../drivers/codex.ts";
import { startGemini } from "../drivers/gemini.ts";
import { openCode } from "../drivers/opencode.ts";
import { bash } from "../models.ts";
import type { World } from "../world.ts";
import type { Scene } from "./index.ts";

/** Writes the file that it is told to, once. */
function writer(file: string) {
  return (turn: ModelTurn): Step[] =>
    turn.toolResults.length === 0 && turn.text.includes("GO")
      ? [{ call: "Write", input: { file_path: file, content: "export const total = 1;\n" } }]
      : [{ say: "Done." }];
}

/** The other runtimes: how each writes a file by its own tool, and when its model reads the warning. */
interface Other {
  runtime: string;
  reads: "with the next step" | "with the next prompt";
  start(world: World, name: string, options: AgentOptions): Promise<AgentSession>;
  write(file: string): Step;
}

const OTHERS: readonly Other[] = [
  {
    runtime: "OpenCode",
    reads: "with the next step",
    start: openCode.start,
    write: (file) => ({ call: "write", input: { filePath: file, content: "export const total = 2;\n" } }),
  },
  {
    runtime: "Codex",
    reads: "with the next prompt",
    start: (world, name, options) => codex.start(world, name, { ...options, allowShell: true }),
    // A patch by its shell tool is a patch to it, not a command (0.169.0).
    write: (file) =>
      bash(`apply_patch <<'EOF'\n*** Begin Patch\n*** Add File: ${file}\n+export const total = 2;\n*** End Patch\nEOF`),
  },
  {
    runtime: "Gemini CLI",
    reads: "with the next prompt",
    start: (world, name, options) => startGemini(world, name, { ...options, args: ["--approval-mode", "auto_edit"] }),
    write: (file) => ({ call: "write_file", input: { file_path: file, content: "export const total = 2;\n" } }),
  },
];

/** Claude Code has begun to write a file; a session of another runtime in the same checkout writes it, too. */
const withOther = ({ runtime, reads, start, write }: Other): Scene => ({
  name: `radar: ${runtime} writes what Claude Code writes, and reads of it ${reads}`,
  async run(world, { check }) {
    const file = join(world.root, "shop", "cart.ts");
    const first = await world.session("first", { folder: "shop", allow: ["Write"], model: writer(file) });
    const model: Model = (turn) =>
      turn.toolResults.length === 0 && turn.text.includes("GO") ? [write(file)] : [{ say: "Done." }];
    const second = await start(world, "second", { folder: "shop", model });
    await first.type("GO");
    await world.until("first has written", () => first.api.turns.some(({ toolResults }) => toolResults.length > 0));
    await first.idle();
    unlinkSync(file);
    await second.type("GO");
    await world.until("second has written", () => existsSync(file), 60_000);
    await second.idle();
    const warned = () => second.api.turns.map(({ text }) => text).find((text) => text.includes("radar: "));
    if (reads === "with the next prompt") {
      await world.until("both warnings are on their way", async () => (await ofType(world, "message.accepted")) >= 2);
      await second.type("hello");
    }
    const text = await world.until("second reads of it", warned, 60_000);
    check("it reads who writes the file", /radar: [\w-]+ began to write cart\.ts/.test(text), text);
    await second.idle();
    await first.type("hello");
    const other = await world.until("first is told with its next turn", () =>
      first.api.turns.map(({ text }) => text).find((text) => text.includes("now writes cart.ts, too")),
    );
    check("the other one reads it with its next turn", other.includes("radar: "), other);
    const isSeen = async () => (await ofType(world, "delivery.seen")) >= 2;
    check("both are proven by receipts", await world.until("both are seen", isSeen, 60_000));
  },
});

/** Nothing else is sent in these scenes. */
const ofType = async (world: World, type: string): Promise<number> =>
  (await world.mesh.events({ after: 0, limit: 1_000 })).events.filter((event) => event.type === type).length;

export const radarScenes: Scene[] = [
  ...OTHERS.map(withOther),
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
