import { resolve } from "node:path";
import { Command } from "@commander-js/extra-typings";
import { RepowireError, SpawnRuntime } from "../../protocol/index.ts";
import { restartText, resultText } from "../../words/index.ts";
import { circleFor } from "../circle.ts";
import type { CliContext } from "../context.ts";
import { print, printJson } from "../output.ts";
import { openPane } from "../pane.ts";
import { CLI_TOOLS, EXIT_PENDING } from "../tools.ts";
import { askTrust } from "../trust.ts";

/** Sessions that repowire starts and ends. */

const AGENTS: Readonly<Record<string, SpawnRuntime>> = { claude: "claude-code" };

function runtimeOf(word: string | undefined): SpawnRuntime | undefined {
  if (word === undefined) return undefined;
  const runtime = SpawnRuntime.safeParse(AGENTS[word] ?? word).data;
  if (runtime) return runtime;
  throw new RepowireError(
    "invalid_input",
    `repowire cannot start "${word}". It can start: ${SpawnRuntime.options.join(", ")}.`,
  );
}

export function newCommand(context: CliContext) {
  return new Command("new")
    .description("start an agent session in a folder, in tmux, and wait until messages reach it")
    .argument("<path>", "the folder")
    .argument("[args...]", "after --: for the agent's own command")
    .option("--runtime <runtime>", "claude, codex, gemini or opencode")
    .option("--name <name>", "what it is called; the folder's name otherwise")
    .option("--circle <circle>", "who sees it; see repowire circle list --help")
    .option("--worktree <branch>", "on a branch of its own, checked out beside the repository")
    .option("--base <commit>", "where a new branch begins; at the checkout's own commit otherwise")
    .option("--no-setup", "without what the repository's .repowire.yaml wants in a worktree")
    .option("--prompt <text>", "its first message")
    .option("--profile <profile>", "arguments of config.yaml (spawn.profiles)")
    .option("--json", "print JSON")
    .addHelpText("after", '\nExample: repowire peer new ~/api --runtime codex --name api --prompt "Run the tests."')
    .action(async (path, args, options) => {
      const mesh = await context.mesh();
      // Asked once for a repository, and again when it asks for something else.
      if (options.worktree !== undefined && options.setup) await askTrust(mesh, resolve(path));
      const output = await mesh.spawn({
        worktree: options.worktree,
        base: options.base,
        setup: options.setup ? undefined : false,
        path: resolve(path),
        runtime: runtimeOf(options.runtime),
        name: options.name,
        circle: circleFor(resolve(path), options.circle),
        prompt: options.prompt,
        profile: options.profile,
        args: args.length > 0 ? args : undefined,
      });
      if (options.json) printJson(output);
      else print(resultText("spawn", output, { tools: CLI_TOOLS, now: Date.now() }));
      if (output.state !== "started") process.exitCode = EXIT_PENDING;
    });
}

/** `repowire codex -m some-model`: one here, with the words of the agent's own command, and on the screen at once. */
export function agentCommands(context: CliContext) {
  return ["claude", ...SpawnRuntime.options.filter((runtime) => runtime !== "claude-code")].map((name) =>
    new Command(name)
      .description(`start ${name} in this folder as a peer, and open it`)
      .argument("[args...]", `for ${name} itself`)
      .passThroughOptions()
      .allowUnknownOption()
      .addHelpText("after", `\nExample: repowire ${name}\nFor ${name}'s own help: repowire ${name} -- --help`)
      .action(async (args) => {
        const mesh = await context.mesh();
        const output = await mesh.spawn({
          path: process.cwd(),
          runtime: runtimeOf(name),
          circle: circleFor(process.cwd(), undefined),
          args: args.length > 0 ? args : undefined,
        });
        print(resultText("spawn", output, { tools: CLI_TOOLS, now: Date.now() }));
        if (output.state !== "started") process.exitCode = EXIT_PENDING;
        else if (process.stdout.isTTY) process.exitCode = await openPane(await mesh.pane({ peer: output.peer.id }));
      }),
  );
}

export function attachCommand(context: CliContext) {
  return new Command("attach")
    .description("open the pane of a session that repowire started")
    .argument("<peer>", "name, name@circle, or id")
    .option("--json", "print JSON")
    .action(async (peer, options) => {
      const pane = await (await context.mesh()).pane({ peer });
      if (options.json) printJson(pane);
      else process.exitCode = await openPane(pane);
    });
}

export function killCommand(context: CliContext) {
  return new Command("kill")
    .description("end a session with what it started; says what ended")
    .argument("<peer>", "name, name@circle, or id")
    .option("--json", "print JSON")
    .action(async (peer, options) => {
      const output = await (await context.mesh()).kill({ peer });
      if (options.json) printJson(output);
      else print(resultText("kill", output, { tools: CLI_TOOLS, now: Date.now() }));
      if (output.left.length > 0) process.exitCode = 1;
    });
}

export const restartCommand = (context: CliContext) =>
  againCommand(context, "restart", "start a session again in its seat: its mailbox and conversation stay", false);

export const resumeCommand = (context: CliContext) =>
  againCommand(context, "resume", "start a session that has ended, in its seat and with its conversation", true);

function againCommand(context: CliContext, name: string, description: string, endedOnly: boolean) {
  return new Command(name)
    .description(description)
    .argument("<peer>", "name, name@circle, or id")
    .option("--fresh", "begin a new conversation")
    .option("--json", "print JSON")
    .action(async (peer, options) => {
      const output = await (await context.mesh()).restart({ peer, ended_only: endedOnly, fresh: options.fresh });
      if (options.json) printJson(output);
      else print(restartText(output));
      if (output.state !== "started") process.exitCode = EXIT_PENDING;
    });
}

export function moveCommand(context: CliContext) {
  return new Command("move")
    .description("put a peer into another circle; it keeps its mailbox")
    .argument("<peer>", "name, name@circle, or id")
    .argument("<circle>", "the circle")
    .option("--json", "print JSON")
    .action(async (peer, circle, options) => {
      const output = await (await context.mesh()).move({ peer, circle });
      if (options.json) printJson(output);
      else print(`${output.peer.name} is now in circle ${output.peer.circle} (was ${output.was}).`);
    });
}
