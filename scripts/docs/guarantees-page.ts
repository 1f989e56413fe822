import { join } from "node:path";
import { citations } from "../../test/contract/citations.ts";
import { REQUIREMENTS } from "../../test/contract/requirements.ts";

/** Every promise of the product with what proves it. */
export function guaranteesPage(): string {
  const cited = citations(join(import.meta.dir, "..", ".."));
  const rows = REQUIREMENTS.map(({ id, text, source }) => {
    const proof = (cited.get(id) ?? []).map((file) => `[${file.split("/").at(-1)}](../${file})`).join(", ");
    return `| \`${id}\` | ${text} | ${source} | ${proof} |`;
  });
  return `# What repowire promises, and what proves it

Made from \`test/contract/requirements.ts\` by \`npm run docs\`. Each promise is cited (\`// @req ID\`) by the tests that prove it; a test fails
when one is cited by none. How the simulation works and how to run it: [testing.md](testing.md).

| id | promise | from | proven in |
| --- | --- | --- | --- |
${rows.join("\n")}
`;
}
