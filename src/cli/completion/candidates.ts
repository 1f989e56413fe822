import type { CommandUnknownOpts, Option } from "@commander-js/extra-typings";

/** What may stand at one place of a line: words that are known, or words of a kind that the caller looks up. */
export interface Place {
  words: string[];
  kind?: "peer" | "runtime" | "file";
  /** What was typed of it so far. */
  begun: string;
}

/** Which kind of word an argument or an option's value is, by the name that its command gives it. */
const KINDS: Record<string, Place["kind"]> = {
  peer: "peer",
  what: "peer",
  with: "peer",
  runtime: "runtime",
  path: "file",
  file: "file",
  out: "file",
};

/** Words that the command's own text names. */
const CHOICES: Record<string, readonly string[]> = { policy: ["accept", "hold", "refuse", "auto"] };

/**
 * What may follow in a line of which `words` was typed; the last one, perhaps empty, is the one to complete. Read from the commands
 * themselves, as their help is.
 */
export function placeOf(program: CommandUnknownOpts, words: readonly string[]): Place {
  const begun = words.at(-1) ?? "";
  let command = program;
  let position = 0;
  let wanting: Option | undefined;
  let areOptionsOver = false;
  for (const word of words.slice(0, -1)) {
    if (wanting) wanting = undefined;
    else if (!areOptionsOver && word === "--") areOptionsOver = true;
    else if (!areOptionsOver && word.startsWith("-")) {
      const option = command.options.find(({ short, long }) => word === short || word === long);
      if (option?.required) wanting = option;
    } else {
      const sub = position === 0 ? visible(command).find((each) => each.name() === word) : undefined;
      if (sub) command = sub;
      else position++;
    }
  }
  if (wanting) return { begun, ...named(wanting.attributeName(), wanting.argChoices) };
  const argument =
    command.registeredArguments[position] ?? command.registeredArguments.filter((each) => each.variadic)[0];
  // What stands behind the first word of `repowire codex` is codex's.
  const isTheirs = argument?.variadic === true && argument.name() === "args";
  if (!areOptionsOver && begun.startsWith("-"))
    return { begun, words: isTheirs && position > 0 ? [] : options(command) };
  const subcommands = position === 0 ? visible(command).map((each) => each.name()) : [];
  if (!argument) return { begun, words: subcommands };
  const place = named(argument.name(), argument.argChoices);
  return { begun, ...place, words: [...subcommands, ...place.words] };
}

function named(name: string, choices: readonly string[] | undefined): Omit<Place, "begun"> {
  return { words: [...(choices ?? CHOICES[name] ?? [])], kind: KINDS[name] };
}

const visible = (command: CommandUnknownOpts): readonly CommandUnknownOpts[] =>
  command.createHelp().visibleCommands(command);

function options(command: CommandUnknownOpts): string[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .map(({ long, short }) => long ?? short ?? "")
    .filter((word) => word !== "");
}

/** A name that a shell would read as anything but a plain word is not offered: a peer chooses its name. */
export const isSafeWord = (word: string): boolean => /^\w[\w.@+-]*$/.test(word);
