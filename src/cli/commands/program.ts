import { resolve } from "node:path";
import { Command } from "@commander-js/extra-typings";
import { homePaths } from "../../platform/paths.ts";
import { VERSION } from "../../protocol/index.ts";
import type { CliContext } from "../context.ts";
import { printJson } from "../output.ts";

/** What one version asks another during an update: who it is, and to bring what setup installed to its own form. */
export function programCommand(context: CliContext): Command {
  const program = new Command("program").description("for `repowire update`: what another version of it asks this one");
  program.addCommand(
    new Command("facts").description("its version, and the newest database that it knows").action(async () => {
      const { SCHEMA } = await import("../../daemon/main.ts");
      printJson({ program: "repowire", version: VERSION, schema: SCHEMA });
    }),
  );
  program.addCommand(
    new Command("refresh").description("bring what setup installed to this version's form").action(async () => {
      const { refreshSetup } = await import("../update/refresh.ts");
      printJson(refreshSetup(homePaths(resolve(context.home))));
    }),
  );
  return program;
}
