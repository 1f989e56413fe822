import { ENTRY_WORD, type Entry } from "../platform/program.ts";

// The single binary: its first word says which part of repowire is wanted. Each part is a chunk of its own, so a hook starts as fast
// as if it were alone. What is not named is the command line, so that the binary can be run by hand.
const PARTS: Record<Entry, () => Promise<unknown>> = {
  cli: () => import("../cli/main.ts"),
  hook: () => import("../hooks/main.ts"),
  "channel-claude-code": () => import("../../channels/claude-code/main.ts"),
  mcp: () => import("../../channels/tools/main.ts"),
};

function takePart(): Entry {
  const word = process.argv[2];
  if (!word?.startsWith(ENTRY_WORD)) return "cli";
  process.argv.splice(2, 1);
  const name = word.slice(ENTRY_WORD.length);
  if (Object.hasOwn(PARTS, name)) return name as Entry; // a key of the table
  process.stderr.write(`repowire: this binary has no part named "${name}".\n`);
  process.exit(2);
}

await PARTS[takePart()]();
