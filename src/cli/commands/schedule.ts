import { Command, Option } from "@commander-js/extra-typings";
import { MissedPolicy, RepowireError, type Schedule } from "../../protocol/index.ts";
import { cleanLine, timeOfDay, whenText } from "../../words/index.ts";
import type { CliContext } from "../context.ts";
import { print, printJson, table } from "../output.ts";

/** Messages for later: at a time, again and again, or when a peer is idle, waits for its human, or ends. */
export function scheduleCommand(context: CliContext) {
  const schedule = new Command("schedule").description(
    "messages for later: at a time, by cron, or when a peer is idle",
  );
  schedule.addCommand(addCommand(context));
  schedule.addCommand(listCommand(context));
  schedule.addCommand(removeCommand(context));
  return schedule;
}

const EXAMPLES = `
Examples:
  repowire schedule add backend "run the slow tests" --at 22:00
  repowire schedule add orchestrator "report what is open" --cron "0 7 * * 1-5"
  repowire schedule add frontend "the API is ready" --when "backend idle"`;

function addCommand(context: CliContext) {
  return new Command("add")
    .description("send a message later")
    .argument("<peer>", "name, name@circle or id; `self` is your own inbox")
    .argument("<text...>", "the message")
    .option("--in <time>", "how long from now: 30m, 2h, 1d")
    .option("--at <time>", "09:00 (the next one), or 2026-12-02 09:00")
    .option("--cron <pattern>", "again and again: minute, hour, day, month, weekday")
    .option("--when <moment>", '"PEER idle", "PEER waits" (for its human) or "PEER ends"')
    .option("--zone <zone>", "the time zone that times are read in (Europe/Berlin); this machine's otherwise")
    .option("--ask", "as a question, whose answer comes to your inbox")
    .addOption(
      new Option("--missed <policy>", "a time that passes while repowire does not run: send late, or not").choices(
        MissedPolicy.options,
      ),
    )
    .option("--json", "print JSON")
    .addHelpText("after", EXAMPLES)
    .action(async (peer, words, options) => {
      const times = [options.in, options.at, options.cron && `cron ${options.cron}`, options.when].filter(Boolean);
      const [when] = times;
      if (when === undefined || times.length > 1)
        throw new RepowireError(
          "invalid_input",
          "Say when, once: --in 30m, --at 22:00, --cron PATTERN or --when MOMENT.",
        );
      const { zone, missed } = options;
      const text = words.join(" ");
      const kind = options.ask ? "ask" : "notify";
      const output = await (await context.mesh()).schedule({ peer, text, when, kind, zone, missed });
      if (options.json) return printJson(output);
      const { id, to, from_id, to_id } = output.schedule;
      const whom = from_id === to_id ? "you" : cleanLine(to);
      print(
        `scheduled ${id}: it goes to ${whom} ${whenText(output.schedule, Date.now())}. Take it back: repowire schedule remove ${id}`,
      );
    });
}

function listCommand(context: CliContext) {
  return new Command("list")
    .description("what waits for its time or for a peer, and how the last time went")
    .option("--json", "print JSON")
    .action(async (options) => {
      const output = await (await context.mesh()).schedules({});
      if (options.json) return printJson(output);
      if (output.schedules.length === 0)
        return print('Nothing is scheduled. A message for later: repowire schedule add PEER "TEXT" --in 30m');
      print(table(["ID", "FROM", "TO", "WHEN", "LAST", "TEXT"], output.schedules.map(row)));
    });
}

const TEXT_CHARS = 40;

function row(schedule: Schedule): string[] {
  const { id, from, to, last, text } = schedule;
  const line = cleanLine(text);
  return [
    id,
    from,
    to,
    whenText(schedule, Date.now()),
    last ? `${last.outcome} ${timeOfDay(last.at)}${last.reason ? `: ${cleanLine(last.reason)}` : ""}` : "-",
    line.length > TEXT_CHARS ? `${line.slice(0, TEXT_CHARS)}…` : line,
  ];
}

function removeCommand(context: CliContext) {
  return new Command("remove")
    .description("take one back; what was sent already stays sent")
    .argument("<id>", "the five-character id")
    .option("--json", "print JSON")
    .action(async (id, options) => {
      const output = await (await context.mesh()).unschedule({ id });
      if (options.json) return printJson(output);
      print(`removed ${output.schedule.id}: it will not be sent.`);
    });
}
