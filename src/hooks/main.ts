import { runHook } from "./hook.ts";

// Started by the agent CLI with every event of a session: it must be quick, print nothing but its answer, and never fail.
function main(): void {
  const [event] = process.argv.slice(2);
  runHook({
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
