import { Command } from "@commander-js/extra-typings";
import type { OperationOutput } from "../../protocol/index.ts";
import { cleanLine, duration, plural, timeOfDay } from "../../words/index.ts";
import type { CliContext } from "../context.ts";
import { seconds } from "../instant.ts";
import { print, printJson, table } from "../output.ts";

/** What a person keeps from their sessions, for a while or one by one. Deciding needs a terminal of your own, outside any agent. */

export function quietCommand(context: CliContext) {
  return new Command("quiet")
    .description("hand nothing to a peer for a while; what comes meanwhile follows then")
    .argument("<peer>", "name, name@circle, or id")
    .argument("[time]", "how long: 30m, 2h, 1d; `off` ends it", "1h")
    .option("--json", "print JSON")
    .action(async (peer, time, options) => {
      const output = await (await context.mesh()).quiet({ peer, seconds: time === "off" ? 0 : seconds(time) });
      if (options.json) return printJson(output);
      const name = cleanLine(output.peer.name);
      const waiting = output.waiting > 0 ? ` ${plural(output.waiting, "message")} wait for it.` : "";
      print(
        output.until === undefined
          ? `${name} takes messages again.`
          : `${name} gets nothing until ${timeOfDay(output.until, Date.now())}; senders read that it is held.${waiting} End it: repowire quiet ${name} off`,
      );
    });
}

export function heldCommand(context: CliContext) {
  return new Command("held")
    .description("messages that are held before they reach their recipients")
    .option("--json", "print JSON")
    .action(async (options) => {
      const output = await (await context.mesh()).held({});
      const { held, more } = output;
      if (options.json) return printJson(output);
      if (held.length === 0) return print("Nothing is held.");
      print(table(["ID", "FROM", "TO", "WAITS", "WHY", "TEXT"], held.map(row)));
      if (more > 0) print(`\nand ${more} more, which are listed when these are decided.`);
      if (held.some((one) => one.can_decide))
        print("\nDecide with: repowire release ID   or   repowire refuse ID [reason]");
    });
}

const WHY_CHARS = 60;

function row(one: OperationOutput<"held">["held"][number]): string[] {
  const why = one.reason.replace(/^gate: /, "").split("; fix:")[0] ?? "";
  return [
    one.can_decide ? one.id : `${one.id} (by its runtime)`,
    one.from,
    one.to,
    duration(Date.now() - one.queued_at),
    why.length > WHY_CHARS ? `${why.slice(0, WHY_CHARS)}…` : why,
    one.excerpt,
  ];
}

export const releaseCommand = (context: CliContext) =>
  new Command("release")
    .description("let a held message through")
    .argument("<id>", "the five-character id")
    .option("--json", "print JSON")
    .action(async (id, options) => {
      const output = await (await context.mesh()).decide_held({ id, verdict: "release" });
      if (options.json) return printJson(output);
      print(`released ${id}: it goes to ${cleanLine(output.to)} (${output.state}).`);
    });

export const refuseCommand = (context: CliContext) =>
  new Command("refuse")
    .description("send a held message back, with a reason for its sender")
    .argument("<id>", "the five-character id")
    .argument("[reason]", "what its sender reads")
    .option("--json", "print JSON")
    .action(async (id, reason, options) => {
      const output = await (await context.mesh()).decide_held({ id, verdict: "refuse", reason });
      if (options.json) return printJson(output);
      print(`refused ${id}: its sender is told.`);
    });

export const circleInboundCommand = (context: CliContext) =>
  new Command("inbound")
    .description("what happens to messages for all in a circle: accept, hold or refuse")
    .argument("<circle>")
    .argument("<policy>", "accept | hold | refuse")
    .option("--json", "print JSON")
    .action(async (circle, policy, options) => {
      // The daemon refuses what is none of the three, with their names.
      const output = await (await context.mesh()).circle_inbound({ circle, policy: policy as "accept" });
      if (options.json) return printJson(output);
      print(
        `circle ${output.circle} is on ${output.policy}: ${output.members.map(cleanLine).join(", ") || "nobody is in it now"}.`,
      );
    });
