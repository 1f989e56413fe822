import { Command } from "@commander-js/extra-typings";
import { LIMITS } from "../../protocol/index.ts";
import { plural } from "../../words/index.ts";
import type { CliContext } from "../context.ts";
import { number } from "../number.ts";
import { print, printJson } from "../output.ts";

export function purgeCommand(context: CliContext) {
  return new Command("purge")
    .description("remove closed messages, their events and abandoned seats now; open ones stay")
    .option("--older-than <days>", "only what is older than so many days", number, LIMITS.retentionDays)
    .option("--json", "print JSON")
    .action(async (options) => {
      const gone = await (await context.mesh()).purge({ older_than_days: options.olderThan });
      if (options.json) printJson(gone);
      else
        print(
          `removed ${plural(gone.messages, "message")}, ${plural(gone.events, "event")} and ${plural(gone.peers, "empty seat")}`,
        );
    });
}
