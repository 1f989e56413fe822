import { confirm, isCancel, select } from "@clack/prompts";
import { RepowireError } from "../../protocol/index.ts";
import { CancelledError } from "../cancelled.ts";

export const hasTerminal = (): boolean => Boolean(process.stdin.isTTY && process.stdout.isTTY);

/** Setup and uninstall change files of the user: without a terminal to ask in, they have to be told that they may. */
export function checkMayAsk(command: "setup" | "uninstall", options: { json?: boolean }): void {
  if (hasTerminal() && !options.json) return;
  const why = options.json ? "With --json nothing is asked" : "There is no terminal here to ask in";
  throw new RepowireError(
    "human_required",
    `${why}, and \`repowire ${command}\` changes files of yours. See what it would do with \`repowire ${command} --dry-run\`, then run \`repowire ${command} --yes\`.`,
  );
}

export async function askYesNo(message: string, initialValue = true): Promise<boolean> {
  const answer = await confirm({ message, initialValue });
  if (isCancel(answer)) throw new CancelledError();
  return answer;
}

export async function choose<Value extends string>(
  message: string,
  options: { value: Value; label: string; hint?: string }[],
  initialValue: Value,
): Promise<Value> {
  // clack's option type is a conditional one that does not resolve for a type parameter.
  const answer = await select<string>({ message, options, initialValue });
  if (isCancel(answer)) throw new CancelledError();
  return answer as Value; // one of the values above
}
