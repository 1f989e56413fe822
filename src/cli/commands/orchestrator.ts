import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { Command } from "@commander-js/extra-typings";
import { shellWord } from "../../platform/shell.ts";
import { ORCHESTRATOR_FILES } from "../../words/index.ts";
import { print, printJson } from "../output.ts";

export function orchestratorCommand() {
  const orchestrator = new Command("orchestrator").description("a session that coordinates others");
  orchestrator.addCommand(initCommand());
  return orchestrator;
}

function initCommand() {
  return new Command("init")
    .description("write a working folder for one: what it is told, and its patterns as short skills")
    .argument("<dir>", "the folder; made if need be")
    .option("--json", "print JSON")
    .addHelpText("after", "\nFiles that are there are left as they are. Example: repowire orchestrator init ~/night")
    .action((dir, options) => {
      const folder = resolve(dir);
      const result = { folder, ...writeOrchestrator(folder) };
      if (options.json) return printJson(result);
      const lines = [
        ...result.written.map((file) => `wrote  ${file}`),
        ...result.kept.map((file) => `kept   ${file} (it was there)`),
      ];
      print(`${lines.join("\n")}\n\nNext: cd ${shellWord(folder)} && repowire claude (or codex, gemini, opencode)`);
      print("Then, in another terminal: repowire peer role orchestrator orchestrator");
    });
}

/** Nothing that is there is written over, be it a link to somewhere. Throws the system's error where a file cannot be written. */
export function writeOrchestrator(folder: string): { written: string[]; kept: string[] } {
  const written: string[] = [];
  const kept: string[] = [];
  for (const [file, text] of Object.entries(ORCHESTRATOR_FILES)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    try {
      writeFileSync(join(folder, file), text, { flag: "wx" });
      written.push(file);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
      kept.push(file);
    }
  }
  return { written, kept };
}
