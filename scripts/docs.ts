import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { guaranteesPage } from "./docs/guarantees-page.ts";
import { protocolPage } from "./docs/protocol-page.ts";

// Writes the pages that are made from the code's own tables; `--check` fails when one of them is not what the code says.
const root = join(import.meta.dir, "..");
const PAGES = { "docs/protocol.md": protocolPage, "docs/guarantees.md": guaranteesPage } as const;

let stale = 0;
for (const [name, make] of Object.entries(PAGES)) {
  const file = join(root, name);
  const content = make();
  if (!process.argv.includes("--check")) writeFileSync(file, content);
  else if (readOr(file) !== content) {
    console.error(`${name} is not what the code says: run \`npm run docs\``);
    stale++;
  }
}
process.exit(stale === 0 ? 0 : 1);

function readOr(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
