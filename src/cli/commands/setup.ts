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
  trustHooks: boolean;
  yes?: true;
  dryRun?: true;
  json?: true;
}

export function setupCommand(context: CliContext) {
  return new Command("setup")
    .description("connect your agent CLIs; shows what it will change, asks, and can be undone")
    .argument("[runtime]", "claude-code, opencode, codex or gemini; without it, all that are on this machine")
    .option("--experimental-channels", "also install `repowire-claude`, which starts Claude Code with a channel")
    .option("--no-allow-tools", "let the agent CLIs go on asking before each use of a repowire tool")
    .option("--no-trust-hooks", "let Codex ask you itself, at its next start, whether its hooks may run")
    .option("-y, --yes", "agree to what is shown; messages for sessions without permission prompts stay on hold")
    .option("--dry-run", "show what would be done, and do nothing")
    .option("--json", "print JSON; needs --yes or --dry-run")
    .action((runtime, options) => setup(resolve(context.home), runtime, options));
}

async function setup(home: string, runtime: string | undefined, options: SetupOptions): Promise<void> {
  // Loaded only here: other commands start without the editors and prompts.
  const { applySetup, planSetup } = await import("../setup/run.ts");
  const { checkMayAsk } = await import("../setup/questions.ts");
  const { setupJson } = await import("../setup/json.ts");
  const texts = await import("../setup/texts.ts");
  const plan = await planSetup(home, { withChannels: options.experimentalChannels ?? false, runtime });
  const notices = plan.runtimes
    .flatMap((found) => found.notices)
    .filter((notice) => plan.withChannels || !notice.isAboutChannels);
  if (options.dryRun) {
    if (options.json) return printJson(setupJson(plan));
    print(`${texts.planText(plan)}\n`);
    if (notices.length > 0) print(`${texts.noticeText(notices)}\n`);
    return print("Nothing was changed.");
  }
  if (!options.yes) checkMayAsk("setup", options);
  if (!options.json) print(texts.planText(plan));
  const choices = options.yes
    ? { allowTools: options.allowTools, takeSteps: options.trustHooks }
    : await askChoices(plan, options);
  const report = await applySetup(plan, choices);
  const error = report.error ?? report.runtimes.find((one) => one.error)?.error;
  if (!report.ok) process.exitCode = ERRORS[error?.code ?? "unavailable"].exit;
  if (options.json) return printJson(setupJson(plan, report));
  print(`\n${texts.reportText(plan, choices, report)}`);
  if (notices.length > 0) print(`\n${texts.noticeText(notices)}`);
  if (report.selftest?.ok) print(`\n${texts.nextText(plan, report)}`);
}

/** Asks only what is still open: consent where files change, the tools where they are not allowed, the gate where it is not set. */
async function askChoices(plan: SetupPlan, options: SetupOptions): Promise<SetupChoices> {
  const { askYesNo, choose } = await import("../setup/questions.ts");
  const files = plan.runtimes.flatMap((runtime) => runtime.files);
  const states = files.flatMap(({ edits, own }) => [
    ...edits.map(({ edit, state }) => ({ part: edit.part, state })),
    ...(own ? [own] : []),
  ]);
  const open = states.filter(({ state }) => state !== "there");
  const openTools = open.filter(({ part }) => part === "tools");
  const hasChanges = open.length > openTools.length || files.some((file) => file.obsolete > 0);
  if (plan.installed === undefined || hasChanges) {
    if (!(await askYesNo("Make these changes?"))) throw new CancelledError();
  }
  const allowTools =
    options.allowTools &&
    (openTools.length === 0 || (await askYesNo("Let sessions use these repowire tools without a prompt each time?")));
  const steps = plan.runtimes.flatMap(({ row, hasStep }) => (hasStep && row.step ? [row.step] : []));
  let takeSteps = options.trustHooks;
  for (const step of takeSteps ? steps : []) takeSteps = await askYesNo(step.question);
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
  return { allowTools, takeSteps, inbound };
}
