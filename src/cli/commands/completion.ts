import { Argument, Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { findDaemon, httpMesh } from "../../client/index.ts";
import { within } from "../../platform/within.ts";
import { SpawnRuntime } from "../../protocol/index.ts";
import { isSafeWord, type Place, placeOf } from "../completion/candidates.ts";
import { FILES, SCRIPTS, SHELLS } from "../completion/scripts.ts";
import type { CliContext } from "../context.ts";
import { print, printJson } from "../output.ts";

/** A person waits with a finger on Tab. */
const PEERS_MS = 700;

export function completionCommand() {
  return new Command("completion")
    .description("print the script that completes commands, options and peers in your shell")
    .addArgument(new Argument("<shell>", "the shell").choices(SHELLS))
    .option("--json", "print JSON")
    .addHelpText("after", "\nFor bash: echo 'source <(repowire completion bash)' >> ~/.bashrc")
    .action((shell, options) => {
      if (options.json) printJson({ shell, script: SCRIPTS[shell] });
      else print(SCRIPTS[shell].trimEnd());
    });
}

/** What the script asks at each Tab. Prints words, one a line, or nothing; it never fails, since that would be written into a prompt. */
export function completeCommand(context: CliContext) {
  return new Command("complete")
    .description("the words that may follow")
    .argument("[words...]", "what was typed, the word to complete last")
    .action(async (words, _options, command) => {
      const program: CommandUnknownOpts | null = command.parent;
      if (!program) return;
      const place = placeOf(program, words);
      const fitting = [...place.words, ...(await looked(context, place))].filter((word) =>
        word.startsWith(place.begun),
      );
      if (fitting.length > 0) print(fitting.join("\n"));
      else if (place.kind === "file") print(FILES);
    });
}

async function looked(context: CliContext, place: Place): Promise<string[]> {
  if (place.kind === "runtime") return [...SpawnRuntime.options];
  if (place.kind !== "peer" || place.begun.startsWith("-")) return [];
  return (await within(PEERS_MS, peerNames(context.home))) ?? [];
}

/** A peer's name alone where only one has it, with its circle otherwise. No daemon is started for this. */
async function peerNames(home: string): Promise<string[]> {
  try {
    const address = await findDaemon(home);
    if (!address) return [];
    const { peers } = await httpMesh(address).peers({ include_offline: true });
    const count = (name: string) => peers.filter((peer) => peer.name === name).length;
    return peers.map((peer) => (count(peer.name) === 1 ? peer.name : `${peer.name}@${peer.circle}`)).filter(isSafeWord);
  } catch {
    // Nothing is offered then; the command that is being typed will say what is wrong.
    return [];
  }
}
