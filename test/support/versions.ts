import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HomePaths } from "../../src/platform/paths.ts";
import { ENTRIES, FACTS } from "../../src/platform/program.ts";

/** Bundles that call themselves another version and do something else first, as a version with a fault would. */
export function faultyVersion(bundles: string, into: string, version: string, script: string): string {
  cpSync(bundles, into, { recursive: true });
  for (const name of readdirSync(into).filter((name) => name.endsWith(".jsc"))) rmSync(join(into, name));
  const facts = JSON.parse(readFileSync(join(into, FACTS), "utf8"));
  writeFileSync(join(into, FACTS), JSON.stringify({ ...facts, version }));
  for (const { bundle } of Object.values(ENTRIES)) {
    const file = join(into, bundle);
    const text = readFileSync(file, "utf8")
      .replace("// @bun @bytecode @bun-cjs", "// @bun @bun-cjs")
      .replaceAll(JSON.stringify(facts.version), JSON.stringify(version));
    const start = text.indexOf("{") + 1;
    writeFileSync(file, `${text.slice(0, start)}${script}\n${text.slice(start)}`);
  }
  return into;
}

/** Folders of versions in a home, without the link to the current one. */
export const versionsIn = (paths: HomePaths): string[] =>
  readdirSync(paths.versions)
    .filter((name) => name !== "current")
    .sort();
