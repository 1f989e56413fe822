import { runDemo } from "./demo.ts";

// `npm run demo`: two agents, one question, one answer, on a real daemon. `-- --json` ends by itself with one line.
if (process.argv.includes("--help")) {
  console.log("npm run demo -- [--json]: scripted agents on a real daemon; --json ends by itself with one line.");
  process.exit(0);
}
const isJson = process.argv.includes("--json");
process.exit(await runDemo({ isJson, print: (text) => process.stdout.write(`${text}\n`) }));
