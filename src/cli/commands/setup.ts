import { resolve } from "node:path";
import { Command } from "@commander-js/extra-typings";
import { ERRORS } from "../../protocol/index.ts";
import { CancelledError } from "../cancelled.ts";
import type { CliContext } from "../context.ts";
import { print, printJson } from "../output.ts";
import type { SetupChoices, SetupPlan } from "../setup/run.ts";

interface SetupOptions {
  experimentalChannels?: true;
  allowTools: boolean;
  yes?: true;
  dryRun?: true;
  json?: true;
}

export function setupCommand(context: CliContext) {
  return new Command("setup")
    .description("connect your agent CLIs; shows what it will change, asks, and can be undone")
    .argument("[runtime]", "claude-code (so far the only one)")
    .option("--experimental-channels", "also install `repowire-claude`, which starts Claude Code with a channel")
    .option("--no-allow-tools", "let Claude Code go on asking before each use of a repowire tool")
    .option("-y, --yes", "agree to what is shown; messages for sessions without permission prompts stay on hold")
    .option("--dry-run", "show what would be done, and do nothing")
    .option("--json", "print JSON; needs --yes or --dry-run")
    .action((runtime, options) => setup(resolve(context.home), runtime, options));
}

async function setup(home: string, runtime: string | undefined, options: SetupOptions): Promise<void> {
  // Loaded only here: other commands start without the editors and prompts.
  const { applySetup, checkRuntime, planSetup } = await import("../setup/run.ts");
  const { checkMayAsk } = await import("../setup/questions.ts");
  const { setupJson } = await import("../setup/json.ts");
  const texts = await import("../setup/texts.ts");
  checkRuntime(runtime);
  const plan = await planSetup(home, { withChannels: options.experimentalChannels ?? false });
  const notices = plan.notices.filter((notice) => plan.withChannels || !notice.isAboutChannels);
  if (options.dryRun) {
    if (options.json) return printJson(setupJson(plan));
    print(`${texts.planText(plan)}\n`);
    if (notices.length > 0) print(`${texts.noticeText(notices)}\n`);
    return print("Nothing was changed.");
  }
  if (!options.yes) checkMayAsk("setup", options);
  if (!options.json) print(texts.planText(plan));
  const choices = options.yes ? { allowTools: options.allowTools } : await askChoices(plan, options);
  const report = await applySetup(plan, choices);
  if (!report.ok) process.exitCode = report.error ? ERRORS[report.error.code].exit : ERRORS.unavailable.exit;
  if (options.json) return printJson(setupJson(plan, report));
  print(`\n${texts.reportText(plan, choices, report)}`);
  if (notices.length > 0) print(`\n${texts.noticeText(notices)}`);
  if (report.ok) print(`\n${texts.nextText(plan, report)}`);
}

/** Asks only what is still open: consent where files change, the tools where they are not allowed, the gate where it is not set. */
async function askChoices(plan: SetupPlan, options: SetupOptions): Promise<SetupChoices> {
  const { askYesNo, choose } = await import("../setup/questions.ts");
  const open = plan.edits.flatMap((file) => file.edits).filter(({ state }) => state !== "there");
  const openTools = open.filter(({ edit }) => edit.kind === "item");
  const hasChanges = open.length > openTools.length || plan.edits.some((file) => file.obsolete > 0);
  if (plan.installed === undefined || hasChanges) {
    if (!(await askYesNo("Make these changes?"))) throw new CancelledError();
  }
  const allowTools =
    options.allowTools &&
    (openTools.length === 0 || (await askYesNo("Let sessions use these repowire tools without a prompt each time?")));
  const inbound = plan.inboundIsSet
    ? undefined
    : await choose(
        "Some sessions run without permission prompts (bypassPermissions). A message could make such a session act, with nobody asked. Messages for them:",
        [
          { value: "hold", label: "hold", hint: "they wait until you release them" },
          { value: "accept", label: "accept", hint: "they arrive as in any other session" },
        ],
        "hold",
      );
  return { allowTools, inbound };
}
