import { resolve } from "node:path";
import { Command, Option } from "@commander-js/extra-typings";
import { RepowireError } from "../../protocol/index.ts";
import { CancelledError } from "../cancelled.ts";
import type { CliContext } from "../context.ts";
import { print, printJson } from "../output.ts";
import type { UninstallPlan } from "../setup/uninstall.ts";

interface UninstallOptions {
  yes?: true;
  dryRun?: true;
  json?: true;
  keepData?: true;
  removeData?: true;
}

export function uninstallCommand(context: CliContext) {
  return new Command("uninstall")
    .description("take back what setup did; shows it first and asks")
    .argument("[runtime]", "only what is in the files of claude-code, opencode, codex or gemini; program and data stay")
    .option("-y, --yes", "agree to what is shown; data is kept unless --remove-data is given")
    .addOption(new Option("--keep-data", "keep messages, token and config"))
    .addOption(new Option("--remove-data", "remove the whole home too").conflicts("keepData"))
    .option("--dry-run", "show what would be done, and do nothing")
    .option("--json", "print JSON; needs --yes or --dry-run")
    .action((runtime, options) => uninstall(resolve(context.home), runtime, options as UninstallOptions));
}

async function uninstall(home: string, runtime: string | undefined, options: UninstallOptions): Promise<void> {
  // Loaded only here: other commands start without the editors and prompts.
  const { applyUninstall, planUninstall } = await import("../setup/uninstall.ts");
  const { checkMayAsk } = await import("../setup/questions.ts");
  const texts = await import("../setup/uninstall-texts.ts");
  const plan = await planUninstall(home, runtime);
  if (plan.only && options.removeData)
    throw new RepowireError(
      "invalid_input",
      "The data is of all agent CLIs: --remove-data goes with `repowire uninstall` alone.",
    );
  if (options.dryRun) {
    if (options.json)
      return printJson({ dry_run: true, home, files: plan.files, service: plan.service, sessions: plan.sessions });
    return print(`${texts.uninstallPlanText(plan, options)}\n\nNothing was changed.`);
  }
  const isAnything =
    plan.hasProgram || plan.undoables.length > 0 || plan.daemon !== undefined || plan.service !== undefined;
  if (!isAnything && !(options.removeData && plan.hasData)) {
    if (options.json) return printJson({ dry_run: false, home, ok: true, files: [], left: [] });
    return print(texts.nothingText(plan));
  }
  if (!options.yes) checkMayAsk("uninstall", options);
  if (!options.json) print(texts.uninstallPlanText(plan, options));
  const removeData = options.yes ? options.removeData === true : await askRemoveData(plan, options);
  const report = await applyUninstall(plan, { removeData });
  if (!report.ok) process.exitCode = 1;
  if (options.json) return printJson({ dry_run: false, home, ...report, sessions: plan.sessions });
  print(`\n${texts.uninstallReportText(plan, report)}`);
}

async function askRemoveData(plan: UninstallPlan, options: UninstallOptions): Promise<boolean> {
  const { askYesNo, choose } = await import("../setup/questions.ts");
  if (!(await askYesNo(plan.only ? `Take repowire out of ${plan.only.label} as shown?` : "Remove repowire as shown?")))
    throw new CancelledError();
  if (options.keepData || options.removeData) return options.removeData === true;
  if (!plan.hasData) return false;
  const answer = await choose(
    `Your messages, token and config in ${plan.paths.home}:`,
    [
      { value: "keep", label: "keep", hint: "a later setup finds them again" },
      { value: "remove", label: "remove", hint: "the whole folder, for good" },
    ],
    "keep",
  );
  return answer === "remove";
}
