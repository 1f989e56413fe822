import { readFileSync } from "node:fs";
import { Command } from "@commander-js/extra-typings";
import { systemRefusal } from "../../platform/files.ts";
import { RepowireError } from "../../protocol/index.ts";
import { plural } from "../../words/index.ts";
import { print, printJson } from "../output.ts";
import { eventLine } from "./trace.ts";

/** Differs from every error's code: the file is well, what it tells is not what this repowire does. */
const EXIT_DIFFERENT = 1;

const MARKS = { input: "→", consequence: "·", noted: " " } as const;

export function replayCommand() {
  return new Command("replay")
    .description("go through an exported run again, in memory, and say where this repowire decides otherwise")
    .argument("<file>", "what `repowire export` wrote")
    .option("--json", "print JSON")
    .action(async (file, { json }) => {
      // Loaded only here: no other command decides anything itself.
      const [{ parseRun }, { replay }] = await Promise.all([
        import("../../replay/file.ts"),
        import("../../replay/replay.ts"),
      ]);
      const run = parseRun(read(file), file);
      const { steps, differences, ok } = replay(run);
      const count = (kind: keyof typeof MARKS) => steps.filter((step) => step.kind === kind).length;
      const counts = { inputs: count("input"), consequences: count("consequence"), noted: count("noted") };
      const wrong = steps.filter(({ difference }) => difference !== undefined);
      process.exitCode = ok ? 0 : EXIT_DIFFERENT;
      if (json) {
        const at = wrong.map(({ event, difference }) => ({ seq: event.seq, type: event.type, difference }));
        return printJson({ ok, ...counts, messages: run.messages.length, at_events: at, at_end: differences });
      }
      const names = new Map(run.peers.map((peer) => [peer.id, peer.name]));
      for (const { event, kind, difference } of steps) {
        print(`${MARKS[kind]} ${eventLine(event, names)}`);
        if (difference) print(`  ≠ ${difference}`);
      }
      for (const difference of differences) print(`≠ in the end: ${difference}`);
      print(
        `${plural(counts.inputs, "input")} (→) replayed, ${plural(counts.consequences, "consequence")} (·) compared, ${counts.noted} noted: ${ok ? "the same way to the same end" : `${plural(wrong.length + differences.length, "difference")} (≠)`}`,
      );
    });
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT")
      throw new RepowireError("not_found", `There is no file ${file}. \`repowire export --out FILE\` writes one.`);
    throw systemRefusal(error) ?? error;
  }
}
