import { Command, CommanderError, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { RepowireError, toProblem, VERSION } from "../protocol/index.ts";
import { CancelledError } from "./cancelled.ts";
import { approvalsCommand, approveCommand, denyCommand } from "./commands/approvals.ts";
import { attachmentCommand } from "./commands/attachment.ts";
import { circleCommand } from "./commands/circle.ts";
import { commandsCommand } from "./commands/commands.ts";
import { completeCommand, completionCommand } from "./commands/completion.ts";
import { daemonCommand } from "./commands/daemon.ts";
import { dashboardCommand } from "./commands/dashboard.ts";
import { discoverCommand } from "./commands/discover.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { exportCommand } from "./commands/export.ts";
import { historyCommand, searchCommand } from "./commands/find.ts";
import { heldCommand, quietCommand, refuseCommand, releaseCommand } from "./commands/gate.ts";
import { inboxCommand, replyCommand, whoamiCommand } from "./commands/mail.ts";
import { mcpCommand } from "./commands/mcp.ts";
import { morningCommand } from "./commands/morning.ts";
import { orchestratorCommand } from "./commands/orchestrator.ts";
import { overviewCommand } from "./commands/overview.ts";
import { peerCommand } from "./commands/peer.ts";
import { programCommand } from "./commands/program.ts";
import { purgeCommand } from "./commands/purge.ts";
import { replayCommand } from "./commands/replay.ts";
import { resumeCommand } from "./commands/resume.ts";
import { scheduleCommand } from "./commands/schedule.ts";
import { selftestPeerCommand } from "./commands/selftest-peer.ts";
import { serviceCommand } from "./commands/service.ts";
import { setupCommand } from "./commands/setup.ts";
import { agentCommands } from "./commands/spawn.ts";
import { statusCommand } from "./commands/status.ts";
import { topCommand } from "./commands/top.ts";
import { logCommand, traceCommand } from "./commands/trace.ts";
import { uninstallCommand } from "./commands/uninstall.ts";
import { updateCommand } from "./commands/update.ts";
import { watchCommand } from "./commands/watch.ts";
import { worktreeCommand } from "./commands/worktree.ts";
import { cliContext } from "./context.ts";
import { programHelp } from "./help.ts";
import { printError, printJson } from "./output.ts";

const EXIT_USAGE = 2;
/** As a shell counts a Ctrl-C. */
const EXIT_CANCELLED = 130;

/** Builds the command line. Each command is a file; what a command needs is loaded when it runs. */
export function createProgram(): Command {
  const context = cliContext();
  const program = new Command("repowire")
    .description("Every AI coding agent session on this machine, a peer of one mesh.")
    .version(VERSION, "-V, --version")
    .showSuggestionAfterError()
    .showHelpAfterError("(--help shows what there is)")
    // What stands after `repowire codex` is for codex.
    .enablePositionalOptions()
    .configureHelp({ formatHelp: (command) => programHelp(command.description()) })
    .exitOverride();
  const commands: CommandUnknownOpts[] = [
    setupCommand(context),
    overviewCommand(context),
    topCommand(context),
    statusCommand(context),
    doctorCommand(context),
    discoverCommand(context),
    dashboardCommand(context),
    peerCommand(context),
    ...agentCommands(context),
    worktreeCommand(context),
    circleCommand(context),
    orchestratorCommand(),
    traceCommand(context),
    logCommand(context),
    morningCommand(context),
    searchCommand(context),
    historyCommand(context),
    inboxCommand(context),
    replyCommand(context),
    attachmentCommand(context),
    approvalsCommand(context),
    approveCommand(context),
    denyCommand(context),
    heldCommand(context),
    releaseCommand(context),
    refuseCommand(context),
    quietCommand(context),
    scheduleCommand(context),
    watchCommand(context),
    resumeCommand(context),
    whoamiCommand(context),
    daemonCommand(context),
    serviceCommand(context),
    mcpCommand(),
    exportCommand(context),
    replayCommand(),
    purgeCommand(context),
    completionCommand(),
    updateCommand(context),
    commandsCommand(),
    uninstallCommand(context),
  ];
  for (const command of commands) program.addCommand(command);
  program.addCommand(selftestPeerCommand(context), { hidden: true });
  program.addCommand(completeCommand(context), { hidden: true });
  program.addCommand(programCommand(context), { hidden: true });
  exitInsteadOfThrow(program);
  return program;
}

/** Subcommands throw like the program itself, so that one place decides about the exit code. */
function exitInsteadOfThrow(command: CommandUnknownOpts): void {
  command.exitOverride();
  for (const sub of command.commands) exitInsteadOfThrow(sub);
}

/** Commander has told a person already; whoever reads JSON is told as of any other refusal. */
function endOfParsing(error: CommanderError, isJson: boolean): number {
  if (error.exitCode === 0) return 0;
  const detail = error.message.replace(/^error: /, "");
  if (isJson && detail !== "(outputHelp)")
    printJson({ error: { ...toProblem(new RepowireError("invalid_input", detail)) } });
  return EXIT_USAGE;
}

async function main(): Promise<void> {
  const end = process.argv.indexOf("--");
  // What stands behind `--` is nobody's option.
  const isJson = process.argv.slice(0, end === -1 ? undefined : end).includes("--json");
  try {
    const words = process.argv.slice(2);
    const isAlone = words.every((word) => word === "--json");
    await createProgram().parseAsync(isAlone ? ["overview", ...words] : words, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = endOfParsing(error, isJson);
    else if (error instanceof CancelledError) {
      process.stderr.write(`${error.message}\n`);
      process.exitCode = EXIT_CANCELLED;
    } else process.exitCode = printError(error, isJson);
  }
}

void main();
