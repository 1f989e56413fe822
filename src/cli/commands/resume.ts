import { Command } from "@commander-js/extra-typings";
import type { Pause } from "../../protocol/index.ts";
import { cleanLine, timeOfDay } from "../../words/index.ts";
import type { CliContext } from "../context.ts";
import { print, printJson } from "../output.ts";

export function resumeCommand(context: CliContext) {
  return new Command("resume")
    .description("let agents write again that the loop guard has paused; alone, it lists what is paused")
    .argument("[what]", "the id of the pause, of a message of the thread, or a peer")
    .option("--json", "print JSON")
    .action(async (what, options) => {
      const mesh = await context.mesh();
      if (what === undefined) {
        const output = await mesh.pauses({});
        if (options.json) return printJson(output);
        return print(output.pauses.length > 0 ? pauseLines(output.pauses) : "Nothing is paused.");
      }
      const output = await mesh.resume({ what });
      if (options.json) return printJson(output);
      print(output.resumed.map((pause) => `resumed ${pause.id}: ${names(pause)} may write again.`).join("\n"));
    });
}

const names = (pause: Pause) => pause.peers.map((peer) => cleanLine(peer.name)).join(" and ");

/** One line for each: who, why, since when, and the command that lifts it. */
export function pauseLines(pauses: readonly Pause[]): string {
  const now = Date.now();
  return pauses
    .map(
      (pause) =>
        `${pause.id}  ${names(pause)}, paused since ${timeOfDay(pause.paused_at, now)}: ${cleanLine(pause.reason)}. Lift it: repowire resume ${pause.id}`,
    )
    .join("\n");
}
