import { Command } from "@commander-js/extra-typings";
import { fitTable } from "../fit-table.ts";
import { usages } from "../help.ts";
import { print, printJson } from "../output.ts";

/** Every command with what it does: the program's own help names them only. */
export function commandsCommand() {
  const command = new Command("commands")
    .description("what each command does, on a line each")
    .option("--json", "print JSON")
    .action((options) => {
      if (!command.parent) return;
      const all = usages(command.parent);
      if (options.json) return printJson({ commands: all });
      const rows = all.map((usage) => [`repowire ${usage.command}`, usage.description]);
      const width = process.stdout.isTTY ? process.stdout.columns || 80 : Number.POSITIVE_INFINITY;
      print(fitTable([{ head: "COMMAND" }, { head: "WHAT IT DOES", min: 20 }], rows, width).join("\n"));
    });
  return command;
}
