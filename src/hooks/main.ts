import { runHook } from "./hook.ts";

// Started by the agent CLI with every event of a session: it must be quick, print nothing but its answer, and never fail.
function main(): void {
  // `repowire-hook EVENT` is Claude Code's; the others name themselves: `repowire-hook RUNTIME EVENT`.
  const words = process.argv.slice(2);
  const [runtime, event] = words.length > 1 ? words : ["claude-code", words[0]];
  runHook({
    runtime: runtime ?? "",
    event: event ?? "",
    env: process.env,
    readInput: () => Bun.stdin.text(),
    print: (text) => printAll(text),
  }).then(
    () => process.exit(0),
    () => process.exit(0),
  );
}

/** Resolves when the text is with the CLI: what it carries counts as handed over only then. */
function printAll(text: string): Promise<void> {
  return new Promise((resolve) => process.stdout.write(text, () => resolve()));
}

main();
