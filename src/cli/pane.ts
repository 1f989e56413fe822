import { shellWord } from "../platform/shell.ts";
import type { OperationOutput } from "../protocol/index.ts";
import { print } from "./output.ts";

/**
 * Shows a session's pane in this terminal, and resolves to the exit code when the person has left it. Inside its own tmux server the
 * client goes there; inside another, or without a terminal, the command is said, since tmux in tmux is a person's own choice.
 */
export async function openPane(pane: OperationOutput<"pane">): Promise<number> {
  const around = process.env.TMUX?.split(",")[0];
  const isInside = around === pane.socket;
  if (!process.stdin.isTTY || !process.stdout.isTTY || (around && !isInside)) {
    print(
      `${pane.peer} is in ${pane.label}. To open it from a terminal outside tmux:\n${pane.attach.map(shellWord).join(" ")}`,
    );
    return 0;
  }
  const command = isInside ? pane.switch_to : pane.attach;
  return Bun.spawn(command, { stdin: "inherit", stdout: "inherit", stderr: "inherit" }).exited;
}
