import type { CommandUnknownOpts } from "@commander-js/extra-typings";

/** The help of the whole program on one screen: names by what one wants, and examples; `repowire commands` says what each does. */

export const GROUPS: Record<string, string[]> = {
  begin: ["setup", "discover", "claude", "codex", "gemini", "opencode", "orchestrator", "update", "uninstall"],
  look: ["overview", "top", "status", "doctor", "dashboard", "trace", "log", "search", "history", "morning"],
  talk: ["peer", "inbox", "reply", "attachment", "schedule", "watch", "whoami"],
  decide: ["approvals", "approve", "deny", "held", "release", "refuse", "quiet", "resume"],
  arrange: ["circle", "worktree", "daemon", "service", "export", "replay", "purge", "mcp", "completion", "commands"],
};

const EXAMPLES: [string, string][] = [
  ["repowire setup", "connect your agent CLIs"],
  ['repowire peer ask backend "Which port?"', "ask a session, and wait"],
  ["repowire trace last", "what is proven of the last message"],
  ["repowire approve k7q2x", "let a tool call go on"],
  ["repowire morning --since 22:00", "the night as one page"],
];

const WIDTH = 78;

export function programHelp(description: string): string {
  const widest = Math.max(...EXAMPLES.map(([line]) => line.length));
  return [
    description,
    "",
    "Usage: repowire                       the mesh, what waits on you, the next step",
    "       repowire COMMAND --help        how a command is used; most take --json",
    "       repowire commands              what each command does",
    "",
    ...Object.entries(GROUPS).flatMap(([group, names]) => wrapped(`  ${group.padEnd(9)}`, names)),
    "",
    "Examples:",
    ...EXAMPLES.map(([line, what]) => `  ${line.padEnd(widest)}  ${what}`),
    "",
    "",
  ]
    .slice(0, -1)
    .join("\n");
}

function wrapped(head: string, names: readonly string[]): string[] {
  const lines = [head];
  for (const name of names) {
    const line = `${lines.at(-1)} ${name}`;
    if (line.length <= WIDTH) lines[lines.length - 1] = line;
    else lines.push(`${" ".repeat(head.length)} ${name}`);
  }
  return lines;
}

/** Every command that can be run, as it is typed, with what it says of itself. */
export interface Usage {
  command: string;
  arguments: { name: string; required: boolean; several: boolean }[];
  options: string[];
  description: string;
}

export function usages(program: CommandUnknownOpts, before: readonly string[] = []): Usage[] {
  return program
    .createHelp()
    .visibleCommands(program)
    .filter((command) => command.name() !== "help")
    .flatMap((command) => {
      const words = [...before, command.name()];
      const own = {
        command: words.join(" "),
        arguments: command.registeredArguments.map((one) => ({
          name: one.name(),
          required: one.required,
          several: one.variadic,
        })),
        options: command.options.filter((option) => !option.hidden).map((option) => option.flags),
        description: command.description(),
      };
      // What only holds others is not run itself.
      return command.commands.length > 0 ? usages(command, words) : [own];
    });
}
